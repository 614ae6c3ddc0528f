//! Sealed values on their way into the log: what is taken, what is refused, where the ciphertext goes.

use super::cell::{World, check_log, writer};
use crate::{
    Cell, LogHandle, PlacedValue, Reduced, ReducedEvent, SealFault, Sealed, SealedValue, Sealer,
};
use crate::{SidecarKind, ToSeal};
use append::{Appended, Batch, Code, Refusal, Sidecar};
use graven_entry::{
    Altered, DisclosureDigest, Entry, Name, disclosure_digest, event_hash, open_event, seal_event,
};
use std::sync::Arc;

const SALT: &str = "lklxF5jMYlGTPUovMNIvCA";

/// Seals `/data/iban` of events with action `pay`, and "encrypts" by a form of its own.
struct Fake;

impl Sealer for Fake {
    fn seal(&self, event: &ToSeal<'_>) -> Result<Option<Sealed>, SealFault> {
        if event.action != "pay" {
            return Ok(None);
        }
        if event.is_signed {
            return Err(SealFault::Refused(Refusal::new(Code::BadEvent, "signed")));
        }
        let path = "/data/iban";
        let sealed = seal_event(event.event, &[graven_entry::ToSeal { path, salt: SALT }]);
        let sealed = sealed.expect("the test's event has it");
        let values =
            sealed.disclosures.into_iter().map(|disclosure| value(&disclosure, path, "policy"));
        Ok(Some(Sealed { event: sealed.event, values: values.collect() }))
    }

    fn close(&self, origin: &Name, values: &[PlacedValue]) -> Result<Vec<Vec<u8>>, SealFault> {
        for PlacedValue { value, digest } in values {
            assert_eq!(*digest, DisclosureDigest::of(&value.disclosure));
        }
        match values[0].value.subject.as_str() {
            "refused" => Err(SealFault::Refused(Refusal::new(Code::DiskFull, "no room"))),
            "fatal" => Err(SealFault::Fatal("the keyring's disk failed".to_owned())),
            _ => Ok(values.iter().map(|placed| encrypted(origin, &placed.value)).collect()),
        }
    }
}

fn encrypted(origin: &Name, value: &SealedValue) -> Vec<u8> {
    format!("{origin} {value:?}").into_bytes()
}

fn value(disclosure: &str, path: &str, subject: &str) -> SealedValue {
    let [disclosure, path, subject] = [disclosure, path, subject].map(str::to_owned);
    SealedValue { disclosure, path, subject, class: "pii".to_owned() }
}

fn sidecar(event: usize, value: &SealedValue) -> Sidecar {
    let SealedValue { disclosure, path, subject, class } = value.clone();
    Sidecar::Disclosure { event, disclosure, path, subject, class }
}

/// An event with two sealed values, and what opens them.
fn sealed_event() -> (Vec<u8>, Vec<SealedValue>) {
    let event = br#"{"actor":{"id":"a"},"action":"x","data":{"mail":"m","list":[1,2]}}"#;
    let other = SALT.replace('l', "m");
    let places = ["/data/mail", "/data/list/1"];
    let to_seal = [
        graven_entry::ToSeal { path: places[0], salt: SALT },
        graven_entry::ToSeal { path: places[1], salt: &other },
    ];
    let sealed = seal_event(event, &to_seal).expect("seals");
    let values = sealed.disclosures.iter().zip(places).map(|(d, path)| value(d, path, "anna"));
    let values = values.collect();
    (sealed.event, values)
}

fn submit(
    log: &LogHandle,
    events: Vec<Vec<u8>>,
    sidecars: Vec<Sidecar>,
) -> Result<Appended, Refusal> {
    log.submit(&writer(), Batch { events, sidecars, ..Batch::default() })?.wait()
}

fn open(world: &World) -> (Cell, LogHandle) {
    let cell = world.open();
    cell.seal_with(Arc::new(Fake));
    let log = cell.log("main").expect("is there");
    (cell, log)
}

#[test]
fn disclosures_come_in_with_their_digests_and_stay_with_their_entry() {
    let world = World::new(20);
    let (cell, log) = open(&world);
    let (event, values) = sealed_event();
    let plain = br#"{"actor":{"id":"a"},"action":"x"}"#.to_vec();
    // In another order than their digests, behind an event without any.
    let sidecars = vec![sidecar(1, &values[1]), sidecar(1, &values[0])];
    let appended = submit(&log, vec![plain, event.clone()], sidecars).expect("appended");
    let index = appended.receipts[1].index;
    let bytes = log.entry(index).expect("an entry");
    let entry = Entry::parse(&bytes).expect("well-formed");
    assert_eq!((entry.event, entry.header.altered), (&event[..], vec![]));
    let origin = log.info().origin;
    let expected = [&values[1], &values[0]].map(|value| encrypted(&origin, value));
    let check = |log: &LogHandle| {
        let stored = log.sidecars(index).expect("readable");
        assert!(stored.iter().all(|sidecar| sidecar.kind == SidecarKind::Disclosure));
        assert!(stored.iter().map(|sidecar| &sidecar.bytes).eq(&expected));
        assert_eq!(log.sidecars(appended.receipts[0].index).expect("readable"), []);
    };
    check(&log);
    cell.stop();
    let (cell, log) = open(&world);
    check(&log);
    cell.unload().expect("unloads");
    check(&log);
    check_log(&log);
}

#[test]
fn policy_seals_what_the_producer_did_not() {
    let world = World::new(21);
    let (_cell, log) = open(&world);
    let event =
        "{\"id\":\"1\",\"actor\":{\"id\":\"a\"},\n\"action\":\"pay\",\"data\":{\"iban\":\"DE1\"}}";
    let one_line = event.replace('\n', " ");
    for (event, altered) in [
        (event.to_owned(), vec![Altered::Compacted, Altered::Sealed]),
        (one_line.replace("\"1\"", "\"2\""), vec![Altered::Sealed]),
    ] {
        let appended = submit(&log, vec![event.clone().into_bytes()], vec![]).expect("appended");
        let bytes = log.entry(appended.receipts[0].index).expect("an entry");
        let entry = Entry::parse(&bytes).expect("well-formed");
        assert_eq!(entry.header.altered, altered);
        assert!(!String::from_utf8_lossy(&bytes).contains("DE1"));
        let stored = log.sidecars(appended.receipts[0].index).expect("readable");
        let clear = String::from_utf8_lossy(&stored[0].bytes);
        let disclosure = clear.split('"').nth(1).expect("it stands there");
        let opened = open_event(entry.event, &[disclosure]).expect("opens");
        assert!(String::from_utf8_lossy(&opened).contains("\"iban\":\"DE1\""));
        // The same bytes again are a repeat, whatever salt policy would take now.
        let again = submit(&log, vec![event.into_bytes()], vec![]).expect("repeated");
        assert!(again.receipts[0].repeated);
    }
}

/// What a batch is refused with, and in which field.
fn check_refused(log: &LogHandle, event: &[u8], sidecars: Vec<Sidecar>, expected: (Code, &str)) {
    let size = log.info().size;
    let refused = submit(log, vec![event.to_vec()], sidecars).expect_err("refused");
    assert_eq!((refused.code, refused.field.as_deref().unwrap_or("")), expected, "{refused}");
    assert_eq!(log.info().size, size);
}

#[test]
fn digests_and_disclosures_must_fit() {
    let world = World::new(22);
    let (_cell, log) = open(&world);
    let (event, values) = sealed_event();
    let [mail, element] = [0, 1].map(|at| sidecar(0, &values[at]));
    let both = vec![mail.clone(), element.clone()];
    let bad = |field| (Code::BadEvent, field);
    check_refused(&log, &event, vec![], bad("/data"));
    check_refused(&log, &event, vec![mail.clone()], bad("/data/list/1"));
    check_refused(&log, &event, vec![element.clone()], bad("/data"));
    let twice = vec![mail.clone(), element.clone(), mail.clone()];
    check_refused(&log, &event, twice, bad("disclosure"));
    let plain = br#"{"actor":{"id":"a"},"action":"x"}"#;
    check_refused(&log, plain, vec![mail.clone()], bad("disclosure"));
    let mut misplaced = values[0].clone();
    misplaced.path = "/data/list/1".to_owned();
    check_refused(&log, &event, vec![sidecar(0, &misplaced), element.clone()], bad("path"));
    // A name that its object has: the digest fits, and what would be opened is no event.
    let text = String::from_utf8(event.clone()).expect("text");
    let taken = text.replace("\"data\":{", "\"data\":{\"mail\":1,");
    check_refused(&log, taken.as_bytes(), both.clone(), bad("disclosure"));
    let alg = text.replace("\"data\":{", "\"_sd_alg\":\"sha-256\",\"data\":{");
    check_refused(&log, alg.as_bytes(), both.clone(), bad("/_sd_alg"));
    let other = [(&values[0], "refused"), (&values[1], "anna")]
        .map(|(known, subject)| sidecar(0, &value(&known.disclosure, &known.path, subject)));
    check_refused(&log, &event, other.to_vec(), (Code::DiskFull, ""));
    submit(&log, vec![event], both).expect("as it should be");
}

#[test]
fn what_policy_withholds_needs_no_disclosure_and_the_header_says_so() {
    let world = World::new(26);
    // No keyring is needed for what nobody can open.
    let log = world.open().log("main").expect("is there");
    let (event, values) = sealed_event();
    let digests: Vec<String> =
        values.iter().map(|value| disclosure_digest(&value.disclosure)).collect();
    let submit = |withheld: &[String]| {
        let received = event_hash(b"as it was sent");
        let reduced = ReducedEvent { received, withheld: withheld.to_vec() };
        let batch = Batch::of(vec![event.clone()]);
        log.submit_reduced(&writer(), batch, &Reduced::from([(0, reduced)]))?.wait()
    };
    for withheld in [&[][..], &digests[..1], &digests[1..]] {
        assert_eq!(submit(withheld).expect_err("not all").code, Code::BadEvent);
    }
    let appended = submit(&digests).expect("appended");
    let bytes = log.entry(appended.receipts[0].index).expect("an entry");
    let entry = Entry::parse(&bytes).expect("well-formed");
    assert_eq!((entry.event, entry.header.altered), (&event[..], vec![Altered::Sealed]));
    assert_eq!(log.sidecars(appended.receipts[0].index).expect("readable"), []);
    check_log(&log);
}

#[test]
fn without_a_keyring_disclosures_are_refused() {
    let world = World::new(23);
    let log = world.open().log("main").expect("is there");
    let (event, values) = sealed_event();
    let sidecars = values.iter().map(|value| sidecar(0, value)).collect();
    check_refused(&log, &event, sidecars, (Code::BadEvent, "disclosure"));
}

#[test]
fn a_keyring_that_cannot_be_sure_stops_the_cell() {
    let world = World::new(24);
    let (cell, log) = open(&world);
    let (event, values) = sealed_event();
    let fatal = |value: &SealedValue| {
        sidecar(0, &super::sealer::value(&value.disclosure, &value.path, "fatal"))
    };
    let sidecars = values.iter().map(fatal).collect();
    check_refused(&log, &event, sidecars, (Code::Unavailable, ""));
    assert!(!cell.health().ready);
}

#[test]
fn erased_sidecars_are_gone_and_the_others_stay() {
    let world = World::new(25);
    let (cell, log) = open(&world);
    let (event, values) = sealed_event();
    let mut indexes = Vec::new();
    // Enough for several objects.
    for subject in ["anna", "bert", "anna", "carl", "anna", "bert"] {
        let values = values.iter().map(|known| value(&known.disclosure, &known.path, subject));
        let sidecars = values.map(|value| sidecar(0, &value)).collect();
        let appended = submit(&log, vec![event.clone()], sidecars).expect("appended");
        indexes.push((appended.receipts[0].index, subject));
    }
    cell.unload().expect("unloads");
    let is_annas = |bytes: &[u8]| bytes.windows(6).any(|part| part == b"\"anna\"");
    let gone = log.erase_sidecars(|sidecar| is_annas(&sidecar.bytes));
    assert_eq!(gone.expect("erases"), 6);
    let check = |log: &LogHandle| {
        for (index, subject) in &indexes {
            let expected = if *subject == "anna" { 0 } else { 2 };
            assert_eq!(log.sidecars(*index).expect("readable").len(), expected, "{subject}");
        }
        check_log(log);
    };
    check(&log);
    assert_eq!(log.erase_sidecars(|sidecar| is_annas(&sidecar.bytes)).expect("again"), 0);
    let vault: Vec<_> = world
        .disk
        .files()
        .into_iter()
        .filter(|(path, _)| path.starts_with("/data/vault"))
        .collect();
    assert!(vault.len() > 1, "{vault:?}");
    for (path, _) in &vault {
        assert!(!is_annas(&world.disk.file_bytes(path).expect("readable")));
    }
    cell.stop();
    check(&open(&world).1);
}
