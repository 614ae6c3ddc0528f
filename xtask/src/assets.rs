//! What browsers run and is committed as it is built: the verifier in WebAssembly.
//!
//! The build is made to give the same bytes wherever it runs: one toolchain (`rust-toolchain.toml`), one `Cargo.lock`,
//! one codegen unit, and no path of the machine in it. So what is committed can be compared byte by byte.

use std::path::{Path, PathBuf};
use std::process::Command;

use brotli::BrotliCompress;
use brotli::enc::BrotliEncoderParams;

use crate::stage::Stages;

/// Where it is committed; the server takes it from here, too.
const COMMITTED: &str = "sdk/verify/graven_verify.wasm";
/// The same in brotli, for browsers that take it: a fifth less than gzip makes of it, and too slow to make while one waits.
const COMPRESSED: &str = "crates/server/ui/graven_verify.wasm.br";
/// Where cargo puts it.
const BUILT: &str = "target/wasm32-unknown-unknown/wasm/graven_wasm.wasm";

/// Has sha2 take its small code: 13 KB less, and entries are short; and dalek count in 64 bits, as processors do.
const SMALL_CODE: [&str; 3] = [
    "--cfg=sha2_backend=\"soft\"",
    "--cfg=sha2_backend_soft=\"compact\"",
    "--cfg=curve25519_dalek_bits=\"64\"",
];

/// Builds the module and puts it where it is committed.
pub(crate) fn write(root: &Path) -> Result<bool, String> {
    let Some(module) = build(root, &Stages::new(root)?)? else { return Ok(false) };
    for (name, bytes) in [(COMMITTED, &module), (COMPRESSED, &compressed(&module))] {
        std::fs::write(root.join(name), bytes).map_err(|e| format!("cannot write {name}: {e}"))?;
        println!("{name}: {} bytes", bytes.len());
    }
    Ok(true)
}

/// Builds the module and compares it with what is committed; what is wrong.
pub(crate) fn compare(root: &Path, stages: &Stages) -> Result<Option<String>, String> {
    let Some(built) = build(root, stages)? else {
        return Ok(Some("the module for browsers does not build".to_owned()));
    };
    let committed = |name: &str| std::fs::read(root.join(name)).unwrap_or_default();
    let plain = difference(COMMITTED, &built, &committed(COMMITTED));
    Ok(plain.or_else(|| difference(COMPRESSED, &compressed(&built), &committed(COMPRESSED))))
}

fn difference(name: &str, built: &[u8], committed: &[u8]) -> Option<String> {
    (built != committed).then(|| {
        format!(
            "{name} ({} bytes) is not what lib/ gives ({} bytes); run `cargo xtask assets` and commit it",
            committed.len(),
            built.len()
        )
    })
}

/// The module in brotli, as small as that makes it.
fn compressed(module: &[u8]) -> Vec<u8> {
    let size_hint = module.len();
    let params = BrotliEncoderParams { quality: 11, lgwin: 22, size_hint, ..Default::default() };
    let mut out = Vec::new();
    BrotliCompress(&mut &*module, &mut out, &params).expect("writing to memory does not fail");
    out
}

/// The module's bytes; none where it does not build.
fn build(root: &Path, stages: &Stages) -> Result<Option<Vec<u8>>, String> {
    let mut cargo = Command::new("cargo");
    cargo.args(["rustc", "--locked", "--package", "graven-wasm", "--lib"]);
    cargo.args(["--target", "wasm32-unknown-unknown", "--profile", "wasm"]);
    cargo.args(["--crate-type", "cdylib"]).current_dir(root);
    let mut flags: Vec<String> = SMALL_CODE.map(str::to_owned).to_vec();
    let remapped = remapped(root).into_iter();
    flags.extend(remapped.map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display())));
    cargo.env_remove("RUSTFLAGS").env("CARGO_ENCODED_RUSTFLAGS", flags.join("\x1f"));
    let outcome = stages.run_quiet("assets", &mut cargo)?;
    if !outcome.good {
        stages.print_tail("assets", &outcome.output);
        return Ok(None);
    }
    std::fs::read(root.join(BUILT)).map(Some).map_err(|e| format!("cannot read {BUILT}: {e}"))
}

/// Folders of this machine that would stand in the module, in the messages of panics, and what stands there instead.
fn remapped(root: &Path) -> Vec<(PathBuf, &'static str)> {
    let mut folders = vec![(root.to_owned(), "graven")];
    let home = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let home = home.or_else(|| std::env::home_dir().map(|home| home.join(".cargo")));
    let sources = home.map(|home| home.join("registry/src"));
    // One folder for each registry or mirror, with a hash of its address in the name.
    let registries = sources.and_then(|folder| std::fs::read_dir(folder).ok());
    for registry in registries.into_iter().flatten().flatten() {
        folders.push((registry.path(), "crates"));
    }
    folders
}

#[cfg(test)]
mod tests;
