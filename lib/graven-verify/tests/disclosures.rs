//! Disclosures open the entry that they belong to, and no other.

use graven_entry::{
    AuthMethod, Clock, Grade, Header, Name, ToSeal, build_entry, check_event, seal_event,
};
use graven_merkle::{EMPTY_ROOT, LeafIndex};
use graven_verify::{Evidence, FaultKind, open_disclosures};

const EVENT: &[u8] = br#"{"actor":{"id":"a"},"action":"x","data":{"mail":"m","list":[1,2]}}"#;
const SALTS: [&str; 2] = ["lklxF5jMYlGTPUovMNIvCA", "nPuoQnkRFq3BIeAm7AnXFA"];

/// An entry with two sealed values, and what opens them.
fn sealed_entry() -> (Vec<u8>, Vec<String>) {
    let values = [
        ToSeal { path: "/data/mail", salt: SALTS[0] },
        ToSeal { path: "/data/list/0", salt: SALTS[1] },
    ];
    let sealed = seal_event(EVENT, &values).expect("seals");
    check_event(&sealed.event).expect("an event");
    let header = Header {
        origin: Name::origin("acme.example/prod").expect("an origin"),
        index: LeafIndex(7),
        time: "2026-11-20T22:55:01.123456789Z".parse().expect("a time"),
        clock: Clock::Synced,
        error_ns: None,
        wall: None,
        prev: EMPTY_ROOT,
        nonce: [7; 16],
        writer: Name::new("w").expect("a name"),
        auth: AuthMethod::new("token").expect("a method"),
        grade: Grade::Asserted,
        stream: None,
        seq: None,
        altered: Vec::new(),
    };
    let mut entry = Vec::new();
    build_entry(&mut entry, &header, &sealed.event, None).expect("builds");
    (entry, sealed.disclosures)
}

/// Opens, and expects the paths and how many stay sealed.
fn check(which: &[usize], expected: &[&str], withheld: usize) {
    let (entry, all) = sealed_entry();
    let chosen: Vec<&String> = which.iter().map(|at| &all[*at]).collect();
    let disclosed = open_disclosures(&entry, &chosen).expect("opens");
    let paths: Vec<&str> = disclosed.opened.iter().map(|value| value.path.as_str()).collect();
    assert_eq!((paths.as_slice(), disclosed.withheld), (expected, withheld));
    assert_eq!(disclosed.event == EVENT, withheld == 0);
}

#[test]
fn chosen_values_open_and_the_others_stay_shut() {
    check(&[], &[], 2);
    check(&[0], &["/data/mail"], 1);
    check(&[1], &["/data/list/0"], 1);
    check(&[1, 0], &["/data/list/0", "/data/mail"], 0);
}

#[test]
fn a_disclosure_that_was_changed_opens_nothing() {
    let (entry, all) = sealed_entry();
    for disclosure in &all {
        for at in 0..disclosure.len() {
            let mut changed = disclosure.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).expect("ASCII");
            let fault = open_disclosures(&entry, &[changed]).expect_err("it was changed");
            assert_eq!(fault.kind, FaultKind::DisclosureMismatch, "at {at}");
            assert_eq!(fault.index, Some(LeafIndex(7)));
        }
    }
    let twice = open_disclosures(&entry, &[&all[0], &all[0]]).expect_err("twice");
    assert_eq!(twice.kind, FaultKind::DisclosureMismatch);
    let fault = open_disclosures(&entry[1..], &all).expect_err("no entry");
    assert_eq!(fault.kind, FaultKind::HeaderMalformed);
}

#[test]
fn evidence_is_read_back_and_has_one_form() {
    let (entry, disclosures) = sealed_entry();
    let entry = String::from_utf8(entry).expect("text");
    let proof = "c2sp.org/tlog-proof@v1\n\u{2014} \"x\"\n".to_owned();
    for disclosures in [vec![], disclosures[..1].to_vec(), disclosures] {
        let evidence = Evidence { entry: entry.clone(), proof: proof.clone(), disclosures };
        let line = evidence.write();
        assert_eq!(Evidence::parse(&line), Ok(evidence));
        for at in 0..line.len() - 1 {
            assert!(Evidence::parse(&line[..at]).is_err(), "cut at {at}");
        }
    }
    let good =
        r#"{ "graven" : "disclosure/v1", "entry":"a","proof":"b","disclosures":[ "c" , "d" ]}"#;
    assert!(Evidence::parse(good.as_bytes()).is_ok());
    for (from, to) in [
        ("v1", "v2"),
        ("entry", "Entry"),
        ("]}", "]} x"),
        ("]}", "],\"entry\":\"z\"}"),
        ("\"c\" ,", "\"c\""),
        ("\"d\"", "\"d\","),
        ("\"d\"", "7"),
        ("\"a\"", "null"),
    ] {
        let bad = good.replace(from, to);
        let fault = Evidence::parse(bad.as_bytes()).expect_err(&bad);
        assert_eq!(fault.kind, FaultKind::ExportMalformed, "{bad}");
    }
}
