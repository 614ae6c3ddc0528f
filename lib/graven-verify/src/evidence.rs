//! What somebody is given of one entry: its bytes, its proof, and what opens the values that they may see.
//!
//! One line of JSON, `{"graven":"disclosure/v1","entry":"…","proof":"…","disclosures":["…",…]}`. The members stand in this
//! order and no others do, so that every reader of JSON sees what is verified here.

use graven_entry::write_json_string;

use crate::export::Cursor;
use crate::fault::{Fault, FaultKind};
use crate::limits::EVIDENCE_BYTES_MAX;

/// An entry, its proof and chosen disclosures. Reading it judges nothing: [`verify_entry`](crate::verify_entry) and
/// [`open_disclosures`](crate::open_disclosures) do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The entry's bytes.
    pub entry: String,
    /// Its C2SP tlog-proof.
    pub proof: String,
    /// What opens values of it, RFC 9901 encoding.
    pub disclosures: Vec<String>,
}

impl Evidence {
    /// Reads the line, with or without its line feed.
    pub fn parse(bytes: &[u8]) -> Result<Evidence, Fault> {
        let malformed = |detail: &str| Fault::of_log(FaultKind::ExportMalformed, detail);
        if bytes.len() > EVIDENCE_BYTES_MAX {
            let detail = format!("it has {} bytes, at most {EVIDENCE_BYTES_MAX} fit", bytes.len());
            return Err(malformed(&detail));
        }
        let line = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let expected = "not {\"graven\":\"disclosure/v1\",\"entry\":\"...\",\"proof\":\"...\",\"disclosures\":[...]}";
        read(&mut Cursor { rest: line }).ok_or_else(|| malformed(expected))
    }

    /// Writes the line, its line feed included.
    pub fn write(&self) -> Vec<u8> {
        let mut out = b"{\"graven\":\"disclosure/v1\",\"entry\":".to_vec();
        write_json_string(&mut out, &self.entry);
        out.extend_from_slice(b",\"proof\":");
        write_json_string(&mut out, &self.proof);
        out.extend_from_slice(b",\"disclosures\":[");
        for (place, disclosure) in self.disclosures.iter().enumerate() {
            if place > 0 {
                out.push(b',');
            }
            write_json_string(&mut out, disclosure);
        }
        out.extend_from_slice(b"]}\n");
        out
    }
}

fn read(cursor: &mut Cursor<'_>) -> Option<Evidence> {
    cursor.token(b"{")?;
    cursor.token(b"\"graven\"")?;
    cursor.token(b":")?;
    cursor.token(b"\"disclosure/v1\"")?;
    let entry = member(cursor, b"\"entry\"")?;
    let proof = member(cursor, b"\"proof\"")?;
    cursor.token(b",")?;
    cursor.token(b"\"disclosures\"")?;
    cursor.token(b":")?;
    cursor.token(b"[")?;
    let mut disclosures = Vec::new();
    while cursor.token(b"]").is_none() {
        if !disclosures.is_empty() {
            cursor.token(b",")?;
        }
        disclosures.push(cursor.string()?);
    }
    cursor.token(b"}")?;
    cursor.rest.is_empty().then_some(Evidence { entry, proof, disclosures })
}

/// A comma, the member's name, its text.
fn member(cursor: &mut Cursor<'_>, name: &[u8]) -> Option<String> {
    cursor.token(b",")?;
    cursor.token(name)?;
    cursor.token(b":")?;
    cursor.string()
}
