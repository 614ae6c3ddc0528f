//! The checkpoint: what a log signs of its tree (C2SP `tlog-checkpoint`).

use graven_merkle::{EMPTY_ROOT, Hash, ParseHashError, TreeSize};

use crate::limits::NOTE_BYTES_MAX;
use crate::lines::{find_control, parse_decimal, take_line};

/// A log's statement of its tree: at this size it has this root.
///
/// A parsed or checked ([`Checkpoint::new`]) one prints back byte for byte. The fields are public
/// for reading; whoever changes one answers for its line form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log: a non-empty line, also the name of the log's keys.
    pub origin: String,
    /// How many leaves the tree has, at most 2⁶³ − 1.
    pub size: TreeSize,
    /// The root hash of the tree.
    pub root: Hash,
    /// Further non-empty lines. No ML-DSA-44 signature covers them, so Graven writes none.
    pub extensions: Vec<String>,
}

/// Why a text is not a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// The text is larger than a note may be.
    #[error("checkpoint has {size_bytes} bytes, at most {NOTE_BYTES_MAX} are allowed")]
    TooLarge {
        /// The text's size.
        size_bytes: usize,
    },
    /// A control character other than a line feed.
    #[error("checkpoint has control character {byte:#04x} at offset {offset_bytes}")]
    ControlCharacter {
        /// The control character.
        byte: u8,
        /// Where it stands.
        offset_bytes: usize,
    },
    /// Less than three whole lines.
    #[error("checkpoint has less than three lines, each ended by a line feed")]
    TooShort,
    /// The first line, the origin, is empty or holds a line feed.
    #[error("checkpoint's origin is not one non-empty line")]
    Origin,
    /// The second line is no size.
    #[error("checkpoint's size is not a decimal without leading zeros of at most 2^63-1")]
    Size,
    /// The third line is no root hash.
    #[error("checkpoint's root is not a hash")]
    Root(#[source] ParseHashError),
    /// An extension line is empty.
    #[error("checkpoint's line {line} is empty, extension lines must not be")]
    EmptyExtension {
        /// The line's number, from 1.
        line: usize,
    },
    /// The last line is cut off.
    #[error("checkpoint's last line is not ended by a line feed")]
    NoFinalNewline,
}

impl Checkpoint {
    /// The checkpoint without extension lines; refused where it would not print as one.
    pub fn new(origin: &str, size: TreeSize, root: Hash) -> Result<Checkpoint, CheckpointError> {
        let checkpoint =
            Checkpoint { origin: origin.to_owned(), size, root, extensions: Vec::new() };
        match Checkpoint::parse(&checkpoint.to_text())? {
            parsed if parsed == checkpoint => Ok(checkpoint),
            _ => Err(CheckpointError::Origin),
        }
    }

    /// The checkpoint that `text` states: a note's text, each line ended by a line feed.
    ///
    /// That an empty tree has the root of the empty tree is left to
    /// [`is_empty_consistent`](Checkpoint::is_empty_consistent).
    pub fn parse(text: &str) -> Result<Checkpoint, CheckpointError> {
        if text.len() > NOTE_BYTES_MAX {
            return Err(CheckpointError::TooLarge { size_bytes: text.len() });
        }
        if let Some((offset_bytes, byte)) = find_control(text) {
            return Err(CheckpointError::ControlCharacter { byte, offset_bytes });
        }
        let mut rest = text;
        let mut line = || take_line(&mut rest).ok_or(CheckpointError::TooShort);
        let (origin, size, root) = (line()?, line()?, line()?);
        if origin.is_empty() {
            return Err(CheckpointError::Origin);
        }
        Ok(Checkpoint {
            origin: origin.to_owned(),
            size: parse_decimal(size).map(TreeSize).ok_or(CheckpointError::Size)?,
            root: root.parse().map_err(CheckpointError::Root)?,
            extensions: parse_extensions(rest)?,
        })
    }

    /// The text to sign: origin, size, root and extensions, each line ended by a line feed.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n{}\n{}\n", self.origin, self.size, self.root);
        for extension in &self.extensions {
            text.push_str(extension);
            text.push('\n');
        }
        text
    }

    /// Whether size and root agree about emptiness: size 0 has the root of the empty tree, and
    /// only size 0 has it.
    pub fn is_empty_consistent(&self) -> bool {
        (self.size == TreeSize(0)) == (self.root == EMPTY_ROOT)
    }
}

/// The lines after the third, each non-empty and whole.
fn parse_extensions(mut rest: &str) -> Result<Vec<String>, CheckpointError> {
    let mut extensions = Vec::new();
    while !rest.is_empty() {
        let extension = take_line(&mut rest).ok_or(CheckpointError::NoFinalNewline)?;
        if extension.is_empty() {
            return Err(CheckpointError::EmptyExtension { line: extensions.len() + 4 });
        }
        extensions.push(extension.to_owned());
    }
    Ok(extensions)
}
