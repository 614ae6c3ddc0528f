//! The house rules that no compiler checks, run as a task and as a test.
//!
//! Each check is one function from the tree of files to a list of messages. To add one: write the function in the
//! file of its subject, add a line to [`CHECKS`], and show in `tests.rs` on a few lines of input that it can fail.

mod crates;
mod docs;
mod manifest;
mod mask;
mod source;
mod table;
mod tree;

use std::path::Path;

use tree::Tree;

/// One house rule.
struct Check {
    name: &'static str,
    /// Takes every file of the checkout, gives one message for each breach: `path:line: what is wrong; what to do`.
    run: fn(&Tree) -> Vec<String>,
}

/// All house rules.
const CHECKS: &[Check] = &[
    Check { name: "dependency table between crates", run: crates::dependency_table },
    Check { name: "workspace lints in each crate", run: crates::workspace_lints },
    Check { name: "ARCHITECTURE.md names every crate", run: crates::architecture },
    Check { name: "the container file copies every crate", run: crates::container },
    Check { name: "docs/dependencies.md names every dependency", run: crates::dependency_page },
    Check { name: "module comments", run: source::module_comments },
    Check { name: "function length", run: source::function_length },
    Check { name: "leftover markers", run: source::leftover_markers },
    Check { name: "printing", run: source::printing },
    Check { name: "ASCII code", run: source::ascii_code },
    Check { name: "machine paths", run: docs::machine_paths },
    Check { name: "one title a page", run: docs::one_title },
    Check { name: "a page for each error code", run: docs::error_pages },
];

/// Runs every check on the checkout and prints what it found.
pub(crate) fn run(root: &Path) -> Result<bool, String> {
    let tree = Tree::load(root)?;
    let mut total = 0;
    for check in CHECKS {
        let found = (check.run)(&tree);
        println!("tidy: {}: {}", check.name, verdict(found.len()));
        for message in &found {
            println!("  {message}");
        }
        total += found.len();
    }
    Ok(total == 0)
}

fn verdict(count: usize) -> String {
    if count == 0 { "ok".to_owned() } else { format!("{count} found") }
}

#[cfg(test)]
mod tests;
