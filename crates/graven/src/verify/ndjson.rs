//! NDJSON exports as a target: `{"index":i,"entry":"…"}` lines, the last `{"checkpoint":…}`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use graven_entry::{Entry, Name, with_causes};
use graven_merkle::TreeSize;
use graven_verify::{Entries, ExportLine, FaultKind, parse_export_line};

use super::bundles::stated;
use super::source::{Evidence, ReadFault, Source, Span, bad};
use crate::failure::Failure;

/// Lines of a span.
const SPAN_LINES: u64 = 4_096;

/// Bytes of one line: the largest entry, each byte escaped to at most six, and what stands around it.
pub(crate) const LINE_BYTES_MAX: u64 = 6 * 65_535 + 1_024;

/// An export, whose spans were found in a first pass.
pub(crate) struct Ndjson {
    path: PathBuf,
    origin: Name,
    size: TreeSize,
    /// Where each span starts in the file.
    offsets: Vec<u64>,
    checkpoint: Option<Vec<u8>>,
}

impl Ndjson {
    /// Finds where the spans start, and the checkpoint at the end.
    pub(crate) fn open(path: &Path) -> Result<Ndjson, ReadFault> {
        let mut reader = open(path)?;
        let mut offsets = Vec::new();
        let (mut lines, mut offset) = (0, 0);
        let (mut first, mut last) = (Vec::new(), Vec::new());
        loop {
            let line = read_line(&mut reader, path)?;
            if line.is_empty() {
                break;
            }
            if lines % SPAN_LINES == 0 {
                offsets.push(offset);
            }
            offset += line.len() as u64;
            lines += 1;
            if lines == 1 {
                first.clone_from(&line);
            }
            last = line;
        }
        let checkpoint = match parse_export_line(&last) {
            Ok(ExportLine::Checkpoint(note)) => Some(note),
            // An export without its checkpoint was cut off; what is there is checked all the same.
            _ => None,
        };
        let size = TreeSize(lines - u64::from(checkpoint.is_some()));
        let origin = origin_of(checkpoint.as_deref(), &first)?;
        Ok(Ndjson { path: path.to_owned(), origin, size, offsets, checkpoint })
    }
}

impl Source for Ndjson {
    fn origin(&self) -> &Name {
        &self.origin
    }

    fn size(&self) -> TreeSize {
        self.size
    }

    fn spans(&self) -> Vec<Span> {
        Span::cut(self.size, SPAN_LINES)
    }

    fn read(&self, span: Span) -> Result<Evidence, ReadFault> {
        let place = usize::try_from(span.first / SPAN_LINES).unwrap_or(usize::MAX);
        let offset = self.offsets.get(place).copied().unwrap_or(0);
        let mut reader = open(&self.path)?;
        let sought = reader.seek(SeekFrom::Start(offset));
        sought.map_err(|error| Failure::file("read", &self.path, &error))?;
        let mut entries = Entries::default();
        for index in span.first..span.end() {
            let line = read_line(&mut reader, &self.path)?;
            let parsed = parse_export_line(&line).map_err(|fault| {
                let detail = format!("line {}: {}", index + 1, fault.detail);
                bad(Some(index), fault.kind, detail)
            })?;
            match parsed {
                ExportLine::Entry { index: stated, entry } if stated.0 == index => {
                    entries.push(&entry);
                }
                ExportLine::Entry { index: stated, .. } => {
                    let detail = format!("line {} is of index {stated}", index + 1);
                    return Err(bad(Some(index), FaultKind::WrongIndex, detail));
                }
                ExportLine::Checkpoint(_) => {
                    let detail = format!("line {} is a checkpoint; it stands last", index + 1);
                    return Err(bad(Some(index), FaultKind::MissingEntry, detail));
                }
            }
        }
        Ok(Evidence { entries, tiles: Vec::new() })
    }

    fn check_end(&self) -> Result<(), ReadFault> {
        if self.checkpoint.is_some() {
            return Ok(());
        }
        let detail = "the export ends without its checkpoint: it was cut off";
        Err(bad(Some(self.size.0), FaultKind::MissingEntry, detail))
    }

    fn checkpoint(&self) -> Option<&[u8]> {
        self.checkpoint.as_deref()
    }
}

/// The origin that the checkpoint names, or without one the first entry.
fn origin_of(checkpoint: Option<&[u8]>, first_line: &[u8]) -> Result<Name, ReadFault> {
    let wrong = |why: String| bad(Some(0), FaultKind::WrongOrigin, why);
    if let Some(note) = checkpoint {
        let origin = stated(note)?.origin;
        return Name::origin(&origin).map_err(|error| wrong(error.to_string()));
    }
    match parse_export_line(first_line) {
        Ok(ExportLine::Entry { entry, .. }) => Entry::parse(&entry)
            .map(|entry| entry.header.origin)
            .map_err(|error| bad(Some(0), FaultKind::HeaderMalformed, with_causes(&error))),
        Ok(ExportLine::Checkpoint(_)) => Err(wrong("no entry".to_owned())),
        Err(fault) => Err(fault.into()),
    }
}

fn open(path: &Path) -> Result<BufReader<File>, ReadFault> {
    let file = File::open(path).map_err(|error| Failure::file("read", path, &error))?;
    Ok(BufReader::with_capacity(1 << 18, file))
}

/// The next line with its line end; empty at the end of the file.
fn read_line(reader: &mut BufReader<File>, path: &Path) -> Result<Vec<u8>, ReadFault> {
    let mut line = Vec::new();
    let read = reader.take(LINE_BYTES_MAX).read_until(b'\n', &mut line);
    read.map_err(|error| Failure::file("read", path, &error))?;
    Ok(line)
}
