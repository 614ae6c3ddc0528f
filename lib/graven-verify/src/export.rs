//! NDJSON exports: `{"index":i,"entry":"<its bytes as a JSON string>"}` a line, and last
//! `{"checkpoint":"<the signed note as a JSON string>"}`.
//!
//! The members stand in this order and no others do, so that every reader of JSON sees what is
//! verified here.

use graven_entry::{string_value, write_json_string};
use graven_merkle::LeafIndex;

use crate::fault::{Fault, FaultKind};
use crate::limits::EXPORT_LINE_BYTES_MAX;

/// What one line of an export holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExportLine {
    /// An entry.
    Entry {
        /// The index that the line states.
        index: LeafIndex,
        /// The entry's bytes.
        entry: Vec<u8>,
    },
    /// The signed note of the checkpoint that covers the entries.
    Checkpoint(Vec<u8>),
}

/// Reads an export line by line and watches over their order.
#[derive(Clone, Debug)]
pub struct Export {
    next: LeafIndex,
    is_over: bool,
}

impl Export {
    /// A reader of an export whose first entry is `first`.
    pub fn new(first: LeafIndex) -> Export {
        Export { next: first, is_over: false }
    }

    /// The index of the next entry.
    pub fn next_index(&self) -> LeafIndex {
        self.next
    }

    /// Reads the next line, with or without its line feed.
    pub fn read_line(&mut self, line: &[u8]) -> Result<ExportLine, Fault> {
        if self.is_over {
            let detail = "a line stands after the checkpoint, which must be the last";
            return Err(Fault::of_log(FaultKind::TrailingBytes, detail));
        }
        let next = self.next;
        let read = parse_export_line(line)
            .map_err(|fault| Fault { index: fault.index.or(Some(next)), ..fault })?;
        match &read {
            ExportLine::Checkpoint(_) => self.is_over = true,
            ExportLine::Entry { index, .. } if *index == next => {
                self.next = LeafIndex(next.0.saturating_add(1));
            }
            ExportLine::Entry { index, .. } => {
                let kind =
                    if *index > next { FaultKind::MissingEntry } else { FaultKind::WrongIndex };
                let detail = format!("the line is of entry {index}, entry {next} is next");
                return Err(Fault::at(next, kind, detail));
            }
        }
        Ok(read)
    }

    /// Ends the export: its checkpoint must have been read.
    pub fn end(&self) -> Result<(), Fault> {
        if self.is_over {
            return Ok(());
        }
        let detail = "the export ends without its checkpoint: it was cut off";
        Err(Fault::at(self.next, FaultKind::MissingEntry, detail))
    }
}

/// Reads one line, with or without its line feed. The index that it states is not judged.
pub fn parse_export_line(line: &[u8]) -> Result<ExportLine, Fault> {
    let malformed = |detail: &str| Fault::of_log(FaultKind::ExportMalformed, detail);
    if line.len() > EXPORT_LINE_BYTES_MAX {
        let detail =
            format!("the line has {} bytes, at most {EXPORT_LINE_BYTES_MAX} fit", line.len());
        return Err(malformed(&detail));
    }
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let mut cursor = Cursor { rest: line.strip_suffix(b"\r").unwrap_or(line) };
    let read = cursor.entry().or_else(|| {
        cursor = Cursor { rest: line.strip_suffix(b"\r").unwrap_or(line) };
        cursor.checkpoint()
    });
    let expected =
        "the line is neither {\"index\":i,\"entry\":\"...\"} nor {\"checkpoint\":\"...\"}";
    read.ok_or_else(|| malformed(expected))
}

/// Appends an entry's line, its line feed included.
///
/// Every valid entry is UTF-8. In one that is not, the wrong bytes are replaced, so that its line
/// will not verify.
pub fn write_export_entry(out: &mut Vec<u8>, index: LeafIndex, entry: &[u8]) {
    out.extend_from_slice(format!("{{\"index\":{index},\"entry\":").as_bytes());
    write_json_string(out, &String::from_utf8_lossy(entry));
    out.extend_from_slice(b"}\n");
}

/// Appends the checkpoint's line, its line feed included.
pub fn write_export_checkpoint(out: &mut Vec<u8>, note: &str) {
    out.extend_from_slice(b"{\"checkpoint\":");
    write_json_string(out, note);
    out.extend_from_slice(b"}\n");
}

/// A place in a line. White space may stand between tokens, as a pretty printer leaves it.
pub(crate) struct Cursor<'a> {
    pub(crate) rest: &'a [u8],
}

impl Cursor<'_> {
    fn entry(&mut self) -> Option<ExportLine> {
        self.token(b"{")?;
        self.token(b"\"index\"")?;
        self.token(b":")?;
        let index = LeafIndex(self.number()?);
        self.token(b",")?;
        self.token(b"\"entry\"")?;
        self.token(b":")?;
        let entry = self.string()?.into_bytes();
        self.token(b"}")?;
        self.rest.is_empty().then_some(ExportLine::Entry { index, entry })
    }

    fn checkpoint(&mut self) -> Option<ExportLine> {
        self.token(b"{")?;
        self.token(b"\"checkpoint\"")?;
        self.token(b":")?;
        let note = self.string()?.into_bytes();
        self.token(b"}")?;
        self.rest.is_empty().then_some(ExportLine::Checkpoint(note))
    }

    /// Moves over `token` and the white space behind it.
    pub(crate) fn token(&mut self, token: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(token)?;
        self.skip_white();
        Some(())
    }

    fn number(&mut self) -> Option<u64> {
        let end = self.rest.iter().position(|byte| !byte.is_ascii_digit())?;
        let (digits, after) = self.rest.split_at_checked(end)?;
        if digits.len() > 1 && digits.first() == Some(&b'0') {
            return None;
        }
        self.rest = after;
        self.skip_white();
        std::str::from_utf8(digits).ok()?.parse().ok()
    }

    /// A string of JSON, in which no bare quote or control character stands.
    pub(crate) fn string(&mut self) -> Option<String> {
        let inside = self.rest.strip_prefix(b"\"")?;
        let mut bytes = inside.iter();
        loop {
            match bytes.next()? {
                b'"' => break,
                b'\\' => drop(bytes.next()?),
                0..=0x1f => return None,
                _ => {}
            }
        }
        let after = bytes.as_slice();
        let length = self.rest.len() - after.len();
        let text = string_value(self.rest.get(..length)?)?.into_owned();
        self.rest = after;
        self.skip_white();
        Some(text)
    }

    fn skip_white(&mut self) {
        while let Some(rest) = self.rest.strip_prefix(b" ").or(self.rest.strip_prefix(b"\t")) {
            self.rest = rest;
        }
    }
}
