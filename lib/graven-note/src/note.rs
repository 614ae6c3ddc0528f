//! The signed note (C2SP `signed-note`): text, an empty line, signature lines.

use std::collections::BTreeMap;
use std::fmt;

use crate::key::{Algorithm, KeyId, KeyName};
use crate::limits::{NOTE_BYTES_MAX, SIGNATURES_MAX};
use crate::lines::find_control;
use crate::note_error::NoteError;
use crate::signature::{SignatureLine, check_unique};
use crate::verifier::VerifierKey;

/// A text and the signatures under it. Nothing in it is to be believed before
/// [`verify`](Note::verify) has named the keys that signed it.
///
/// Invariant, hence the private fields: it prints as a note that parses back to itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<SignatureLine>,
}

/// One signature that a known key made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Which key: its index in the keys that were handed in.
    pub key_index: usize,
    /// The key's name.
    pub name: KeyName,
    /// The key's id.
    pub id: KeyId,
    /// What kind of signature it is.
    pub algorithm: Algorithm,
    /// When it was made, in POSIX seconds, as the signer says; `None` where the algorithm has no
    /// timestamp. 0 says nothing of the time, and of the tree only that it is consistent.
    pub timestamp_s: Option<u64>,
}

impl Note {
    /// The note of these parts; refused where it would not parse back.
    pub fn new(text: String, signatures: Vec<SignatureLine>) -> Result<Note, NoteError> {
        check_text(&text)?;
        let mut note = Note { text, signatures: Vec::new() };
        for signature in signatures {
            note.push(signature)?;
        }
        if note.signatures.is_empty() { Err(NoteError::NoSignatures) } else { Ok(note) }
    }

    /// The note that `bytes` are. The text ends at the last empty line.
    pub fn parse(bytes: &[u8]) -> Result<Note, NoteError> {
        if bytes.len() > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge { size_bytes: bytes.len() });
        }
        let note = std::str::from_utf8(bytes)
            .map_err(|error| NoteError::NotUtf8 { offset_bytes: error.valid_up_to() })?;
        check_controls(note)?;
        let separator = note.rfind("\n\n").ok_or(NoteError::NoSeparator)?;
        let (text, signatures) =
            note.split_at_checked(separator + 1).ok_or(NoteError::NoSeparator)?;
        let signatures = signatures.strip_prefix('\n').ok_or(NoteError::NoSeparator)?;
        let signatures = SignatureLine::parse_lines(signatures)?;
        Ok(Note { text: text.to_owned(), signatures })
    }

    /// The signed text, with the line feed at its end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The signatures, in the order of their lines; at least one.
    pub fn signatures(&self) -> &[SignatureLine] {
        &self.signatures
    }

    /// Adds a signature line at the end. It is not verified, only kept.
    pub fn push(&mut self, signature: SignatureLine) -> Result<(), NoteError> {
        let line = self.signatures.len() + 1;
        if line > SIGNATURES_MAX {
            return Err(NoteError::TooManySignatures);
        }
        if signature.signature.is_empty() {
            return Err(NoteError::LineTooShort { line });
        }
        check_unique(&self.signatures, &signature)?;
        let size_bytes = self.size_bytes() + signature.size_bytes();
        if size_bytes > NOTE_BYTES_MAX {
            return Err(NoteError::TooLarge { size_bytes });
        }
        self.signatures.push(signature);
        Ok(())
    }

    /// The signatures that `keys` made, in the order of their lines.
    ///
    /// Lines by unknown keys are ignored. A line by a known key that is wrong refuses the whole
    /// note, and so does a note that no known key has signed.
    pub fn verify(&self, keys: &[VerifierKey]) -> Result<Vec<Verified>, NoteError> {
        self.verify_with(keys.iter().enumerate())
    }

    /// As [`verify`](Note::verify), with the index to report beside each key.
    pub(crate) fn verify_with<'a>(
        &self,
        keys: impl Iterator<Item = (usize, &'a VerifierKey)>,
    ) -> Result<Vec<Verified>, NoteError> {
        let mut known = BTreeMap::new();
        for (key_index, key) in keys {
            if known.insert((key.name(), key.id()), (key_index, key)).is_some() {
                return Err(NoteError::AmbiguousKeys { name: key.name().clone(), id: key.id() });
            }
        }
        let mut verified = Vec::new();
        for line in &self.signatures {
            let Some((key_index, key)) = known.get(&(&line.name, line.id)) else { continue };
            verified.push(Verified {
                key_index: *key_index,
                name: line.name.clone(),
                id: line.id,
                algorithm: key.algorithm(),
                timestamp_s: key.verify_note(&self.text, line)?,
            });
        }
        if verified.is_empty() { Err(NoteError::NoKnownKey) } else { Ok(verified) }
    }

    /// The length of the printed note, in bytes.
    fn size_bytes(&self) -> usize {
        let lines: usize = self.signatures.iter().map(SignatureLine::size_bytes).sum();
        self.text.len() + 1 + lines
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| signature.fmt(f))
    }
}

/// Refuses a text that no note can have.
pub(crate) fn check_text(text: &str) -> Result<(), NoteError> {
    if text.len() >= NOTE_BYTES_MAX {
        return Err(NoteError::TooLarge { size_bytes: text.len() });
    }
    check_controls(text)?;
    if text.ends_with('\n') { Ok(()) } else { Err(NoteError::TextForm) }
}

fn check_controls(text: &str) -> Result<(), NoteError> {
    match find_control(text) {
        Some((offset_bytes, byte)) => Err(NoteError::ControlCharacter { byte, offset_bytes }),
        None => Ok(()),
    }
}
