//! `graven export`: a log written out in a form that anyone can verify without the server.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use graven_merkle::{TILE_WIDTH, TileKind, TilePath, push_bundle_entry};
use graven_verify::{Entries, ExpectedTile, write_export_checkpoint, write_export_entry};
use serde_json::json;

use crate::connect::{self, Connection};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::files::{self, Draft};
use crate::flags::{KeyArg, LogArg};
use crate::verify::{Asked, LogReport, Sink, Verdict, check_into};

/// Arguments of `graven export`.
#[derive(Debug, clap::Args)]
pub(crate) struct ExportArgs {
    /// What to write
    #[arg(long, value_enum)]
    format: Format,
    /// The file, or for tiles the directory, to make
    #[arg(long, value_name = "PATH")]
    output: PathBuf,
    /// Fetch and check with this many threads [default: one a processor]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    jobs: usize,
    #[command(flatten)]
    log: LogArg,
    #[command(flatten)]
    key: KeyArg,
}

/// The forms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// One file: {"index":i,"entry":"…"} a line, the last {"checkpoint":…}
    Ndjson,
    /// A directory that any web server can serve: C2SP tlog-tiles with their checkpoint
    Tiles,
}

/// Lines of an NDJSON export.
struct Lines {
    draft: Draft,
    path: PathBuf,
}

/// A directory of tiles in the making; removed where it is not finished.
struct Folder {
    draft: PathBuf,
    is_finished: bool,
}

/// Fetches the log at its newest checkpoint, verifies it whole, and gives the output its name only if it holds.
pub(crate) fn run(context: &Context, args: &ExportArgs) -> Result<Exit, Failure> {
    if args.output.exists() {
        let message =
            format!("{} exists; an export never replaces anything", args.output.display());
        return Err(Failure::usage(message));
    }
    let connection = connect::log(context)?;
    let report = match args.format {
        Format::Ndjson => export_lines(context, args, &connection)?,
        Format::Tiles => export_tiles(context, args, &connection)?,
    };
    if !report.is_good() {
        let verdict = Verdict { logs: vec![report], ..Verdict::of(connection.client.url()) };
        context.out.note("nothing was exported, because the log does not hold");
        return verdict.print(context);
    }
    tell(context, args, &connection, &report)?;
    Ok(Exit::Good)
}

fn export_lines(
    context: &Context,
    args: &ExportArgs,
    connection: &Connection,
) -> Result<LogReport, Failure> {
    let draft = Draft::create(&args.output)?;
    let mut lines = Lines { draft, path: args.output.clone() };
    let (report, checkpoint) = check(context, args, connection, &mut lines)?;
    if report.is_good() {
        let mut line = Vec::new();
        write_export_checkpoint(&mut line, &String::from_utf8_lossy(&checkpoint));
        lines.write(&line)?;
        lines.draft.commit()?;
    }
    Ok(report)
}

fn export_tiles(
    context: &Context,
    args: &ExportArgs,
    connection: &Connection,
) -> Result<LogReport, Failure> {
    let draft = files::draft_path(&args.output);
    fs::create_dir(&draft).map_err(|error| Failure::file("create", &draft, &error))?;
    let mut folder = Folder { draft, is_finished: false };
    let (report, checkpoint) = check(context, args, connection, &mut folder)?;
    if report.is_good() {
        // Last, as C2SP tlog-tiles wants it: what a checkpoint covers is there before it is.
        files::write(&folder.draft.join("checkpoint"), &checkpoint)?;
        files::rename_folder(&folder.draft, &args.output)?;
        folder.is_finished = true;
    }
    Ok(report)
}

fn check(
    context: &Context,
    args: &ExportArgs,
    connection: &Connection,
    sink: &mut dyn Sink,
) -> Result<(LogReport, Vec<u8>), Failure> {
    let keys = connection.client.trusted(&connection.log).cloned();
    let asked = Asked { jobs: args.jobs, keys, ..Asked::default() };
    let client = connection.client.clone();
    let (mut report, checkpoint) = check_into(context, client, &connection.log, &asked, sink)?;
    report.keys_from = report.keys_from.map(|_| connection.keys_from.clone());
    Ok((report, checkpoint))
}

fn tell(
    context: &Context,
    args: &ExportArgs,
    connection: &Connection,
    report: &LogReport,
) -> Result<(), Failure> {
    let (size, root) = (report.size.unwrap_or(0), report.root.as_deref().unwrap_or_default());
    let output = args.output.display();
    if context.out.json {
        return context.out.json(&json!({
            "ok": true,
            "log": connection.log,
            "origin": report.origin,
            "size": size,
            "root": root,
            "output": output.to_string(),
            "keys_used": report.keys_used,
        }));
    }
    context.out.line(format!("{output}  {size} entries, root {root}"))?;
    context.out.note(format!(
        "verified as it was written; `graven verify {output}` does it again offline"
    ));
    Ok(())
}

impl Lines {
    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.draft.write_all(bytes).map_err(|error| Failure::file("write", &self.path, &error))
    }
}

impl Sink for Lines {
    fn entries(&mut self, first: u64, entries: &Entries) -> Result<(), Failure> {
        let mut lines = Vec::new();
        for (index, entry) in (first..).zip(entries.iter()) {
            write_export_entry(&mut lines, graven_merkle::LeafIndex(index), entry);
        }
        self.write(&lines)
    }

    fn tiles(&mut self, _tiles: &[ExpectedTile]) -> Result<(), Failure> {
        Ok(())
    }
}

impl Folder {
    fn write(&self, path: &TilePath, bytes: &[u8]) -> Result<(), Failure> {
        let path = self.draft.join(path.to_string());
        let folder = path.parent().unwrap_or(Path::new("."));
        fs::create_dir_all(folder).map_err(|error| Failure::file("create", folder, &error))?;
        fs::write(&path, bytes).map_err(|error| Failure::file("write", &path, &error))
    }

    fn write_bundle(&self, index: u64, width: usize, bytes: &[u8]) -> Result<(), Failure> {
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        self.write(&TilePath { kind: TileKind::Entries, index, width }, bytes)
    }
}

impl Sink for Folder {
    /// Runs start at the start of a bundle and end at one's end, or at the log's.
    fn entries(&mut self, first: u64, entries: &Entries) -> Result<(), Failure> {
        let mut index = first / TILE_WIDTH as u64;
        let mut bundle = Vec::new();
        let mut width = 0;
        for entry in entries.iter() {
            push_bundle_entry(&mut bundle, entry)
                .map_err(|error| Failure::caused(Exit::Bad, "an entry", &error))?;
            width += 1;
            if width == TILE_WIDTH {
                self.write_bundle(index, width, &bundle)?;
                bundle.clear();
                (index, width) = (index + 1, 0);
            }
        }
        if width > 0 { self.write_bundle(index, width, &bundle) } else { Ok(()) }
    }

    fn tiles(&mut self, tiles: &[ExpectedTile]) -> Result<(), Failure> {
        for tile in tiles {
            let bytes: Vec<u8> = tile.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
            self.write(&tile.path, &bytes)?;
        }
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.is_finished {
            drop(fs::remove_dir_all(&self.draft));
        }
    }
}
