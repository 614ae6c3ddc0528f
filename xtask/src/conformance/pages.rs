//! The web UI in a browser: each page of the table below, light and dark, wide and narrow; checked by axe-core for what
//! WCAG 2.2 AA asks, or drawn into a folder for people to look at.

mod axe;
#[path = "../../../crates/server/src/tests/browser/chromium.rs"]
#[expect(dead_code, reason = "the server's tests press keys and drag as well")]
mod chromium;
mod place;
mod shots;

use std::path::Path;

use serde_json::json;

use super::report::Report;
use crate::stage::Stages;
use chromium::Chromium;
use place::Place;

pub(crate) use shots::run as screenshots;

/// A page, and when all of it is drawn.
struct Page {
    name: &'static str,
    /// `{entry}` is the index of an entry with changes, `{view}` a view link.
    path: &'static str,
    /// True in the page once it is drawn.
    drawn: &'static str,
    /// What is run in it, before it is opened again.
    before: Option<&'static str>,
}

const fn page(name: &'static str, path: &'static str, drawn: &'static str) -> Page {
    Page { name, path, drawn, before: None }
}

/// The page that whoever has not signed in sees everywhere.
const SIGN_IN: Page = page("sign-in", "/ui/", "document.querySelector('#by-passkey')");

/// All other pages. One more is one line.
const PAGES: &[Page] = &[
    page("overview", "/ui/", "document.querySelector('.card')"),
    page("log", "/ui/logs/main", "document.querySelectorAll('.entries tbody tr').length > 20"),
    page("log-open", "/ui/logs/main?open={entry}", BADGE),
    page("found", "/ui/logs/main?q=outcome:denied", "document.querySelector('.facet')"),
    page("entry", "/ui/logs/main/{entry}", BADGE),
    page(
        "resource",
        "/ui/logs/main/resource?target=deployment/booking-api",
        "document.querySelector('#states input[type=range]')",
    ),
    page(
        "timeline",
        "/ui/logs/main/timeline?actor=mira.k",
        "document.querySelector('#replay button')",
    ),
    Page { before: Some(OTHER_LOG), ..page("entry-red", "/ui/logs/main/{entry}", BADGE) },
    page("queries", "/ui/logs/main/queries", "document.querySelector('#saved .card')"),
    page("queries-none", "/ui/logs/system/queries", "document.querySelector('#saved .empty')"),
    page("integrity", "/ui/logs/main/integrity", BADGE),
    page("export", "/ui/logs/main/export?q=actor.type:user&format=csv", EXPORTED),
    page(
        "access",
        "/ui/access",
        "document.querySelector('#access > section') && !document.querySelector('#access [aria-busy]')",
    ),
    page("view", "/ui/view#{view}", "document.querySelectorAll('#view tbody tr').length > 5"),
    page("view-open", "/ui/view#{view}", OPENED),
    page("missing", "/ui/logs/none", "document.querySelector('h1')"),
];

/// Has the browser remember another log in the place of this one, so that the badge is red.
const OTHER_LOG: &str = "localStorage.setItem('graven.seen.main', \
     JSON.stringify({...JSON.parse(localStorage.getItem('graven.seen.main')), origin: 'another/log'}))";
const BADGE: &str = "document.querySelector('.badge')";
/// Opens the first entry, once, and waits until it is verified.
const OPENED: &str = "(globalThis.pressed ||= (document.querySelector('#view [data-index]')?.click(), \
     !!document.querySelector('#view [data-index]'))) && document.querySelector('.badge')";
/// Presses the button, once, and waits for the file.
const EXPORTED: &str = "(globalThis.pressed ||= document.querySelector('#export')?.elements.q.value \
     && (document.querySelector('#export').requestSubmit(), true)) && document.querySelector('.files')";

/// How a page is looked at.
#[derive(Clone, Copy)]
struct Look {
    name: &'static str,
    width_px: u32,
    scheme: &'static str,
}

const LOOKS: [Look; 4] = [
    Look { name: "wide-light", width_px: 1280, scheme: "light" },
    Look { name: "wide-dark", width_px: 1280, scheme: "dark" },
    Look { name: "narrow-light", width_px: 360, scheme: "light" },
    Look { name: "narrow-dark", width_px: 360, scheme: "dark" },
];
const HEIGHT_PX: u32 = 800;

/// Runs the part; `graven` is built.
pub(super) fn run(root: &Path, stages: &Stages, report: &mut Report) -> Result<(), String> {
    let Some(axe) = axe::fetch(root, stages, report)? else { return Ok(()) };
    let Some(mut browser) = Chromium::start() else {
        report.skip("conformance-axe: install chromium");
        return Ok(());
    };
    let place = Place::start(root)?;
    each(&mut browser, &place, |browser, page, look| {
        let name = format!("axe-core finds nothing on {}, {}", page.name, look.name);
        report.check(&name, axe::violations(browser, &axe));
        Ok(())
    })?;
    // Chromium draws its own controls with pictures in `data:`.
    let here = [place.base.as_str(), "blob:", "data:"];
    let own = |url: &&String| here.iter().any(|start| url.starts_with(start));
    let elsewhere: Vec<&String> = browser.asked.iter().filter(|url| !own(url)).collect();
    let asked = if elsewhere.is_empty() { Ok(()) } else { Err(format!("{elsewhere:?}")) };
    report.check("no page asks another host for anything", asked);
    Ok(())
}

/// Opens every page in every look, and has it looked at.
fn each(
    browser: &mut Chromium,
    place: &Place,
    mut see: impl FnMut(&mut Chromium, &Page, Look) -> Result<(), String>,
) -> Result<(), String> {
    let mut open = |browser: &mut Chromium, page: &Page, look: Look| {
        put_on(browser, look);
        let path = page.path.replace("{entry}", &place.entry.to_string());
        if let Some(before) = page.before {
            browser.open(&format!("{}{path}", place.base), page.drawn);
            browser.evaluate(before);
        }
        // A page that differs behind `#` alone would not be loaded again.
        browser.open("about:blank", "true");
        browser.open(&format!("{}{}", place.base, path.replace("{view}", &place.view)), page.drawn);
        let seen = see(browser, page, look);
        if page.before.is_some() {
            browser.evaluate("localStorage.clear()");
        }
        seen
    };
    for look in LOOKS {
        open(browser, &SIGN_IN, look)?;
    }
    place.sign_in(browser);
    for page in PAGES {
        for look in LOOKS {
            open(browser, page, look)?;
        }
    }
    Ok(())
}

fn put_on(browser: &mut Chromium, look: Look) {
    let size = json!({"width": look.width_px, "height": HEIGHT_PX, "deviceScaleFactor": 1, "mobile": false});
    browser.ask("Emulation.setDeviceMetricsOverride", &size);
    let features = json!([
        {"name": "prefers-color-scheme", "value": look.scheme},
        {"name": "prefers-reduced-motion", "value": "reduce"},
    ]);
    browser.ask("Emulation.setEmulatedMedia", &json!({"features": features}));
}
