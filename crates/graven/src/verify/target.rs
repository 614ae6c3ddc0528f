//! What a target of `graven verify` is, told from what is there.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use crate::exit::Exit;
use crate::failure::Failure;

/// The kinds of targets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A data directory, of a running server or not.
    Data(PathBuf),
    /// A server.
    Server(String),
    /// An NDJSON export.
    Ndjson(PathBuf),
    /// A directory of tiles with their checkpoint.
    Tiles(PathBuf),
    /// A `.tlog-proof`.
    Proof(PathBuf),
    /// An entry with its proof and chosen disclosures, in one file.
    Evidence(PathBuf),
    /// Entries with one proof for all of them.
    Results(PathBuf),
}

/// The first line of a proof (C2SP tlog-proof).
const PROOF_LINE: &[u8] = b"c2sp.org/tlog-proof@v1\n";

impl Target {
    /// Looks at a target.
    pub(crate) fn detect(text: &str) -> Result<Target, Failure> {
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Target::Server(text.to_owned()));
        }
        let path = PathBuf::from(text);
        let metadata =
            std::fs::metadata(&path).map_err(|error| Failure::file("read", &path, &error))?;
        if metadata.is_dir() { detect_folder(path) } else { detect_file(path) }
    }
}

fn detect_folder(path: PathBuf) -> Result<Target, Failure> {
    if path.join("format").is_file() || path.join("journal").is_dir() {
        return Ok(Target::Data(path));
    }
    if path.join("checkpoint").is_file() {
        return Ok(Target::Tiles(path));
    }
    let message = format!("{} is neither a data directory nor exported tiles", path.display());
    Err(Failure::new(Exit::Unreachable, message).hint(
        "A data directory holds `format` and `journal/`; exported tiles hold `checkpoint` and `tile/`.",
    ))
}

fn detect_file(path: PathBuf) -> Result<Target, Failure> {
    let start = start_of(&path)?;
    if start.starts_with(PROOF_LINE) {
        return Ok(Target::Proof(path));
    }
    if start.starts_with(b"{\"graven\":\"disclosure/") {
        return Ok(Target::Evidence(path));
    }
    if start.starts_with(b"{\"graven\":\"results/") {
        return Ok(Target::Results(path));
    }
    if start.starts_with(b"{\"index\":") || start.starts_with(b"{\"checkpoint\":") {
        return Ok(Target::Ndjson(path));
    }
    let message =
        format!("{} is neither an export, nor a proof, nor a result file", path.display());
    Err(Failure::new(Exit::Unreachable, message).hint(
        "An export starts with {\"index\":, a proof with c2sp.org/tlog-proof@v1, what `search --prove` and `disclose` write with {\"graven\":.",
    ))
}

fn start_of(path: &Path) -> Result<Vec<u8>, Failure> {
    let fail = |error| Failure::file("read", path, &error);
    let mut start = Vec::new();
    let file = File::open(path).map_err(fail)?;
    file.take(PROOF_LINE.len() as u64).read_to_end(&mut start).map_err(fail)?;
    Ok(start)
}
