//! The comparison can fail, and what is sent compressed is the module.

use std::path::Path;

use super::{COMMITTED, COMPRESSED, compressed, difference};

#[test]
fn other_bytes_are_seen() {
    assert_eq!(difference(COMMITTED, b"\0asm", b"\0asm"), None);
    for committed in [b"\0asn".as_slice(), b"\0as", b"\0asmx", b""] {
        let found = difference(COMMITTED, b"\0asm", committed);
        assert!(
            found.is_some_and(|message| message.contains("cargo xtask assets")),
            "{committed:?}"
        );
    }
}

#[test]
fn the_compressed_module_is_the_module() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let read = |name: &str| std::fs::read(root.join(name)).unwrap();
    let (module, committed) = (read(COMMITTED), read(COMPRESSED));
    let mut out = Vec::new();
    brotli::BrotliDecompress(&mut &*committed, &mut out).unwrap();
    assert!(out == module, "{COMPRESSED} is of another module; run `cargo xtask assets`");
    assert!(compressed(&module) == committed, "{COMPRESSED} is not what this version makes");
}
