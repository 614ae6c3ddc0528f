//! The few encodings that headers, attestations and disclosures share, without `fmt`.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use graven_merkle::Hash;

/// Characters of a hash in padded base64.
pub(crate) const HASH_CHARS: usize = 44;
/// Characters of a nonce in padded base64.
pub(crate) const NONCE_CHARS: usize = 24;
/// Bytes of a nonce.
pub(crate) const NONCE_BYTES: usize = 16;
/// Decimal digits of the largest `u64`.
const DECIMAL_DIGITS_MAX: usize = 20;

/// Appends `value` in decimal.
pub(crate) fn write_decimal(out: &mut Vec<u8>, mut value: u64) {
    let mut digits = [b'0'; DECIMAL_DIGITS_MAX];
    let mut start = DECIMAL_DIGITS_MAX;
    for (position, digit) in digits.iter_mut().enumerate().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
        start = position;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(start..).unwrap_or_default());
}

/// The number that `digits` writes canonically: no sign, no leading zero, no overflow.
pub(crate) fn read_decimal(digits: &[u8]) -> Option<u64> {
    match digits {
        [] => return None,
        [b'0'] => return Some(0),
        [b'0', ..] => return None,
        _ => {}
    }
    digits.iter().try_fold(0_u64, |sum, digit| {
        let value = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        sum.checked_mul(10)?.checked_add(value)
    })
}

/// Appends a hash in padded base64.
pub(crate) fn write_hash(out: &mut Vec<u8>, hash: &Hash) {
    let mut text = [0; HASH_CHARS];
    STANDARD.encode_slice(hash.as_bytes(), &mut text).expect("32 bytes fill 44 characters");
    out.extend_from_slice(&text);
}

/// Appends a nonce in padded base64.
pub(crate) fn write_nonce(out: &mut Vec<u8>, nonce: &[u8; NONCE_BYTES]) {
    let mut text = [0; NONCE_CHARS];
    STANDARD.encode_slice(nonce, &mut text).expect("16 bytes fill 24 characters");
    out.extend_from_slice(&text);
}

/// The nonce that `text` writes in canonical padded base64.
pub(crate) fn read_nonce(text: &[u8]) -> Option<[u8; NONCE_BYTES]> {
    // The engine wants room for the whole last group, padding included.
    let mut bytes = [0; NONCE_BYTES + 2];
    let length = STANDARD.decode_slice(text, &mut bytes).ok()?;
    if text.len() == NONCE_CHARS && length == NONCE_BYTES {
        bytes.first_chunk::<NONCE_BYTES>().copied()
    } else {
        None
    }
}

/// `bytes` in base64url without padding.
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The bytes that `text` writes in canonical base64url without padding.
pub(crate) fn read_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
