//! The comparison can fail.

use super::difference;

#[test]
fn other_bytes_are_seen() {
    assert_eq!(difference(b"\0asm", b"\0asm"), None);
    for committed in [b"\0asn".as_slice(), b"\0as", b"\0asmx", b""] {
        let found = difference(b"\0asm", committed);
        assert!(
            found.is_some_and(|message| message.contains("cargo xtask assets")),
            "{committed:?}"
        );
    }
}
