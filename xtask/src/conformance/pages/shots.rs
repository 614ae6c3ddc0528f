//! `cargo xtask screenshots`: every page in every look, as pictures.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::chromium::Chromium;
use super::place::Place;
use super::{HEIGHT_PX, Look, each};
use crate::stage::Stages;

/// Pixels of the longest picture; what is below is cut off.
const LONGEST_PX: u64 = 2_400;
/// Pages, and their looks, of which there is a small picture for `docs/pictures` too: as much as a window shows.
const SMALL: [(&str, &str); 5] = [
    ("found", "wide-light"),
    ("entry", "wide-light"),
    ("integrity", "wide-light"),
    ("access", "wide-dark"),
    ("view", "narrow-light"),
];
/// Their quality, so that none has over 150 KB.
const QUALITY: u32 = 80;

/// Draws all pages into a folder; whether there was a browser.
pub(crate) fn run(root: &Path, folder: &Path) -> Result<bool, String> {
    let mut build = Command::new("cargo");
    build.args(["build", "--package", "graven"]).current_dir(root);
    if !Stages::new(root)?.run("build graven", &mut build)?.good {
        return Ok(false);
    }
    let Some(mut browser) = Chromium::start() else {
        println!("SKIP screenshots: no browser, install chromium");
        return Ok(false);
    };
    let small = folder.join("small");
    std::fs::create_dir_all(&small).map_err(|e| format!("cannot make {}: {e}", small.display()))?;
    let place = Place::start(root)?;
    each(&mut browser, &place, |browser, page, look| {
        let height = browser.evaluate("document.documentElement.scrollHeight").as_u64();
        let height = height.unwrap_or_default().clamp(u64::from(HEIGHT_PX), LONGEST_PX);
        let whole =
            json!({"format": "png", "captureBeyondViewport": true, "clip": clip(look, height)});
        let path = folder.join(format!("{}-{}.png", page.name, look.name));
        println!("{}: {}", path.display(), browser.text("h1"));
        shoot(browser, &whole, &path)?;
        if SMALL.contains(&(page.name, look.name)) {
            let clip = clip(look, u64::from(HEIGHT_PX));
            let window = json!({"format": "webp", "quality": QUALITY, "clip": clip});
            shoot(browser, &window, &small.join(format!("{}.webp", page.name)))?;
        }
        Ok(())
    })?;
    println!("pictures are in {}", folder.display());
    Ok(true)
}

fn clip(look: Look, height: u64) -> Value {
    json!({"x": 0, "y": 0, "width": look.width_px, "height": height, "scale": 1})
}

fn shoot(browser: &mut Chromium, wanted: &Value, path: &Path) -> Result<(), String> {
    let drawn = browser.ask("Page.captureScreenshot", wanted);
    let Value::String(text) = &drawn["data"] else { return Err("no picture came".to_owned()) };
    let picture = STANDARD.decode(text).map_err(|e| format!("the picture: {e}"))?;
    std::fs::write(path, picture).map_err(|e| format!("cannot write {}: {e}", path.display()))
}
