//! Targets in the form of C2SP tiles: a server, or a directory that was exported.

use std::path::PathBuf;
use std::time::Duration;

use client::Client;
use graven_entry::{Name, with_causes};
use graven_merkle::{TILE_WIDTH, TileKind, TilePath, TreeSize, parse_bundle, tile_width_at};
use graven_note::Checkpoint;
use graven_verify::FaultKind;

use super::source::{Evidence, ReadFault, Source, Span, bad};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files;

/// Entries of a span: 16 bundles, so that a thread fetches megabytes before it checks.
const SPAN_ENTRIES: u64 = 16 * TILE_WIDTH as u64;

/// Bytes of a tile: 256 entries of the largest size, with their lengths.
pub(crate) const TILE_BYTES_MAX: u64 = 256 * (65_535 + 2);

/// Bytes of a checkpoint, the limit of a note.
pub(crate) const CHECKPOINT_BYTES_MAX: u64 = 1024 * 1024;

/// How often, and with which pause, the published checkpoint is awaited.
const CHECKPOINT_TRIES: usize = 30;
const CHECKPOINT_PAUSE: Duration = Duration::from_millis(100);

/// Where tiles are fetched from.
pub(crate) enum Place {
    Server { client: Box<Client>, log: String },
    Folder(PathBuf),
}

/// A log in the form of tiles, at the size of one checkpoint.
pub(crate) struct Bundles {
    place: Place,
    origin: Name,
    size: TreeSize,
    checkpoint: Vec<u8>,
}

impl Bundles {
    /// Fetches the checkpoint, which says what to expect.
    pub(crate) fn open(place: Place) -> Result<Bundles, ReadFault> {
        let checkpoint = match &place {
            Place::Server { client, log } => newest_checkpoint(client, log)?,
            Place::Folder(folder) => files::read(&folder.join("checkpoint"), CHECKPOINT_BYTES_MAX)?,
        };
        let stated = stated(&checkpoint)?;
        let origin = Name::origin(&stated.origin)
            .map_err(|error| bad(None, FaultKind::WrongOrigin, format!("checkpoint: {error}")))?;
        Ok(Bundles { place, origin, size: stated.size, checkpoint })
    }

    fn fetch(&self, path: &TilePath) -> Result<Vec<u8>, ReadFault> {
        match &self.place {
            Place::Server { client, log } => {
                client.tile(log, path).map_err(|error| missing(path, Failure::from(error)))
            }
            Place::Folder(folder) => {
                let path_there = folder.join(path.to_string());
                let bytes = files::read_if_there(&path_there, TILE_BYTES_MAX)?;
                bytes.ok_or_else(|| {
                    let message = format!("{} is missing", path_there.display());
                    missing(path, Failure::bad(message))
                })
            }
        }
    }
}

impl Source for Bundles {
    fn origin(&self) -> &Name {
        &self.origin
    }

    fn size(&self) -> TreeSize {
        self.size
    }

    fn spans(&self) -> Vec<Span> {
        Span::cut(self.size, SPAN_ENTRIES)
    }

    fn read(&self, span: Span) -> Result<Evidence, ReadFault> {
        let mut evidence = Evidence::default();
        let width = TILE_WIDTH as u64;
        for index in span.first / width..span.end().div_ceil(width) {
            let tile_width = tile_width_at(0, index, self.size);
            let bundle_path = TilePath { kind: TileKind::Entries, index, width: tile_width };
            let bundle = self.fetch(&bundle_path)?;
            let entries = parse_bundle(&bundle, tile_width).map_err(|error| {
                let detail = format!("{bundle_path}: {}", with_causes(&error));
                bad(Some(index * width), FaultKind::TileMismatch, detail)
            })?;
            for entry in entries {
                evidence.entries.push(entry);
            }
            let path = TilePath { kind: TileKind::Hashes(0), index, width: tile_width };
            evidence.tiles.push((path, self.fetch(&path)?));
        }
        Ok(evidence)
    }

    fn upper_tile(&self, path: &TilePath) -> Result<Option<Vec<u8>>, ReadFault> {
        self.fetch(path).map(Some)
    }

    fn checkpoint(&self) -> Option<&[u8]> {
        Some(&self.checkpoint)
    }
}

/// The published checkpoint, once it covers what is in the log now: it lags by a second at most, and whoever has just
/// appended expects to find that.
fn newest_checkpoint(client: &Client, log: &str) -> Result<Vec<u8>, ReadFault> {
    // A public log shows its checkpoint to those who may know no more of it.
    let size = client.log(log).ok().map(|info| info.size);
    for _ in 0..CHECKPOINT_TRIES {
        let note = client.checkpoint(log).map_err(Failure::from)?;
        if size.is_none_or(|size| stated(&note).is_ok_and(|head| head.size >= size)) {
            return Ok(note);
        }
        std::thread::sleep(CHECKPOINT_PAUSE);
    }
    Ok(client.checkpoint(log).map_err(Failure::from)?)
}

/// What an unverified checkpoint states.
pub(crate) fn stated(note: &[u8]) -> Result<Checkpoint, ReadFault> {
    let malformed = |why: String| bad(None, FaultKind::SignatureBad, format!("checkpoint: {why}"));
    let note = graven_note::Note::parse(note).map_err(|error| malformed(with_causes(&error)))?;
    Checkpoint::parse(note.text()).map_err(|error| malformed(with_causes(&error)))
}

/// The first entry under a tile.
fn first_index(path: &TilePath) -> Option<u64> {
    let level = match path.kind {
        TileKind::Entries => 0,
        TileKind::Hashes(level) => level,
    };
    let shift = 8 * (u32::from(level) + 1);
    (shift < u64::BITS).then(|| path.index << shift)
}

/// A tile that the checkpoint implies and that is not there is a fault of the log, not of the connection.
fn missing(path: &TilePath, failure: Failure) -> ReadFault {
    if failure.exit == Exit::Unreachable {
        return ReadFault::Unreadable(failure);
    }
    let kind = match path.kind {
        TileKind::Entries => FaultKind::MissingEntry,
        TileKind::Hashes(_) => FaultKind::TileMismatch,
    };
    bad(first_index(path), kind, failure.message)
}
