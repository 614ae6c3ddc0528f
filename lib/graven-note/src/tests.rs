//! What can't be seen from outside: the bytes that are signed, and the strict lines.

use graven_merkle::{Hash, LeafIndex};

use crate::lines::parse_decimal;
use crate::message::{SubtreeMessage, cosignature_v1};
use crate::{Algorithm, KeyId, KeyName, SignatureLine};

fn name(text: &str) -> KeyName {
    text.parse().expect("key name")
}

#[test]
fn cosigned_messages() {
    let message = SubtreeMessage {
        cosigner: &name("w"),
        timestamp_s: 0x0102_0304,
        origin: "log",
        start: LeafIndex(0),
        end: LeafIndex(0x0506),
        hash: &Hash::new([0xaa; 32]),
    };
    let mut expected = b"subtree/v1\n\0".to_vec();
    expected.extend(b"\x01w\0\0\0\0\x01\x02\x03\x04");
    expected.extend(b"\x03log\0\0\0\0\0\0\0\0");
    expected.extend(b"\0\0\0\0\0\0\x05\x06");
    expected.extend([0xaa; 32]);
    assert_eq!(message.to_bytes(), Some(expected));
    for (origin, fits) in
        [("a".repeat(255), true), ("a".repeat(256), false), (String::new(), false)]
    {
        let message = SubtreeMessage { origin: &origin, ..message };
        assert_eq!(message.to_bytes().is_some(), fits, "{} bytes", origin.len());
    }
    assert_eq!(cosignature_v1(7, "a\n0\nb\n"), b"cosignature/v1\ntime 7\na\n0\nb\n");
}

#[test]
fn decimals() {
    let max = (1 << 63) - 1;
    for (text, expected) in [
        ("0", Some(0)),
        ("10", Some(10)),
        ("9223372036854775807", Some(max)),
        ("9223372036854775808", None),
        ("99999999999999999999", None),
        ("", None),
        ("00", None),
        ("01", None),
        ("+1", None),
        ("1 ", None),
        ("1_0", None),
    ] {
        assert_eq!(parse_decimal(text), expected, "{text:?}");
    }
}

#[test]
fn lines_know_their_length() {
    for size_bytes in [1, 2, 3, 64, 72, 2428] {
        let signature = vec![7; size_bytes];
        let line = SignatureLine { name: name("caf\u{e9}"), id: KeyId([1; 4]), signature };
        assert_eq!(line.size_bytes(), line.to_string().len(), "{size_bytes} bytes");
    }
}

#[test]
fn type_bytes_are_c2sp_s() {
    for type_byte in 0..=u8::MAX {
        let expected = match type_byte {
            0x01 => Some(Algorithm::Ed25519),
            0x04 => Some(Algorithm::Ed25519Cosignature),
            0x06 => Some(Algorithm::MlDsa44),
            _ => None,
        };
        let algorithm = Algorithm::from_type_byte(type_byte);
        assert_eq!(algorithm, expected);
        assert!(algorithm.is_none_or(|algorithm| algorithm.type_byte() == type_byte));
    }
}
