//! The file of the secret for identities: with its checksum, and as earlier versions wrote it.

use crate::cell::parse_identity_key;

const KEY: [u8; 32] = [7; 32];

/// A key's bytes and what follows them in the file: whether the file is taken.
fn check(key: &[u8], rest: &[u8], is_taken: bool) {
    let parsed = parse_identity_key(&[key, rest].concat());
    assert_eq!(parsed.is_some(), is_taken, "{} and {} bytes", key.len(), rest.len());
    assert!(parsed.is_none_or(|parsed| parsed == KEY));
}

#[test]
fn a_key_that_is_not_the_one_written_is_refused() {
    let crc = crc32c::crc32c(&KEY).to_be_bytes();
    check(&KEY, &[], true);
    check(&KEY, &crc, true);
    check(&[6; 32], &crc, false);
    check(&KEY, &crc32c::crc32c(&KEY).wrapping_add(1).to_be_bytes(), false);
    check(&KEY, &crc[..3], false);
    check(&KEY, &[&crc[..], &[0]].concat(), false);
    check(&KEY[..31], &[], false);
    check(&[], &[], false);
}
