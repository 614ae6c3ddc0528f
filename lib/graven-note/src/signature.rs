//! One signature line of a note (C2SP `signed-note`, "Format").

use std::fmt;

use crate::base64;
use crate::key::{KeyId, KeyName};
use crate::limits::{NOTE_BYTES_MAX, SIGNATURES_MAX};
use crate::lines::take_line;
use crate::note_error::NoteError;

/// What a signature line starts with: an em dash and a space.
const LINE_PREFIX: &str = "\u{2014} ";

/// One signature line: whose key, which key, and the bytes that its algorithm made.
///
/// Printed as `— <name> <base64 of id and signature>` with its line feed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SignatureLine {
    /// The key's name.
    pub name: KeyName,
    /// The key's id.
    pub id: KeyId,
    /// The signature, never empty: for cosignatures `u64be POSIX seconds ‖ signature`.
    pub signature: Vec<u8>,
}

impl SignatureLine {
    /// The signature lines of `text`, one or more, each ended by a line feed: the end of a note, or
    /// what a witness answers (C2SP `tlog-witness`). Two lines of one key are refused.
    pub fn parse_lines(text: &str) -> Result<Vec<SignatureLine>, NoteError> {
        if text.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge { size_bytes: text.len() });
        }
        let mut lines: Vec<SignatureLine> = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let line = take_line(&mut rest).ok_or(NoteError::NoFinalNewline)?;
            if lines.len() == SIGNATURES_MAX {
                return Err(NoteError::TooManySignatures);
            }
            let signature = parse_line(line, lines.len() + 1)?;
            check_unique(&lines, &signature)?;
            lines.push(signature);
        }
        if lines.is_empty() { Err(NoteError::NoSignatures) } else { Ok(lines) }
    }

    /// Whether the key with this name and id is said to have made this signature.
    pub fn is_by(&self, name: &KeyName, id: KeyId) -> bool {
        self.id == id && self.name == *name
    }

    /// The length of the printed line, in bytes, with its line feed.
    pub(crate) fn size_bytes(&self) -> usize {
        let base64_bytes = (self.id.0.len() + self.signature.len()).div_ceil(3) * 4;
        LINE_PREFIX.len() + self.name.as_str().len() + 1 + base64_bytes + 1
    }
}

impl fmt::Display for SignatureLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let payload = [&self.id.0, self.signature.as_slice()].concat();
        writeln!(f, "{LINE_PREFIX}{} {}", self.name, base64::encode(&payload))
    }
}

/// Refuses a signature whose key already has a line.
pub(crate) fn check_unique(lines: &[SignatureLine], new: &SignatureLine) -> Result<(), NoteError> {
    if lines.iter().any(|line| line.is_by(&new.name, new.id)) {
        return Err(NoteError::DuplicateSignature { name: new.name.clone(), id: new.id });
    }
    Ok(())
}

/// The signature that a line without its line feed states; `number` counts from 1.
fn parse_line(line: &str, number: usize) -> Result<SignatureLine, NoteError> {
    let (name, payload) = line
        .strip_prefix(LINE_PREFIX)
        .and_then(|fields| fields.split_once(' '))
        .ok_or(NoteError::LineForm { line: number })?;
    let name = name.parse().map_err(|source| NoteError::LineName { line: number, source })?;
    let payload = base64::decode_canonical(payload)
        .map_err(|source| NoteError::LineBase64 { line: number, source })?;
    match payload.split_first_chunk() {
        Some((id, signature)) if !signature.is_empty() => {
            Ok(SignatureLine { name, id: KeyId(*id), signature: signature.to_vec() })
        }
        _ => Err(NoteError::LineTooShort { line: number }),
    }
}
