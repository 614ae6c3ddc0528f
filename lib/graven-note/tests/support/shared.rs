//! Where test vectors that lie beside the checkout are found.

use std::path::{Path, PathBuf};

/// The path below `shared` beside the checkout; without it the test is skipped, and says so.
///
/// With `CI=true` a skip fails unless the table of allowed skips in xtask names the test.
#[expect(clippy::print_stdout, reason = "a skip must be seen, and xtask counts these lines")]
pub(crate) fn shared(test: &str, below: &str) -> Option<PathBuf> {
    let manifest_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    let found =
        manifest_dir.ancestors().map(|dir| dir.join("shared").join(below)).find(|p| p.exists());
    if found.is_none() {
        println!("SKIP {test}: ../shared/{below} missing");
        let strict = std::env::var("CI").is_ok_and(|ci| ci == "true");
        let allowed = std::fs::read_to_string(manifest_dir.join("../../xtask/src/skips.rs"))
            .is_ok_and(|table| table.contains(&format!("\"{test}\"")));
        assert!(!strict || allowed, "{test} may not be skipped where CI=true");
    }
    found
}
