//! axe-core, from npm in the version of `xtask/conformance/axe`, run in a page.

use std::path::Path;

use serde_json::Value;

use super::chromium::Chromium;
use crate::conformance::npm;
use crate::conformance::report::Report;
use crate::stage::Stages;

/// What WCAG 2.2 AA asks, with all that it takes over.
const RUN: &str = "axe.run(document, {resultTypes: ['violations'], runOnly: {type: 'tag', \
    values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']}}).then(({violations}) => \
    violations.map(({id, help, nodes}) => `${id}: ${help}: ${nodes.map((one) => `${one.target} (${one.any.map((why) => why.message)})`).join(' | ')}`))";

/// The script; none, with a skip, where it cannot be had.
pub(super) fn fetch(
    root: &Path,
    stages: &Stages,
    report: &mut Report,
) -> Result<Option<String>, String> {
    let target = npm::packages(root, stages, report, "axe")?;
    let Some(target) = target else { return Ok(None) };
    let script = target.join("node_modules/axe-core/axe.min.js");
    let script = std::fs::read_to_string(&script);
    script.map(Some).map_err(|e| format!("axe-core has no axe.min.js: {e}"))
}

/// What it finds in the page that is open.
pub(super) fn violations(browser: &mut Chromium, axe: &str) -> Result<(), String> {
    // What is folded up is checked too.
    browser.evaluate("for (const shut of document.querySelectorAll('details')) shut.open = true");
    browser.evaluate(&format!("{axe};undefined"));
    let Value::Array(found) = browser.evaluate(RUN) else {
        return Err("axe-core gave no list".to_owned());
    };
    let found: Vec<&str> = found.iter().filter_map(Value::as_str).collect();
    if found.is_empty() { Ok(()) } else { Err(found.join("\n          ")) }
}
