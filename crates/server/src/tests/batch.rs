//! The batch media type, read.

use append::{Batch, Sidecar, StreamClaim};

use super::parse;

fn check(text: &str, expected: &Batch) {
    let batch = parse(text.as_bytes()).expect(text);
    assert_eq!(batch.events, expected.events, "{text}");
    assert_eq!(batch.stream, expected.stream, "{text}");
    assert_eq!(batch.cursor, expected.cursor, "{text}");
    assert_eq!(batch.attestation, expected.attestation, "{text}");
    assert_eq!(batch.sidecars, expected.sidecars, "{text}");
}

fn check_refused(text: &str, field: &str, position: Option<usize>) {
    let refusal = parse(text.as_bytes()).expect_err(text);
    assert_eq!(refusal.field.as_deref(), Some(field), "{text} -> {refusal}");
    assert_eq!(refusal.position, position, "{text} -> {refusal}");
}

#[test]
fn events_are_taken_verbatim_and_sidecars_read() {
    let one = "{\"graven\":\"batch/v1\",\"events\":1}\n";
    let plain = Batch::of(vec![b"{\"a\" : 1}".to_vec()]);
    check(&format!("{one}{{\"a\" : 1}}\n"), &plain);
    check(&format!("{one}{{\"a\" : 1}}"), &plain);
    let odd = Batch::of(vec![b" not json \xc2\x85 at all\r".to_vec()]);
    check(
        &format!("{one} not json \u{85} at all\r\n{}", ""),
        &Batch { events: vec![b" not json \xc2\x85 at all".to_vec()], ..odd },
    );
    let full = "{\"graven\":\"batch/v1\",\"events\":2,\"stream\":\"s\",\"first_seq\":7,\
        \"cursor\":\"c\",\"attestation\":\"a\\nb\\n\"}\n{}\n[]\n\
        {\"event\":1,\"blob\":\"AAE=\"}\n\
        {\"event\":0,\"disclosure\":\"d\",\"path\":\"/p\",\"subject\":\"s\",\"class\":\"pii\"}\n";
    check(
        full,
        &Batch {
            events: vec![b"{}".to_vec(), b"[]".to_vec()],
            stream: Some(StreamClaim { name: "s".to_owned(), first_seq: Some(7) }),
            cursor: Some("c".to_owned()),
            attestation: Some(b"a\nb\n".to_vec()),
            sidecars: vec![
                Sidecar::Blob { event: 1, bytes: vec![0, 1] },
                Sidecar::Disclosure {
                    event: 0,
                    disclosure: "d".to_owned(),
                    path: "/p".to_owned(),
                    subject: "s".to_owned(),
                    class: "pii".to_owned(),
                },
            ],
            ..Batch::default()
        },
    );
}

#[test]
fn a_line_that_is_no_sidecar_is_refused_where_it_starts() {
    let start = "{\"graven\":\"batch/v1\",\"events\":1}\n{}\n";
    let after = start.len();
    let table = [
        ("{\"event\":1,\"blob\":\"\"}", "event", after),
        ("{\"event\":0}", "sidecars", after),
        ("{\"event\":0,\"blob\":\"\",\"path\":\"\"}", "sidecars", after),
        ("{\"event\":0,\"disclosure\":\"\",\"path\":\"\"}", "sidecars", after),
        ("{\"event\":0,\"blob\":\"A\"}", "blob", after),
        ("{\"event\":0,\"bolb\":\"\"}", "sidecars", after + 16),
        ("{}\n{}", "sidecars", after + 1),
    ];
    for (line, field, position) in table {
        check_refused(&format!("{start}{line}\n"), field, Some(position));
    }
    check_refused("{\"graven\":\"batch/v1\",\"events\":3}\n{}\n{}\n", "events", Some(38));
    check_refused("{\"graven\":\"batch/v1\",\"events\":1,\"first_seq\":0}\n{}", "first_seq", None);
    check_refused("{\"graven\":\"batch/v1\",\"events\":-1}\n{}", "graven", Some(31));
}
