//! Bodies: bombs, floods, nests, and JSON that two readers would read differently.

use std::fmt::Write as _;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::site::{EVENTS, REFUSED, Site};

/// Bytes of an endless body that the server may take before it answers: a batch's limit, and what sockets hold.
const BODY_BYTES_SENT_MAX: usize = 32 * 1024 * 1024;
const GIB: usize = 1 << 30;
const MIB: usize = 1 << 20;

/// `count` pieces, compressed.
fn gzip(start: &[u8], piece: &[u8], count: usize) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(start).unwrap();
    for _ in 0..count {
        encoder.write_all(piece).unwrap();
    }
    encoder.finish().unwrap()
}

/// An append that must be refused with this status and code.
fn check(site: &Site, what: &str, headers: &[(&str, &str)], body: &[u8], expected: (u16, &str)) {
    site.attack(what, |site| {
        let reply = site.exchange(&site.ask("POST", EVENTS, headers, body));
        let (status, code) = expected;
        assert_eq!(reply.status, status, "{what}: {}", reply.text());
        assert!(reply.text().contains(&format!("\"code\":\"{code}\"")), "{what}: {}", reply.text());
        assert!(reply.body.len() < 4_096, "{what}: a refusal of {} bytes", reply.body.len());
    });
}

#[test]
fn compressed_bombs() {
    let site = Site::start();
    let too_large = (413, "too_large");
    let blank = vec![b' '; MIB];
    let event = br#"{"actor":{},"action":"a","x":""#;
    let bomb = gzip(b"", &blank, 64);
    assert!(bomb.len() * 1_000 < 64 * MIB, "{} bytes: a thousand to one", bomb.len());
    let rows = [
        ("blanks", bomb.clone(), too_large),
        ("a string", gzip(event, &vec![b'a'; MIB], 64), too_large),
        ("nests", gzip(b"", &vec![b'['; MIB], 64), too_large),
        ("lines", gzip(b"", &vec![b'\n'; MIB], 64), too_large),
        ("half a million empty members", gzip(b"", b"", 0).repeat(500_000), too_large),
        ("a bomb in a bomb", gzip(b"", &bomb, 1), (400, "bad_json")),
        ("cut", bomb[..bomb.len() / 100].to_vec(), (400, "bad_json")),
    ];
    let types = ["application/json", "application/x-ndjson", "application/vnd.graven.batch"];
    for content_type in types {
        let headers = [("content-type", content_type), ("content-encoding", "gzip")];
        for (what, body, expected) in &rows {
            check(&site, what, &headers, body, *expected);
        }
    }
    // What is not understood is not tried.
    let zstd = [&[0x28, 0xb5, 0x2f, 0xfd][..], &[0; 1_000]].concat();
    for encoding in ["zstd", "br", "deflate", "gzip, gzip", "x-gzip", "gzip;q=1", "identity, gzip"]
    {
        let headers = [("content-type", types[0]), ("content-encoding", encoding)];
        check(&site, encoding, &headers, &zstd, (415, "unsupported_type"));
    }
}

#[test]
fn bodies_without_end() {
    let site = Site::start();
    let line = format!("{{\"actor\":{{}},\"action\":\"a\",\"x\":\"{}\"}}\n", "y".repeat(60_000));
    let chunk = |bytes: &str| format!("{:x}\r\n{bytes}\r\n", bytes.len());
    for (what, piece) in [
        ("chunks", chunk(&line)),
        ("chunks of one byte", chunk(" ").repeat(10_000)),
        ("empty lines", chunk(&"\n".repeat(10_000))),
        ("chunk extensions", format!("1;{}\r\nx\r\n", "a".repeat(8_000))),
    ] {
        site.attack(what, |site| {
            let mut peer = site.connect();
            peer.send(&site.append_head("transfer-encoding: chunked\r\n")).unwrap();
            let sent = peer.send_endless(piece.as_bytes(), GIB);
            assert!(sent <= BODY_BYTES_SENT_MAX, "{what}: the server took {sent} bytes");
            if let Some(reply) = peer.reply() {
                assert!(REFUSED.contains(&reply.status), "{what}: {reply:?}");
            }
        });
    }
    // Announced, and far over what may come: refused before any of it is sent.
    for length in ["16777217", "1099511627776", "9223372036854775807", "18446744073709551614"] {
        site.attack(length, |site| {
            let mut peer = site.connect();
            peer.send(&site.append_head(&format!("content-length: {length}\r\n"))).unwrap();
            let reply = peer.reply().expect("an answer");
            assert!([400, 413, 431].contains(&reply.status), "{length}: {reply:?}");
        });
    }
    for (what, bytes) in [
        ("a length that is no number", "zz\r\nabc\r\n".to_owned()),
        ("a length of 2^64", "10000000000000000\r\nabc\r\n".to_owned()),
        ("no line end", format!("3\r\nabc{}", "d".repeat(100))),
        ("a negative length", "-1\r\nabc\r\n".to_owned()),
    ] {
        site.attack(what, |site| {
            let mut peer = site.connect();
            let head = site.append_head("transfer-encoding: chunked\r\n");
            drop(peer.send(&[head, bytes.into_bytes()].concat()));
            peer.end();
            let rest = String::from_utf8_lossy(&peer.rest()).into_owned();
            assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 4"), "{what}: {rest}");
        });
    }
}

/// A million levels, wherever JSON is read.
#[test]
fn deep_nests() {
    let site = Site::start();
    let bad = (400, "bad_json");
    let types = ["application/json", "application/x-ndjson", "application/vnd.graven.batch"];
    for (what, open, close) in [("arrays", "[", "]"), ("objects", "{\"a\":", "}")] {
        let depth = if open == "[" { 1_000_000 } else { 200_000 };
        let nest = open.repeat(depth);
        for content_type in types {
            let headers = [("content-type", content_type)];
            check(&site, what, &headers, nest.as_bytes(), bad);
            let closed = format!("{}0{}", open.repeat(100_000), close.repeat(100_000));
            check(&site, what, &headers, closed.as_bytes(), bad);
        }
        let event = format!("{{\"actor\":{{}},\"action\":\"a\",\"x\":{nest}");
        check(&site, what, &[("content-type", types[0])], event.as_bytes(), bad);
        let sidecar = format!(
            "{{\"graven\":\"batch/v1\",\"events\":1}}\n{{\"actor\":{{}},\"action\":\"a\"}}\n{{\"event\":0,\"blob\":{nest}\n"
        );
        check(&site, what, &[("content-type", types[2])], sidecar.as_bytes(), bad);
        site.attack(what, |site| {
            let small = open.repeat(10_000);
            let body =
                site.ask("POST", "/api/v1/logs", &[("content-type", types[0])], small.as_bytes());
            assert_eq!(site.exchange(&body).status, 400);
        });
    }
}

/// What two readers would read differently, or no reader safely.
#[test]
fn ambiguous_json() {
    let site = Site::start();
    let rows: &[(&str, &[u8])] = &[
        ("a key twice", br#"{"actor":{},"action":"a","actor":{}}"#),
        ("a key twice, once escaped", br#"{"actor":{},"action":"a","\u0061ction":"b"}"#),
        ("a key twice, deep down", br#"{"actor":{},"action":"a","x":[{"y":{"k":1,"k":1}}]}"#),
        ("an escaped zero", br#"{"actor":{},"action":"a\u0000b"}"#),
        ("a zero", b"{\"actor\":{},\"action\":\"a\0b\"}"),
        ("an escape character", b"{\"actor\":{},\"action\":\"a\x1b[2Jb\"}"),
        ("a carriage return in a string", b"{\"actor\":{},\"action\":\"a\rb\"}"),
        ("a line feed in a string", b"{\"actor\":{},\"action\":\"a\nb\"}"),
        ("half a surrogate", br#"{"actor":{},"action":"\ud83d"}"#),
        ("surrogates in the wrong order", br#"{"actor":{},"action":"\ude00\ud83d"}"#),
        ("overlong UTF-8", b"{\"actor\":{},\"action\":\"\xc0\xaf\"}"),
        ("a surrogate in UTF-8", b"{\"actor\":{},\"action\":\"\xed\xa0\x80\"}"),
        ("beyond Unicode", b"{\"actor\":{},\"action\":\"\xf4\x90\x80\x80\"}"),
        ("Latin-1", b"{\"actor\":{},\"action\":\"\xe9\"}"),
        ("a byte order mark", b"\xef\xbb\xbf{\"actor\":{},\"action\":\"a\"}"),
        ("UTF-16", b"{\x00\"\x00a\x00\"\x00:\x001\x00}\x00"),
        ("a comment", br#"{"actor":{},/**/"action":"a"}"#),
        ("a comma too many", br#"{"actor":{},"action":"a",}"#),
        ("no number", br#"{"actor":{},"action":"a","x":NaN}"#),
        ("a leading zero", br#"{"actor":{},"action":"a","x":01}"#),
        ("a plus", br#"{"actor":{},"action":"a","x":+1}"#),
        ("single quotes", br"{'actor':{},'action':'a'}"),
        ("two events", br#"{"actor":{},"action":"a"}{"actor":{},"action":"a"}"#),
        ("an array", b"[]"),
        ("nothing", b""),
    ];
    for (what, body) in rows {
        let headers = [("content-type", "application/json")];
        check(&site, what, &headers, body, (400, "bad_json"));
    }
    // As many keys as fit: each must be compared with all, and not one by one.
    let mut keys = String::from(r#"{"actor":{},"action":"a""#);
    for number in 0..100_000 {
        write!(keys, ",\"{number:x}\":0").unwrap();
    }
    let headers = [("content-type", "application/json")];
    check(&site, "100,000 keys", &headers, format!("{keys}}}").as_bytes(), (413, "too_large"));
    check(
        &site,
        "100,000 keys, one twice",
        &headers,
        format!("{keys},\"0\":0}}").as_bytes(),
        (400, "bad_json"),
    );
}

/// Batches that announce what does not come, or too much of it.
#[test]
fn batches_that_lie() {
    let site = Site::start();
    let headers = [("content-type", "application/vnd.graven.batch")];
    let event = "{\"actor\":{},\"action\":\"a\"}\n";
    let head = |members: &str| format!("{{\"graven\":\"batch/v1\",{members}}}\n");
    let rows: [(&str, String, (u16, &str)); 12] = [
        ("fewer events", head("\"events\":3") + event, (400, "bad_json")),
        ("no events", head("\"events\":0"), (400, "bad_json")),
        ("10^18 events", head("\"events\":1000000000000000000") + event, (413, "too_large")),
        ("2^64 events", head("\"events\":18446744073709551616") + event, (400, "bad_json")),
        ("-1 events", head("\"events\":-1") + event, (400, "bad_json")),
        ("1.5 events", head("\"events\":1.5") + event, (400, "bad_json")),
        (
            "another version",
            "{\"graven\":\"batch/v9\",\"events\":1}\n".to_owned() + event,
            (415, "unsupported_type"),
        ),
        ("an unknown key", head("\"events\":1,\"more\":1") + event, (400, "bad_json")),
        ("a key twice", head("\"events\":1,\"events\":1") + event, (400, "bad_json")),
        (
            "a sidecar of event 9",
            head("\"events\":1") + event + "{\"event\":9,\"blob\":\"\"}\n",
            (400, "bad_json"),
        ),
        (
            "50,000 sidecars",
            head("\"events\":1") + event + &"{\"event\":0,\"blob\":\"\"}\n".repeat(50_000),
            (413, "too_large"),
        ),
        ("100,000 events", head("\"events\":100000") + &event.repeat(100_000), (413, "too_large")),
    ];
    for (what, body, expected) in rows {
        check(&site, what, &headers, body.as_bytes(), expected);
    }
    let lines = event.repeat(10_001);
    let headers = [("content-type", "application/x-ndjson")];
    check(&site, "10,001 events", &headers, lines.as_bytes(), (413, "too_large"));
}
