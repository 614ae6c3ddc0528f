//! The strict lines of which C2SP's text formats are made.

use graven_merkle::{Hash, PROOF_HASHES_MAX, ParseHashError, SIZE_MAX};

/// Why the hash lines of a proof are refused. Lines count from 1, in the whole text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HashLinesError {
    /// A line is not a hash.
    #[error("line {line} is not a hash")]
    Hash {
        /// The line's number.
        line: usize,
        /// What is wrong with it.
        source: ParseHashError,
    },
    /// There are more hashes than the largest tree has levels.
    #[error("line {line} is one hash too many, at most {PROOF_HASHES_MAX} are allowed")]
    TooMany {
        /// The number of the first line that is too many.
        line: usize,
    },
    /// The text ends before the empty line that ends the hashes.
    #[error("no empty line stands after the hashes")]
    NoEnd,
}

/// Takes the text before the first line feed off `rest`; `None` where there is none.
pub(crate) fn take_line<'a>(rest: &mut &'a str) -> Option<&'a str> {
    let (line, after) = rest.split_once('\n')?;
    *rest = after;
    Some(line)
}

/// Takes hash lines and the empty line after them off `rest`, whose first line has number `line`.
pub(crate) fn take_hashes(rest: &mut &str, mut line: usize) -> Result<Vec<Hash>, HashLinesError> {
    let mut hashes = Vec::new();
    loop {
        let text = take_line(rest).ok_or(HashLinesError::NoEnd)?;
        if text.is_empty() {
            return Ok(hashes);
        }
        if hashes.len() == PROOF_HASHES_MAX {
            return Err(HashLinesError::TooMany { line });
        }
        hashes.push(text.parse().map_err(|source| HashLinesError::Hash { line, source })?);
        line += 1;
    }
}

/// Writes one hash a line, and the empty line that [`take_hashes`] looks for.
pub(crate) fn push_hashes(out: &mut String, hashes: &[Hash]) {
    for hash in hashes {
        out.push_str(&hash.to_string());
        out.push('\n');
    }
    out.push('\n');
}

/// An ASCII decimal without sign and leading zeros, at most 2⁶³ − 1.
pub(crate) fn parse_decimal(text: &str) -> Option<u64> {
    let has_leading_zero = text.len() > 1 && text.starts_with('0');
    if has_leading_zero || !text.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    text.parse().ok().filter(|&number| number <= SIZE_MAX.0)
}

/// The first control character other than a line feed, with its offset in bytes.
pub(crate) fn find_control(text: &str) -> Option<(usize, u8)> {
    text.bytes().enumerate().find(|&(_, byte)| byte < b' ' && byte != b'\n')
}
