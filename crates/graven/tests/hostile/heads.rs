//! Heads of requests: too large, too many, contradictory, no HTTP at all, and paths that try to get out.

use std::time::Duration;

use crate::site::{REFUSED, Site};

/// Bytes that a client gets rid of before the server is seen to have stopped reading: what sockets hold, and a little.
const HEAD_BYTES_SENT_MAX: usize = 16 * 1024 * 1024;
/// What hostile clients would send.
const GIB: usize = 1 << 30;
/// Bytes of a flood of frames that the server may put up with.
const FLOOD_BYTES_MAX: usize = 8 * 1024 * 1024;

#[test]
fn heads_without_end() {
    let site = Site::start();
    for (what, start, piece) in [
        ("one header", "GET / HTTP/1.1\r\nx: ", "a".repeat(64 * 1024)),
        ("headers", "GET / HTTP/1.1\r\n", "x: a\r\n".repeat(8 * 1024)),
        ("folded header", "GET / HTTP/1.1\r\nx: a", "\r\n a".repeat(8 * 1024)),
        ("path", "GET /", "a".repeat(64 * 1024)),
        ("method", "", "A".repeat(64 * 1024)),
        ("empty lines", "", "\r\n".repeat(32 * 1024)),
        ("line feeds", "", "\n".repeat(64 * 1024)),
        ("zeros", "", "\0".repeat(64 * 1024)),
    ] {
        site.attack(what, |site| {
            let mut peer = site.connect();
            peer.send(start.as_bytes()).unwrap();
            let sent = peer.send_endless(piece.as_bytes(), GIB);
            assert!(sent < HEAD_BYTES_SENT_MAX, "{what}: the server took {sent} bytes");
            // Closing with bytes unread resets the connection, and may take the answer with it.
            if let Some(reply) = peer.reply() {
                assert!(REFUSED.contains(&reply.status), "{what}: {reply:?}");
            }
        });
    }
}

#[test]
fn large_heads_are_told_so() {
    let site = Site::start();
    let large = "a".repeat(20 * 1024);
    for (what, path, headers) in [
        ("header", "/", format!("x: {large}\r\n")),
        ("headers", "/", (0..90).map(|n| format!("x-{n}: {}\r\n", "a".repeat(300))).collect()),
        ("query", &format!("/?{large}"), String::new()),
        ("path", &format!("/{large}"), String::new()),
        ("100,000 headers", "/", "a: b\r\n".repeat(100_000)),
        ("1,000 headers", "/", "a: b\r\n".repeat(1_000)),
    ] {
        site.attack(what, |site| {
            let head = format!("GET {path} HTTP/1.1\r\nhost: test\r\n{headers}\r\n");
            let mut peer = site.connect();
            drop(peer.send(head.as_bytes()));
            // 413 by us, 414 and 431 by the parser; where much is unread the answer may be lost with the connection.
            if let Some(reply) = peer.reply() {
                assert!([413, 414, 431].contains(&reply.status), "{what}: {reply:?}");
            }
        });
    }
}

/// Each is refused, and the connection ends: nobody can say where the next request begins.
#[test]
fn what_is_no_request_ends_the_connection() {
    let site = Site::start();
    let post = "POST /api/v1/logs/main/events HTTP/1.1\r\nhost: test\r\n";
    let garbage: String = (1_u8..=255).map(char::from).collect();
    for (what, bytes) in [
        ("garbage", garbage),
        ("TLS", "\x16\x03\x01\x02\0\x01\0\x01\u{fc}\x03\x03".repeat(20)),
        ("HTTP/0.9", "GET /\r\n\r\n".into()),
        ("HTTP/3.0", "GET / HTTP/3.0\r\n\r\n".into()),
        ("no version", "GET / \r\n\r\n".into()),
        ("blank in a name", "GET / HTTP/1.1\r\nhost : test\r\n\r\n".into()),
        ("zero in a value", "GET / HTTP/1.1\r\nx: a\0b\r\n\r\n".into()),
        ("bare CR in a value", "GET / HTTP/1.1\r\nx: a\rb\r\n\r\n".into()),
        ("escape in the path", "GET /\x1b[2J HTTP/1.1\r\nhost: test\r\n\r\n".into()),
        ("length 2^64", format!("{post}content-length: 18446744073709551616\r\n\r\n")),
        ("length -1", format!("{post}content-length: -1\r\n\r\n")),
        ("length +5", format!("{post}content-length: +5\r\n\r\nabcde")),
        ("length 0x5", format!("{post}content-length: 0x5\r\n\r\nabcde")),
        ("two lengths", format!("{post}content-length: 5\r\ncontent-length: 6\r\n\r\nabcdef")),
        ("two lengths in one", format!("{post}content-length: 5, 6\r\n\r\nabcdef")),
        ("unknown coding", format!("{post}transfer-encoding: gzip\r\n\r\n")),
        ("chunked not last", format!("{post}transfer-encoding: chunked, gzip\r\n\r\n")),
    ] {
        site.attack(what, |site| {
            let mut peer = site.connect();
            drop(peer.send(bytes.as_bytes()));
            peer.end();
            let rest = String::from_utf8_lossy(&peer.rest()).into_owned();
            let answers = rest.matches("HTTP/1.1 ").count();
            assert!(answers <= 1, "{what}: one connection, {answers} answers: {rest}");
            let is_refused = rest.is_empty() || rest.starts_with("HTTP/1.1 4");
            assert!(is_refused, "{what}: {rest}");
        });
    }
}

/// A length and chunks at once: whoever stands before the server may have believed the other (RFC 9112 §6.3).
#[test]
fn a_request_is_not_smuggled_in_a_body() {
    let site = Site::start();
    let inner = "GET /healthz HTTP/1.1\r\nhost: test\r\n\r\n";
    for (what, headers) in [
        ("length first", "content-length: 5\r\ntransfer-encoding: chunked\r\n"),
        ("chunks first", "transfer-encoding: chunked\r\ncontent-length: 5\r\n"),
    ] {
        site.attack(what, |site| {
            let mut peer = site.connect();
            let body = format!("0\r\n\r\n{inner}");
            drop(peer.send(&[site.append_head(headers), body.into_bytes()].concat()));
            peer.end();
            let rest = String::from_utf8_lossy(&peer.rest()).into_owned();
            assert!(rest.starts_with("HTTP/1.1 4"), "{what}: {rest}");
            assert!(!rest.contains("200 OK"), "{what}: the request inside was answered: {rest}");
        });
    }
}

#[test]
fn pipelined_requests_are_answered_in_order_and_garbage_ends_them() {
    let site = Site::start();
    let asks: Vec<u8> =
        (0..500).flat_map(|_| site.ask("GET", "/api/v1/logs/main", &[], b"")).collect();
    let mut peer = site.connect();
    peer.send(&asks).unwrap();
    peer.send(b"\x01\x02\x03 nonsense\r\n\r\n").unwrap();
    for number in 0..500 {
        let reply = peer.reply().expect("an answer");
        assert_eq!(reply.status, 200, "request {number}");
    }
    assert_eq!(peer.reply().map(|reply| reply.status), Some(400));
    assert!(peer.is_closed());
}

/// With and without a credential: nothing outside the API is there, and nothing in it by another spelling.
#[test]
fn paths_that_try_to_get_out() {
    let site = Site::start();
    for path in [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/log/main/tile/../../../../etc/passwd",
        "/log/main/tile/%2e%2e%2f%2e%2e%2fkeys",
        "/log/main/../system/checkpoint",
        "/log/..%2f..%2fkeys/checkpoint",
        "/log/main%00/checkpoint",
        "/log/main%2f/checkpoint",
        "/log/MAIN/checkpoint",
        "/log/%6d%61%69%6e%20/checkpoint",
        "/log//checkpoint",
        "//log/main/checkpoint",
        "/log/main/checkpoint/",
        "/log/main/checkpoint%0d%0aset-cookie:%20a=b",
        "/log/main/tile/0/x000/000",
        "/log/main/tile/0/00",
        "/log/main/tile/0/-01",
        "/log/main/tile/64/000",
        "/log/main/tile/00/000",
        "/log/main/tile/0/000.p/256",
        "/log/main/tile/0/000.p/0",
        "/log/main/tile/0/000.p/01",
        "/log/main/tile/0/x999/x999/x999/x999/x999/x999/999",
        "/log/main/tile/entries/000.p/%ff",
        "/api/v1/logs/main/entries/-1",
        "/api/v1/logs/main/entries/01",
        "/api/v1/logs/main/entries/0x0",
        "/api/v1/logs/main/entries/1e0",
        "/api/v1/logs/main/entries/18446744073709551616",
        "/api/v1/logs/main/entries/9223372036854775808",
        "/api/v1/logs/main/entries/%D9%A1",
        "/api/v1/logs/main/consistency?old=1&new=18446744073709551615",
        "/api/v1/logs/main/consistency?old=1&old=2&new=3",
        "/api/v1/logs/%1b%5b2J",
        "/api/v1/logs/%F0%9F%92%A9",
        "/api/v1/logs/%ff%fe",
        "/api/v1/logs/main;x=1",
        "/api/v1/logs/main%3fx",
        "/api/v1\\logs",
        "/admin.token",
        "/graven-data/admin.token",
        "/docs/../admin.token",
        "http://other.example/admin.token",
        "*",
    ] {
        site.attack(path, |site| {
            let with = site.exchange(&site.ask("GET", path, &[], b""));
            assert!(REFUSED.contains(&with.status), "{path}: {with:?}");
            assert_printable(path, &with.head, &with.text());
            let without = site.exchange(&crate::wire::request("GET", path, &[], b""));
            assert!([400, 401, 404].contains(&without.status), "{path}: {without:?}");
        });
    }
}

/// Nothing of the client's can begin a header or steer a terminal.
fn assert_printable(path: &str, head: &str, body: &str) {
    let controls = |text: &str| text.chars().any(|c| c.is_control() && c != '\n' && c != '\r');
    assert!(!controls(head) && !controls(body), "{path}: {head}{body}");
    assert!(!head.to_ascii_lowercase().contains("set-cookie"), "{path}: {head}");
}

/// The preface of HTTP/2, and a frame (RFC 9113 §4.1).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Floods of HTTP/2 frames: each ends its connection, or costs the server next to nothing.
#[test]
fn http2_floods() {
    let site = Site::start();
    // GET, http, path /, authority test (RFC 7541 appendix A).
    let block = [&[0x82, 0x86, 0x84, 0x01, 0x04][..], b"test"].concat();
    let headers = |stream, flags| frame(1, flags, stream, &block);
    let resets: Vec<u8> = (0..20_000_u32)
        .flat_map(|n| [headers(2 * n + 1, 5), frame(3, 0, 2 * n + 1, &[0, 0, 0, 8])].concat())
        .collect();
    let field = [&[0, 1, b'x', 0x7f, 0xff, 0x7f][..], &vec![b'a'; 16_000]].concat();
    for (what, start, piece) in [
        ("continuations", headers(1, 1), frame(9, 0, 1, &field[..16_000])),
        ("empty continuations", headers(1, 1), frame(9, 0, 1, &[]).repeat(1_000)),
        ("pings", Vec::new(), frame(6, 0, 0, &[0; 8]).repeat(1_000)),
        ("settings", Vec::new(), frame(4, 0, 0, &[0, 3, 0, 0, 0, 1]).repeat(1_000)),
        ("priorities", Vec::new(), frame(2, 0, 1, &[0, 0, 0, 0, 1]).repeat(1_000)),
        ("rapid resets", resets, frame(6, 0, 0, &[0; 8])),
        ("unknown frames", Vec::new(), frame(0xbe, 0, 0, &[7; 1_000]).repeat(16)),
        (
            "a frame of 16 MiB",
            Vec::new(),
            [&[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1][..], &[0; 1_000]].concat(),
        ),
    ] {
        site.attack(what, |site| {
            let mut peer = site.connect();
            // A server that reads no more has ended the flood as well.
            peer.stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
            drop(peer.send(&[PREFACE, &start].concat()));
            let mut sent = 0;
            while sent < FLOOD_BYTES_MAX && peer.send(&piece).is_ok() {
                sent += piece.len();
            }
        });
    }
}
