//! The body of a frame: what one flush makes permanent, for any number of logs (`docs/format.md`, "Frame body").
//!
//! Records in the order of arrival, then a footer that names the logs with their size and root after the frame, and the
//! checkpoints that were signed since the last frame. All integers are big-endian. The journal wraps the body in an envelope of
//! its own with slot, epoch, previous frame and CRC.

use crate::identity::Identity;
use crate::nonce::NonceSeed;
use append::StreamHead;
use graven_merkle::{Hash, TreeSize};
use store::FrameBuf;

/// Version of the body's format.
const BODY_VERSION: u8 = 1;
/// Persisted record tags: never reused.
const RECORD_RUN: u8 = 1;
const RECORD_SIDECAR: u8 = 2;
const RECORD_IDENTITY: u8 = 3;
const RECORD_STREAM: u8 = 4;
const RECORD_CHAIN: u8 = 5;
const RECORD_FOOTER: u8 = 0xff;

/// Bytes of an identity's record.
pub(crate) const RECORD_IDENTITY_BYTES: usize = 41;

/// What a sidecar holds. The numbers are persisted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SidecarKind {
    /// A disclosure (RFC 9901), as JSON with path, subject and class.
    Disclosure = 1,
    /// A blob's bytes.
    Blob = 2,
    /// A blob's bytes, encrypted.
    SealedBlob = 3,
}

impl SidecarKind {
    pub(crate) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(SidecarKind::Disclosure),
            2 => Some(SidecarKind::Blob),
            3 => Some(SidecarKind::SealedBlob),
            _ => None,
        }
    }

    /// The persisted number.
    pub(crate) fn as_byte(self) -> u8 {
        self as u8
    }
}

/// One log's line in the footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FooterLog {
    pub(crate) name: String,
    pub(crate) size_before: TreeSize,
    pub(crate) size_after: TreeSize,
    pub(crate) root_after: Hash,
    /// Seeds of the segments that this frame opened.
    pub(crate) seeds: Vec<(u64, NonceSeed)>,
}

/// A checkpoint that was signed since the last frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FooterCheckpoint {
    pub(crate) name: String,
    pub(crate) size: TreeSize,
    pub(crate) note: String,
}

/// One record of a body, borrowed from it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Record<'a> {
    /// Consecutive entries of one log.
    Run(Run<'a>),
    Sidecar {
        log_no: u32,
        index: u64,
        kind: SidecarKind,
        offset: usize,
        bytes: &'a [u8],
    },
    Identity(Identity),
    /// The entry begins an attested batch; its stream had this chain head before.
    Chain {
        log_no: u32,
        index: u64,
        chain: Hash,
    },
    Stream {
        log_no: u32,
        name: &'a str,
        head: StreamHead,
    },
}

/// Consecutive entries of one log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run<'a> {
    pub(crate) log_no: u32,
    pub(crate) first: u64,
    pub(crate) entries: Vec<RunEntry<'a>>,
}

/// An entry in a run, with the hash that its event line had at intake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RunEntry<'a> {
    pub(crate) bytes: &'a [u8],
    /// Where the entry stands in the body.
    pub(crate) offset: usize,
    pub(crate) intake: Hash,
}

/// A body that cannot be read; with a right CRC this is a defect or a forgery, never a crash's trace.
#[derive(Debug, thiserror::Error)]
#[error("frame body is malformed at byte {at}: {what}")]
pub(crate) struct BadBody {
    pub(crate) at: usize,
    pub(crate) what: &'static str,
}

/// Writes a body into the journal's buffer.
pub(crate) struct BodyWriter {
    buf: FrameBuf,
}

impl BodyWriter {
    /// Begins a body.
    pub(crate) fn new(mut buf: FrameBuf) -> Self {
        buf.clear();
        buf.push(&[BODY_VERSION]);
        BodyWriter { buf }
    }

    /// Bytes so far.
    pub(crate) fn len(&self) -> usize {
        self.buf.len()
    }

    /// Begins a run of `count` entries.
    pub(crate) fn begin_run(&mut self, log_no: u32, first: u64, count: u32) {
        self.buf.push(&[RECORD_RUN]);
        self.buf.push(&log_no.to_be_bytes());
        self.buf.push(&first.to_be_bytes());
        self.buf.push(&count.to_be_bytes());
    }

    /// One entry of the run; returns where it stands in the body.
    pub(crate) fn push_entry(&mut self, entry: &[u8], intake: &Hash) -> usize {
        self.buf.push(&(entry.len() as u32).to_be_bytes());
        let offset = self.buf.len();
        self.buf.push(entry);
        self.buf.push(intake.as_bytes());
        offset
    }

    /// One sidecar; returns where its bytes stand in the body.
    pub(crate) fn push_sidecar(
        &mut self,
        log_no: u32,
        index: u64,
        kind: SidecarKind,
        bytes: &[u8],
    ) -> usize {
        self.buf.push(&[RECORD_SIDECAR]);
        self.buf.push(&log_no.to_be_bytes());
        self.buf.push(&index.to_be_bytes());
        self.buf.push(&[kind.as_byte()]);
        self.buf.push(&(bytes.len() as u32).to_be_bytes());
        let offset = self.buf.len();
        self.buf.push(bytes);
        offset
    }

    /// One remembered identity.
    pub(crate) fn push_identity(&mut self, identity: &Identity) {
        let mut record = [RECORD_IDENTITY; RECORD_IDENTITY_BYTES];
        record[1..17].copy_from_slice(&identity.key);
        record[17..33].copy_from_slice(&identity.received);
        record[33..].copy_from_slice(&identity.index.to_be_bytes());
        self.buf.push(&record);
    }

    /// Remembered identities.
    pub(crate) fn push_identities<'i>(
        &mut self,
        count: usize,
        identities: impl Iterator<Item = &'i Identity>,
    ) {
        self.buf.reserve(count * RECORD_IDENTITY_BYTES);
        identities.for_each(|identity| self.push_identity(identity));
    }

    /// A stream as it stands after its events in this frame.
    pub(crate) fn push_stream(&mut self, log_no: u32, name: &str, head: &StreamHead) {
        self.buf.push(&[RECORD_STREAM]);
        self.buf.push(&log_no.to_be_bytes());
        self.push_text(name);
        self.buf.push(&head.next_seq.to_be_bytes());
        self.buf.push(head.head.as_bytes());
        self.buf.push(&[u8::from(head.cursor.is_some())]);
        self.push_text(head.cursor.as_deref().unwrap_or_default());
    }

    /// The chain head of a stream before the attested batch that begins at `index`.
    pub(crate) fn push_chain(&mut self, log_no: u32, index: u64, chain: &Hash) {
        self.buf.push(&[RECORD_CHAIN]);
        self.buf.push(&log_no.to_be_bytes());
        self.buf.push(&index.to_be_bytes());
        self.buf.push(chain.as_bytes());
    }

    /// Ends the body.
    pub(crate) fn finish(
        mut self,
        logs: &[FooterLog],
        checkpoints: &[FooterCheckpoint],
    ) -> FrameBuf {
        self.buf.push(&[RECORD_FOOTER]);
        self.buf.push(&(logs.len() as u32).to_be_bytes());
        for log in logs {
            self.push_text(&log.name);
            self.buf.push(&log.size_before.0.to_be_bytes());
            self.buf.push(&log.size_after.0.to_be_bytes());
            self.buf.push(log.root_after.as_bytes());
            self.buf.push(&(log.seeds.len() as u32).to_be_bytes());
            for (segment, seed) in &log.seeds {
                self.buf.push(&segment.to_be_bytes());
                self.buf.push(&seed.0);
            }
        }
        self.buf.push(&(checkpoints.len() as u32).to_be_bytes());
        for checkpoint in checkpoints {
            self.push_text(&checkpoint.name);
            self.buf.push(&checkpoint.size.0.to_be_bytes());
            self.push_text(&checkpoint.note);
        }
        self.buf
    }

    fn push_text(&mut self, text: &str) {
        self.buf.push(&(text.len() as u32).to_be_bytes());
        self.buf.push(text.as_bytes());
    }
}

/// A decoded body.
#[derive(Debug)]
pub(crate) struct Body<'a> {
    pub(crate) records: Vec<Record<'a>>,
    pub(crate) logs: Vec<FooterLog>,
    pub(crate) checkpoints: Vec<FooterCheckpoint>,
}

/// Decodes a body whole; every byte must be accounted for.
pub(crate) fn decode(body: &[u8]) -> Result<Body<'_>, BadBody> {
    let mut reader = Reader { body, at: 0 };
    if reader.u8()? != BODY_VERSION {
        return Err(BadBody { at: 0, what: "unknown version" });
    }
    let mut records = Vec::new();
    loop {
        match reader.u8()? {
            RECORD_RUN => records.push(Record::Run(reader.run()?)),
            RECORD_SIDECAR => records.push(reader.sidecar()?),
            RECORD_IDENTITY => records.push(reader.identity()?),
            RECORD_STREAM => records.push(reader.stream()?),
            RECORD_CHAIN => records.push(reader.chain()?),
            RECORD_FOOTER => break,
            _ => return Err(BadBody { at: reader.at - 1, what: "unknown record" }),
        }
    }
    let logs = reader.footer_logs()?;
    let checkpoints = reader.footer_checkpoints()?;
    if reader.at != body.len() {
        return Err(BadBody { at: reader.at, what: "bytes after the footer" });
    }
    Ok(Body { records, logs, checkpoints })
}

/// Reads big-endian fields with bounds checks. Also used for the state file.
pub(crate) struct Reader<'a> {
    pub(crate) body: &'a [u8],
    pub(crate) at: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Result<&'a [u8], BadBody> {
        let end = self.at.checked_add(count).filter(|end| *end <= self.body.len());
        let end = end.ok_or(BadBody { at: self.at, what: "ends too early" })?;
        let bytes = &self.body[self.at..end];
        self.at = end;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadBody> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N)?);
        Ok(array)
    }

    pub(crate) fn u8(&mut self) -> Result<u8, BadBody> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u32(&mut self) -> Result<u32, BadBody> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(crate) fn u64(&mut self) -> Result<u64, BadBody> {
        Ok(u64::from_be_bytes(self.array()?))
    }

    pub(crate) fn hash(&mut self) -> Result<Hash, BadBody> {
        Ok(Hash::from(self.array::<32>()?))
    }

    pub(crate) fn seed(&mut self) -> Result<NonceSeed, BadBody> {
        Ok(NonceSeed(self.array()?))
    }

    pub(crate) fn text(&mut self) -> Result<&'a str, BadBody> {
        let len = self.u32()? as usize;
        let at = self.at;
        std::str::from_utf8(self.take(len)?).map_err(|_| BadBody { at, what: "text is not UTF-8" })
    }

    pub(crate) fn stream_head(&mut self) -> Result<StreamHead, BadBody> {
        let next_seq = self.u64()?;
        let head = self.hash()?;
        let at = self.at;
        let cursor = match (self.u8()?, self.text()?) {
            (0, "") => None,
            (1, cursor) => Some(cursor.to_owned()),
            _ => return Err(BadBody { at, what: "a cursor is neither there nor absent" }),
        };
        Ok(StreamHead { next_seq, head, cursor })
    }

    fn run(&mut self) -> Result<Run<'a>, BadBody> {
        let log_no = self.u32()?;
        let first = self.u64()?;
        let count = self.u32()?;
        let mut entries = Vec::new();
        for _ in 0..count {
            let len = self.u32()? as usize;
            let offset = self.at;
            let bytes = self.take(len)?;
            entries.push(RunEntry { bytes, offset, intake: self.hash()? });
        }
        Ok(Run { log_no, first, entries })
    }

    fn sidecar(&mut self) -> Result<Record<'a>, BadBody> {
        let log_no = self.u32()?;
        let index = self.u64()?;
        let at = self.at;
        let kind = SidecarKind::from_byte(self.u8()?)
            .ok_or(BadBody { at, what: "unknown kind of sidecar" })?;
        let len = self.u32()? as usize;
        let offset = self.at;
        Ok(Record::Sidecar { log_no, index, kind, offset, bytes: self.take(len)? })
    }

    fn identity(&mut self) -> Result<Record<'a>, BadBody> {
        let (key, received) = (self.array()?, self.array()?);
        Ok(Record::Identity(Identity { key, received, index: self.u64()? }))
    }

    fn stream(&mut self) -> Result<Record<'a>, BadBody> {
        let log_no = self.u32()?;
        let name = self.text()?;
        Ok(Record::Stream { log_no, name, head: self.stream_head()? })
    }

    fn chain(&mut self) -> Result<Record<'a>, BadBody> {
        let (log_no, index) = (self.u32()?, self.u64()?);
        Ok(Record::Chain { log_no, index, chain: self.hash()? })
    }

    fn footer_logs(&mut self) -> Result<Vec<FooterLog>, BadBody> {
        let mut logs = Vec::new();
        for _ in 0..self.u32()? {
            let name = self.text()?.to_owned();
            let (size_before, size_after) = (TreeSize(self.u64()?), TreeSize(self.u64()?));
            let root_after = self.hash()?;
            let mut seeds = Vec::new();
            for _ in 0..self.u32()? {
                seeds.push((self.u64()?, self.seed()?));
            }
            logs.push(FooterLog { name, size_before, size_after, root_after, seeds });
        }
        Ok(logs)
    }

    fn footer_checkpoints(&mut self) -> Result<Vec<FooterCheckpoint>, BadBody> {
        let mut checkpoints = Vec::new();
        for _ in 0..self.u32()? {
            let name = self.text()?.to_owned();
            let size = TreeSize(self.u64()?);
            checkpoints.push(FooterCheckpoint { name, size, note: self.text()?.to_owned() });
        }
        Ok(checkpoints)
    }
}
