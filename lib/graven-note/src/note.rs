//! The signed note (C2SP `signed-note`): text, an empty line, signature lines.

use std::collections::BTreeMap;
use std::fmt;

use graven_merkle::LeafIndex;

use crate::base64::Base64Error;
use crate::checkpoint::CheckpointError;
use crate::key::{Algorithm, KeyError, KeyId, KeyName};
use crate::limits::{COSIGNED_ORIGIN_BYTES_MAX, NOTE_BYTES_MAX, SIGNATURES_MAX, TIMESTAMP_S_MAX};
use crate::lines::find_control;
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

/// Why a note, or a signature, is refused. Signature lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// The note is larger than [`NOTE_BYTES_MAX`].
    #[error("note has {size_bytes} bytes, at most {NOTE_BYTES_MAX} are allowed")]
    TooLarge {
        /// The note's size.
        size_bytes: usize,
    },
    /// The note is not UTF-8.
    #[error("note is not UTF-8 from offset {offset_bytes} on")]
    NotUtf8 {
        /// How many bytes are.
        offset_bytes: usize,
    },
    /// A control character other than a line feed.
    #[error("note has control character {byte:#04x} at offset {offset_bytes}")]
    ControlCharacter {
        /// The control character.
        byte: u8,
        /// Where it stands.
        offset_bytes: usize,
    },
    /// The text to sign has no line feed at its end.
    #[error("note's text does not end with a line feed")]
    TextForm,
    /// No empty line divides text from signatures.
    #[error("note has no empty line between its text and its signatures")]
    NoSeparator,
    /// No signature line.
    #[error("note has no signature line")]
    NoSignatures,
    /// The last signature line is cut off.
    #[error("note's last line is not ended by a line feed")]
    NoFinalNewline,
    /// More than [`SIGNATURES_MAX`] signature lines.
    #[error("note has too many signature lines, at most {SIGNATURES_MAX} are allowed")]
    TooManySignatures,
    /// A signature line that is not an em dash, a name and base64.
    #[error("signature line {line} is not of the form '\u{2014} <name> <base64>'")]
    LineForm {
        /// The line's number.
        line: usize,
    },
    /// A signature line with a malformed key name.
    #[error("signature line {line} has no valid key name")]
    LineName {
        /// The line's number.
        line: usize,
        /// What is wrong with the name.
        source: KeyError,
    },
    /// A signature line whose base64 is not canonical.
    #[error("signature line {line} is not canonical base64")]
    LineBase64 {
        /// The line's number.
        line: usize,
        /// What is wrong with it.
        source: Base64Error,
    },
    /// A signature line without a byte after the key id.
    #[error("signature line {line} has no signature after its four bytes of key id")]
    LineTooShort {
        /// The line's number.
        line: usize,
    },
    /// Two signature lines by one key.
    #[error("note has two signature lines by key {name} {id}")]
    DuplicateSignature {
        /// The key's name.
        name: KeyName,
        /// The key's id.
        id: KeyId,
    },
    /// A signature was given to a key that did not make it.
    #[error("signature line is by key {name} {id}, not by the key it is checked with")]
    OtherKey {
        /// The name in the line.
        name: KeyName,
        /// The id in the line.
        id: KeyId,
    },
    /// The signature is too short or too long for its key's algorithm.
    #[error(
        "{algorithm} signature has {size_bytes} bytes, it needs {}",
        algorithm.signature_bytes()
    )]
    SignatureLength {
        /// The key's algorithm.
        algorithm: Algorithm,
        /// The signature's length without the key id.
        size_bytes: usize,
    },
    /// A timestamp over [`TIMESTAMP_S_MAX`].
    #[error("cosignature's timestamp is {timestamp_s} s, at most {TIMESTAMP_S_MAX} s is allowed")]
    Timestamp {
        /// The refused timestamp.
        timestamp_s: u64,
    },
    /// A cosignature over a text that is no checkpoint.
    #[error("cosigned text is not a checkpoint")]
    NotACheckpoint(#[source] CheckpointError),
    /// An ML-DSA-44 signature over a checkpoint with lines that it would not cover.
    #[error("checkpoint has extension lines, which ML-DSA-44 does not cover; leave them out")]
    ExtensionLines,
    /// An origin that does not fit the ML-DSA-44 message.
    #[error("origin has {size_bytes} bytes, ML-DSA-44 covers 1 to {COSIGNED_ORIGIN_BYTES_MAX}")]
    OriginLength {
        /// The origin's length.
        size_bytes: usize,
    },
    /// A range of leaves that is no subtree.
    #[error("[{start}, {end}) is not a subtree of any tree")]
    NotASubtree {
        /// The first leaf.
        start: LeafIndex,
        /// The leaf after the last one.
        end: LeafIndex,
    },
    /// A subtree that does not start at leaf 0, signed with a timestamp.
    #[error("subtree from leaf {start} is signed with a timestamp, which must be 0")]
    SubtreeTimestamp {
        /// The first leaf.
        start: LeafIndex,
    },
    /// The key's algorithm can't do what is asked of it.
    #[error("key {name} is for {algorithm}, it can't {purpose}")]
    WrongAlgorithm {
        /// The key's name.
        name: KeyName,
        /// The key's algorithm.
        algorithm: Algorithm,
        /// What was asked of it.
        purpose: &'static str,
    },
    /// The signature is not one of this key over this text.
    #[error("signature by key {name} {id} is wrong: the text or the signature was changed")]
    BadSignature {
        /// The key's name.
        name: KeyName,
        /// The key's id.
        id: KeyId,
    },
    /// Two of the keys to verify with have the same name and id.
    #[error("two known keys have name {name} and id {id}, give each pair once")]
    AmbiguousKeys {
        /// The shared name.
        name: KeyName,
        /// The shared id.
        id: KeyId,
    },
    /// No signature line is by a known key.
    #[error("note is signed by none of the known keys")]
    NoKnownKey,
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
