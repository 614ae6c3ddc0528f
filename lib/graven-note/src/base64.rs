//! Standard padded base64 (RFC 4648 §4) with one spelling for each value.

use ::base64::engine::general_purpose::STANDARD;
use ::base64::{DecodeError, Engine as _};

/// Why a text is not canonical base64.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Base64Error {
    /// A byte outside of the alphabet, or padding before the end.
    #[error("base64 has a byte outside of the standard alphabet at offset {offset_bytes}")]
    Byte {
        /// Where it stands in the text.
        offset_bytes: usize,
    },
    /// The length or the padding is wrong.
    #[error("base64 is not padded with = to a multiple of 4 characters")]
    Padding,
    /// Bits that no byte takes up are set: another spelling of the same bytes.
    #[error("base64 is not canonical: its last character has unused bits set")]
    UnusedBits,
}

/// The canonical base64 of `bytes`.
pub fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Writes the canonical base64 of `bytes` behind a text.
pub fn append(text: &mut Vec<u8>, bytes: &[u8]) {
    let start = text.len();
    text.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let room = text.get_mut(start..).unwrap_or_default();
    STANDARD.encode_slice(bytes, room).expect("the room is as large as base64 is");
}

/// The bytes whose canonical base64 is `text`; any other spelling is refused.
pub fn decode_canonical(text: &str) -> Result<Vec<u8>, Base64Error> {
    STANDARD.decode(text).map_err(|error| match error {
        DecodeError::InvalidByte(offset_bytes, _) => Base64Error::Byte { offset_bytes },
        DecodeError::InvalidLastSymbol { .. } => Base64Error::UnusedBits,
        _ => Base64Error::Padding,
    })
}
