//! The manifest: what the files of a lake are, replaced as a whole whenever there is one more.
//!
//! Lines of JSON: the head, a line a file, and the digest of all lines before it.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::table::Table;

/// Name of the file.
pub(crate) const MANIFEST: &str = "manifest.ndjson";
/// The form of the manifest and of the files' columns; another one is refused.
pub(crate) const FORMAT: &str = "lake/v1";

/// What the lake holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Manifest {
    pub(crate) head: Head,
    pub(crate) files: Vec<FileLine>,
}

/// The first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Head {
    /// [`FORMAT`].
    pub(crate) graven: String,
    /// The log.
    pub(crate) origin: String,
    /// The files hold the entries from 0 to before this.
    pub(crate) covered: u64,
    /// Leaf hash of the last of them, in base64; empty where there is none. As every entry holds the hash of the one before, it
    /// stands for all of them.
    pub(crate) last: String,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct FileLine {
    /// `events` or `changes`.
    pub(crate) table: String,
    /// Below the manifest's folder.
    pub(crate) path: String,
    /// The first entry in it.
    pub(crate) first: u64,
    /// The entry after its last.
    pub(crate) end: u64,
    pub(crate) rows: u64,
    pub(crate) size_bytes: u64,
    /// In hexadecimal.
    pub(crate) sha256: String,
}

/// The last line.
#[derive(Serialize, Deserialize)]
struct Foot {
    sha256: String,
}

/// Why a manifest cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error("its digest is not that of its lines")]
    Digest,
    #[error("it is not of this format")]
    Format,
    #[error("its files do not follow each other")]
    Order,
}

impl Manifest {
    pub(crate) fn new(origin: &str) -> Manifest {
        let head = Head {
            graven: FORMAT.to_owned(),
            origin: origin.to_owned(),
            covered: 0,
            last: String::new(),
        };
        Manifest { head, files: Vec::new() }
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut push = |line: Result<String, serde_json::Error>| {
            bytes.extend_from_slice(line.expect("plain fields").as_bytes());
            bytes.push(b'\n');
        };
        push(serde_json::to_string(&self.head));
        for file in &self.files {
            push(serde_json::to_string(file));
        }
        let foot = Foot { sha256: sha256(&bytes) };
        bytes.extend_from_slice(serde_json::to_string(&foot).expect("plain fields").as_bytes());
        bytes.push(b'\n');
        bytes
    }

    /// Reads what [`Manifest::encode`] wrote.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Manifest, ManifestError> {
        let text = bytes.strip_suffix(b"\n").ok_or(ManifestError::Digest)?;
        let foot_at = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (body, foot) = text.split_at(foot_at);
        let foot: Foot = serde_json::from_slice(foot).map_err(|_| ManifestError::Digest)?;
        if foot.sha256 != sha256(body) {
            return Err(ManifestError::Digest);
        }
        let mut lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let head = lines.next().unwrap_or_default();
        let head: Head = serde_json::from_slice(head).map_err(|_| ManifestError::Format)?;
        let files = lines.map(serde_json::from_slice).collect::<Result<Vec<FileLine>, _>>();
        let manifest = Manifest { head, files: files.map_err(|_| ManifestError::Format)? };
        manifest.check_order()?;
        Ok(manifest)
    }

    /// Each table's files cover all entries, one after the other.
    fn check_order(&self) -> Result<(), ManifestError> {
        for table in Table::ALL {
            let mut next = 0;
            for file in self.files_of(table) {
                if file.first != next || file.end <= file.first {
                    return Err(ManifestError::Order);
                }
                next = file.end;
            }
            if next != self.head.covered {
                return Err(ManifestError::Order);
            }
        }
        Ok(())
    }

    pub(crate) fn files_of(&self, table: Table) -> impl Iterator<Item = &FileLine> {
        self.files.iter().filter(move |file| file.table == table.name())
    }
}

/// SHA-256 in hexadecimal.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
