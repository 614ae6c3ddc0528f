//! Pseudonyms are stable while a key lives, and tell nothing.

use super::is_pseudonym;
use crate::{KeyId, SubjectKeys};

#[test]
fn the_same_key_and_id_give_the_same() {
    let keys = |number: u8| SubjectKeys::new(KeyId([0; 16]), &[number; 32]);
    let anna = keys(1).pseudonym("anna");
    assert_eq!(anna, keys(1).pseudonym("anna"));
    assert_ne!(anna, keys(2).pseudonym("anna"), "another key unlinks them");
    assert_ne!(anna, keys(1).pseudonym("anne"));
    assert!(is_pseudonym(&anna), "{anna}");
}

/// Computed with Python's hmac and hashlib: T(1) of HKDF-Expand, then HMAC over the id.
#[test]
fn a_known_answer() {
    let keys = SubjectKeys::new(KeyId([0; 16]), &[7; 32]);
    assert_eq!(keys.pseudonym("anna@example.org"), "p_Zz2pWTvGt8MBiczXINS4iG");
}

#[test]
fn only_the_form_counts() {
    for (text, expected) in [
        ("p_0123456789abcdefghiA-_", true),
        ("p_0123456789abcdefghiA-", false),
        ("p_0123456789abcdefghiA-_x", false),
        ("p_0123456789abcdefghiA+_", false),
        ("0123456789abcdefghiA-_xx", false),
        ("", false),
    ] {
        assert_eq!(is_pseudonym(text), expected, "{text}");
    }
}
