//! From a producer's event to ciphertext in the vault and back, with real keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use access::{ClosedValue, Keyring, KeyringError, MasterKey, MasterKeys, SealPolicy, is_pseudonym};
use append::{Batch, Code, Refusal, Sidecar};
use env::{RealDisk, SystemRandom};
use graven_entry::{
    AuthMethod, Disclosure, Entry, Grade, Name, check_event, disclosure_digest, open_event,
};
use graven_merkle::LeafIndex;
use log::{Cell, CellOptions, Env, LogHandle, Writer};
use tempfile::TempDir;

use super::Sealing;

const POLICY: &str = r#"{"main":{"rules":[
    {"path":"changes.iban","class":"pii","subject":"target.id"},
    {"path":"actor.id","class":"pseudonym"}],"unsealed":"UNSEALED"}}"#;
/// What servers under test seal.
pub(crate) const SITE_POLICY: &str = r#"{"main":{"rules":[
    {"path":"data.iban","class":"pii","subject":"target.id"},
    {"path":"data.note","class":"phi","subject":"target.id"}],"unsealed":"flag"}}"#;
pub(crate) const EVENT: &str = r#"{"actor":{"id":"anna@example.org"},"action":"pay","target":{"id":"c-42"},"changes":{"iban":{"before":"DE111","after":"DE222"}},"data":{"n":1.0}}"#;

/// A cell that seals.
pub(crate) struct Bench {
    pub(crate) cell: Cell,
    pub(crate) sealing: Arc<Sealing>,
    pub(crate) log: LogHandle,
    dir: TempDir,
}

pub(crate) fn bench(unsealed: &str) -> Bench {
    let dir = TempDir::new().expect("a directory");
    let (cell, sealing) = open(dir.path(), unsealed);
    let log = cell.log("main").expect("is there");
    Bench { cell, sealing, log, dir }
}

fn open(dir: &Path, unsealed: &str) -> (Cell, Arc<Sealing>) {
    let data = dir.join("data");
    let (cell, _) = Cell::open(Env::real(), CellOptions::new(&data)).expect("opens");
    let policy = POLICY.replace("UNSEALED", unsealed);
    let sealing = open_sealing(&data, &policy).expect("a keyring");
    cell.seal_with(Arc::clone(&sealing) as _);
    (cell, sealing)
}

pub(crate) fn open_sealing(data: &Path, policy: &str) -> Result<Arc<Sealing>, KeyringError> {
    let policy = SealPolicy::parse(policy.as_bytes()).expect("a policy");
    let masters = MasterKeys::one(MasterKey::new(&[7; 32]));
    let random = Arc::new(SystemRandom);
    let (keyring, _) =
        Keyring::open(&RealDisk, Arc::clone(&random) as _, &data.join("keyring"), masters)?;
    Ok(Arc::new(Sealing::new(keyring, policy, random)))
}

impl Bench {
    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// Stops everything and starts it again on the same data.
    pub(crate) fn reopen(&mut self) {
        self.cell.stop();
        (self.cell, self.sealing) = open(self.dir.path(), "flag");
        self.log = self.cell.log("main").expect("is there");
    }

    pub(crate) fn append(&self, event: &str, sidecars: Vec<Sidecar>) -> Result<LeafIndex, Refusal> {
        let events = vec![event.as_bytes().to_vec()];
        let id = Name::new("admin").expect("a name");
        let auth = AuthMethod::new("token").expect("a method");
        let writer = Writer { id, auth, grade: Grade::Asserted };
        let pending = self.log.submit(&writer, Batch { events, sidecars, ..Batch::default() })?;
        Ok(pending.wait()?.receipts[0].index)
    }

    /// The event of an entry, and with everything opened that its keys open.
    fn read(&self, index: LeafIndex) -> (String, String) {
        let bytes = self.log.entry(index).expect("an entry");
        let entry = Entry::parse(&bytes).expect("well-formed");
        let origin = self.log.info().origin;
        let mut disclosures = Vec::new();
        for sidecar in self.log.sidecars(index).expect("readable") {
            let closed = ClosedValue::parse(&sidecar.bytes).expect("the vault's form");
            let keys = self.sealing.keyring.keys(closed.key).expect("the key lives");
            disclosures.push(closed.open(&keys, origin.as_str()).expect("opens").disclosure);
        }
        let opened = open_event(entry.event, &disclosures).expect("opens");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (text(entry.event), text(&opened))
    }
}

#[test]
fn policy_seals_and_the_keys_open() {
    let bench = bench("flag");
    let index = bench.append(EVENT, vec![]).expect("appended");
    for _ in 0..2 {
        let (event, opened) = bench.read(index);
        for clear in ["anna", "DE111", "DE222"] {
            assert!(!event.contains(clear), "{event}");
        }
        assert!(event.contains(r#""changes":{"iban":{"_sd":["#), "{event}");
        let actor = check_event(event.as_bytes()).expect("an event").actor_id;
        assert!(is_pseudonym(&actor.expect("an actor")), "{event}");
        assert!(opened.contains("\"before\":\"DE111\"") && opened.contains("\"after\":\"DE222\""));
        bench.cell.unload().expect("unloads");
    }
    // The same person gets the same pseudonym, and another entry other digests.
    let (first, _) = bench.read(index);
    let (second, _) = bench.read(bench.append(EVENT, vec![]).expect("appended"));
    assert_eq!(first.split("\"target\"").next(), second.split("\"target\"").next());
    assert_ne!(first, second);
    assert_eq!(bench.sealing.keyring.counts().live, 2);
}

#[test]
fn producers_seal_too() {
    let bench = bench("flag");
    let disclosure =
        Disclosure::new("lklxF5jMYlGTPUovMNIvCA", Some("mail"), b"\"m\"").unwrap().encode();
    let digest = disclosure_digest(&disclosure);
    let event = format!(r#"{{"actor":{{}},"action":"x","data":{{"_sd":["{digest}"]}}}}"#);
    let sidecar = |class: &str, subject: &str| Sidecar::Disclosure {
        event: 0,
        disclosure: disclosure.clone(),
        path: "/data/mail".to_owned(),
        subject: subject.to_owned(),
        class: class.to_owned(),
    };
    for (class, subject, field) in
        [("PII", "s", "class"), ("pii", "", "subject"), ("pii", &"s".repeat(256), "subject")]
    {
        let refused = bench.append(&event, vec![sidecar(class, subject)]).expect_err("refused");
        assert_eq!((refused.code, refused.field.as_deref()), (Code::BadEvent, Some(field)));
    }
    let index = bench.append(&event, vec![sidecar("pii", "s")]).expect("appended");
    assert!(bench.read(index).1.contains(r#""data":{"mail":"m"}"#));
}

#[test]
fn what_names_nobody_is_refused() {
    let bench = bench("flag");
    let refused = bench.append(&EVENT.replace("target", "object"), vec![]).expect_err("refused");
    let expected = (Code::BadEvent, Some("/changes/iban"));
    assert_eq!((refused.code, refused.field.as_deref()), expected, "{refused}");
}

#[test]
fn what_looks_sensitive_is_flagged_sealed_or_refused() {
    let event = EVENT.replace("1.0", "\"card 4111 1111 1111 1111\"");
    let bench_ = bench("flag");
    let (stored, _) = bench_.read(bench_.append(&event, vec![]).expect("appended"));
    assert!(stored.contains("4111"));
    assert_eq!(bench_.sealing.findings.totals().len(), 1);
    let bench_ = bench("seal");
    let (stored, opened) = bench_.read(bench_.append(&event, vec![]).expect("appended"));
    assert!(!stored.contains("4111") && opened.contains("4111"), "{stored}");
    assert_eq!(bench_.sealing.findings.totals().len(), 0);
    let bench_ = bench("refuse");
    let refused = bench_.append(&event, vec![]).expect_err("refused");
    assert_eq!((refused.code, refused.field.as_deref()), (Code::BadEvent, Some("/data/n")));
    assert!(!refused.detail.contains("4111"), "a refusal does not repeat it");
    bench_.append(EVENT, vec![]).expect("nothing to find");
}
