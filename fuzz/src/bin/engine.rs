//! Runs the target that `GRAVEN_FUZZ_TARGET` names under libFuzzer; `cargo xtask fuzz` builds and starts it.

#![no_main]

use std::path::Path;
use std::sync::OnceLock;

use fuzz::{TARGETS, Target};

static TARGET: OnceLock<&Target> = OnceLock::new();

libfuzzer_sys::fuzz_target!(
    init: prepare(),
    |bytes: &[u8]| {
        let target = TARGET.get().expect("it is prepared before the first input");
        // Whether it was accepted is for the quick run to count.
        let _accepted = (target.run)(bytes);
    }
);

/// Finds the target and writes its seeds into the folder that `GRAVEN_FUZZ_SEEDS` names.
fn prepare() {
    let name = std::env::var("GRAVEN_FUZZ_TARGET").unwrap_or_default();
    let target = TARGETS.iter().find(|target| target.name == name);
    let target = target.unwrap_or_else(|| panic!("no target {name:?}; set GRAVEN_FUZZ_TARGET"));
    if let Some(folder) = std::env::var_os("GRAVEN_FUZZ_SEEDS") {
        for (number, seed) in (target.seeds)().iter().enumerate() {
            let path = Path::new(&folder).join(format!("seed-{number}"));
            std::fs::write(&path, seed).expect("the folder of seeds is there and writable");
        }
    }
    TARGET.get_or_init(|| target);
}
