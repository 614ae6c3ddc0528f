//! Changes of a stream's keys: whose word each needs, and the entries that it is.

use crate::limits::KEYS_PER_NAME_MAX;
use crate::own::{KeyOp, key_changed};
use crate::state::{NamedKey, StreamState};
use append::{Code, Refusal};
use graven_entry::Name;
use graven_note::{Algorithm, SignatureLine, VerifierKey};
use graven_verify::{KeyTarget, key_statement};

/// A change of a stream's keys.
#[derive(Clone, Debug)]
pub enum StreamKeyChange {
    /// One more key. Where the stream has one, that has to vouch for it: a signature line over
    /// [`graven_verify::key_statement`].
    Add(VerifierKey, Option<String>),
    /// The key that takes the place of the one that vouches for it.
    Rotate(VerifierKey, String),
    /// A key that was lost or stolen counts no more, on the operator's word alone.
    Revoke(VerifierKey),
}

impl StreamState {
    /// Whether what a key signs is its producer's word: it is the first, or a key that was vouched for as well did so for it. A
    /// key that came when the stream had none left, because they were revoked, is the operator's word only.
    ///
    /// Which keys counted when it came says so: while one does, none comes without its signature.
    pub(crate) fn is_vouched(&self, vkey: &str) -> bool {
        let mut vouched: Vec<&NamedKey> = Vec::new();
        for key in &self.keys {
            let counted = |old: &&NamedKey| old.ended_at.is_none_or(|ended| ended > key.added_at);
            if self.keys.first() == Some(key) || vouched.iter().any(counted) {
                vouched.push(key);
            }
        }
        vouched.iter().any(|key| key.vkey == vkey && key.ended_at.is_none())
    }
}

/// The events of a change, if it may be made.
pub(crate) fn plan(
    origin: &Name,
    stream: &Name,
    known: &[NamedKey],
    change: &StreamKeyChange,
) -> Result<Vec<Vec<u8>>, Refusal> {
    let event =
        |op, key: &str, signature| key_changed("stream", stream.as_str(), op, key, signature);
    let (key, signature) = match change {
        StreamKeyChange::Revoke(key) => {
            let vkey = key.to_string();
            current(known).find(|one| one.vkey == vkey).ok_or_else(|| {
                let detail = format!("that is no key of stream {stream} now; {}", expected(known));
                Refusal::new(Code::NotFound, detail).in_field("vkey")
            })?;
            return Ok(vec![event(KeyOp::Revoke, &vkey, None)]);
        }
        StreamKeyChange::Add(key, signature) => (key, signature.as_deref()),
        StreamKeyChange::Rotate(key, signature) => (key, Some(signature.as_str())),
    };
    check_new(stream, known, key)?;
    let vkey = key.to_string();
    let voucher = voucher(origin, stream, known, (&vkey, signature))?;
    // It is checked, so that no verifier meets one that does not hold.
    let line = voucher.as_ref().and(signature).map(str::trim_end);
    let mut events = vec![event(KeyOp::Add, &vkey, line)];
    if let (StreamKeyChange::Rotate(..), Some(old)) = (change, voucher) {
        events.push(event(KeyOp::Retire, &old, None));
    }
    Ok(events)
}

/// What a stream's keys are now, for whoever came with another.
pub(crate) fn expected(known: &[NamedKey]) -> String {
    let keys: Vec<&str> = current(known).map(|key| key.vkey.as_str()).collect();
    match keys.as_slice() {
        [] => "it has none".to_owned(),
        keys => format!("expected {}", keys.join(" or ")),
    }
}

fn current(known: &[NamedKey]) -> impl Iterator<Item = &NamedKey> {
    known.iter().filter(|key| key.ended_at.is_none())
}

fn check_new(stream: &Name, known: &[NamedKey], key: &VerifierKey) -> Result<(), Refusal> {
    let bad = |detail: String| Err(Refusal::new(Code::BadEvent, detail).in_field("key"));
    if key.algorithm() != Algorithm::Ed25519 || key.name().as_str() != stream.as_str() {
        return bad(format!(
            "a key of stream {stream} is Ed25519 (type 0x01) and named {stream}; this one is {key}"
        ));
    }
    if known.iter().any(|known| known.vkey == key.to_string()) {
        let detail = format!("stream {stream} has or had this key");
        return Err(Refusal::new(Code::Exists, detail).in_field("key"));
    }
    if known.len() >= KEYS_PER_NAME_MAX {
        return bad(format!(
            "stream {stream} had {KEYS_PER_NAME_MAX} keys, the limit; begin a new stream"
        ));
    }
    Ok(())
}

/// The key that vouches for a new one; none where the stream has no key that could.
fn voucher(
    origin: &Name,
    stream: &Name,
    known: &[NamedKey],
    (vkey, signature): (&str, Option<&str>),
) -> Result<Option<String>, Refusal> {
    let target = KeyTarget::Stream(stream.clone());
    let statement = key_statement(origin, &target, KeyOp::Add, vkey);
    let refuse = |why: &str| {
        let detail = format!(
            "{why}; {}, over these lines, each with its line feed:\n{statement}",
            expected(known)
        );
        Err(Refusal::new(Code::BadAttestation, detail).in_field("signature"))
    };
    let Some(signature) = signature else {
        if current(known).next().is_none() {
            return Ok(None);
        }
        return refuse("the stream has a key, which has to sign for its next one");
    };
    let lines = SignatureLine::parse_lines(&format!("{}\n", signature.trim_end()));
    let Ok([line]) = lines.as_deref() else {
        return refuse("`signature` is not one signature line of a C2SP signed note");
    };
    for old in current(known) {
        let Ok(key) = old.vkey.parse::<VerifierKey>() else { continue };
        if line.is_by(key.name(), key.id()) && key.verify_note(&statement, line).is_ok() {
            return Ok(Some(old.vkey.clone()));
        }
    }
    refuse("the signature is by no key that the stream has now")
}
