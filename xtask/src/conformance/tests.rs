//! What the others' programs print, and what it is taken for.

use std::path::Path;

use super::kit::parse_go_version;
use super::verifiers::{Verdict, fsck_verdict, tlogverify_verdict};
use super::{files, http, live, witness};
use crate::stage::Outcome;

fn outcome(good: bool, output: &str) -> Outcome {
    Outcome { good, output: output.to_owned() }
}

/// The verdict as one word; `none` where there is none.
fn word(verdict: Result<Verdict, String>) -> &'static str {
    match verdict {
        Ok(Verdict::Accepted) => "accepted",
        Ok(Verdict::Refused(_)) => "refused",
        Err(_) => "none",
    }
}

#[test]
fn tlogverify_must_say_and_exit_alike() {
    let cases = [
        (true, "OK: size 1, root x\n", 0, "accepted"),
        (true, "OK: size 1, root x\nOK: proof of entry 0\n", 1, "accepted"),
        (true, "OK: size 1, root x\n", 1, "none"),
        (true, "", 0, "none"),
        (false, "FAIL: x\n", 0, "refused"),
        (false, "OK: size 1, root x\nFAIL: proof: x\n", 1, "refused"),
        (false, "panic: x\n", 0, "none"),
        (true, "OK: size 1, root x\nFAIL: x\n", 0, "none"),
    ];
    for (good, output, proofs, expected) in cases {
        let verdict = tlogverify_verdict(&outcome(good, output), proofs);
        assert_eq!(word(verdict), expected, "on {good} {output:?}");
    }
}

#[test]
fn fsck_must_say_it_clearly() {
    let cases = [
        ("I1 fsck.go:161] Successfully fsck'd log with size 1", "accepted"),
        ("E1 main.go:88] fsck failed: x", "refused"),
        ("", "none"),
        ("Successfully fsck'd log\nfsck failed: x", "none"),
    ];
    for (output, expected) in cases {
        let verdict = fsck_verdict(&outcome(true, output));
        assert_eq!(word(verdict), expected, "on {output:?}");
    }
}

#[test]
fn go_versions() {
    let cases = [
        ("go1.26.8", Some((1, 26))),
        ("go1.27rc1", Some((1, 27))),
        ("go1.9", Some((1, 9))),
        ("go2", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_go_version(text), expected, "on {text:?}");
    }
}

#[test]
fn the_file_server_stays_in_its_folder() {
    let cases = [
        ("GET /checkpoint HTTP/1.1", Some("/log/checkpoint")),
        ("GET /tile/0/000.p/1 HTTP/1.1", Some("/log/tile/0/000.p/1")),
        ("GET /../key HTTP/1.1", None),
        ("GET /tile//x HTTP/1.1", None),
        ("GET //etc/passwd HTTP/1.1", None),
        ("GET / HTTP/1.1", None),
        ("POST /checkpoint HTTP/1.1", None),
        ("", None),
    ];
    for (request, expected) in cases {
        let file = http::requested_file(Path::new("/log"), request);
        assert_eq!(file.as_deref(), expected.map(Path::new), "on {request:?}");
    }
}

#[test]
fn http_both_ways() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    files::write(&folder.path().join("checkpoint"), b"a\r\n\r\nb").expect("it can be written");
    let server = http::FileServer::start(folder.path()).expect("loopback is there");
    for (path, status, body) in [("checkpoint", 200, "a\r\n\r\nb"), ("nothing", 404, "")] {
        let answer = http::send("GET", &format!("{}/{path}", server.url()), &[], b"");
        let answer = answer.expect("the server answers");
        assert_eq!((answer.status, answer.body.as_str()), (status, body), "for {path}");
    }
    assert!(http::send("GET", "ftp://x/", &[], b"").is_err());
    assert!(http::parse_response("HTTP/1.1 x\r\n\r\n").is_none());
}

#[test]
fn damage_changes_one_bit() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let file = folder.path().join("tile");
    files::write(&file, &[0, 0, 0]).expect("it can be written");
    files::Damage::Flip("tile").apply(folder.path()).expect("it can be damaged");
    assert_eq!(files::read(&file).expect("it can be read"), [0, 1, 0]);
    files::Damage::Remove("tile").apply(folder.path()).expect("it can be removed");
    assert!(files::flip_bit(&file).is_err());
}

#[test]
fn witness_bodies() {
    assert_eq!(witness::request(0, &[], "log\n0\n"), "old 0\n\nlog\n0\n");
    assert_eq!(witness::request(5, &["a", "b"], "log\n"), "old 5\na\nb\n\nlog\n");
    let line = "\u{2014} w ABCDEFGHIJKLMNOPQR==\n";
    assert_eq!(witness::with_other_time(line), "\u{2014} w ABCDEFGHIJKLMNOAQR==\n");
    assert_eq!(live::size_of("log\n701\nroot\n"), Some(701));
    let answer = "{\"receipts\":[{\"index\":1},{\"index\":2}]}";
    assert_eq!(live::size_after(answer), Some(3));
    assert_eq!(live::size_after("{\"receipts\":[]}"), None);
    let hashes = live::hashes_of("{\"old\":1,\"hashes\":[\"a\",\"b\"]}");
    assert_eq!(hashes, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert_eq!(live::hashes_of("{\"hashes\":[1]}"), None);
}
