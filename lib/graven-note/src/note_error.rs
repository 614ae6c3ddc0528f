//! Why a signed note, or a signature, is refused.

use graven_merkle::LeafIndex;

use crate::base64::Base64Error;
use crate::checkpoint::CheckpointError;
use crate::key::{Algorithm, KeyError, KeyId, KeyName};
use crate::limits::{COSIGNED_ORIGIN_BYTES_MAX, NOTE_BYTES_MAX, SIGNATURES_MAX, TIMESTAMP_S_MAX};

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
