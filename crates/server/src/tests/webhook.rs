//! Webhooks: where they may go, how they are signed, and what comes of receivers of every kind.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, TcpListener};
use std::thread::JoinHandle;
use std::time::Duration;

use zeroize::Zeroizing;

use super::{Letter, Networks, Undelivered, Webhooks};

#[test]
fn only_public_addresses_and_named_networks_are_told() {
    let named: Networks = "10.1.0.0/16, fd00::/8,127.0.0.1/32".parse().unwrap();
    // The address; whether it may be told over TLS, and in clear.
    for (address, over_tls, plain) in [
        ("93.184.216.34", true, false),
        ("2606:2800:220:1::1", true, false),
        ("10.1.2.3", true, true),
        ("10.2.2.3", false, false),
        ("127.0.0.1", true, true),
        ("127.0.0.2", false, false),
        ("::ffff:127.0.0.1", true, true),
        ("::ffff:127.0.0.2", false, false),
        ("0.0.0.0", false, false),
        ("169.254.169.254", false, false),
        ("172.16.0.1", false, false),
        ("172.32.0.1", true, false),
        ("192.168.1.1", false, false),
        ("100.64.0.1", false, false),
        ("100.128.0.1", true, false),
        ("198.19.255.255", false, false),
        ("224.0.0.1", false, false),
        ("255.255.255.255", false, false),
        ("::", false, false),
        ("::1", false, false),
        ("::127.0.0.1", false, false),
        ("fe80::1", false, false),
        ("fc00::1", false, false),
        ("fd12::1", true, true),
        ("ff02::1", false, false),
        ("64:ff9b::7f00:1", false, false),
        ("2002:7f00:1::", false, false),
        ("2001:0:7f00:1::", false, false),
        ("2001:db8::1", false, false),
    ] {
        let address: IpAddr = address.parse().unwrap();
        let allowed = (named.allow(address, false), named.allow(address, true));
        assert_eq!(allowed, (over_tls, plain), "{address}");
    }
}

#[test]
fn networks_are_read_as_they_are_written() {
    for (text, is_good) in [
        ("127.0.0.0/8", true),
        ("127.0.0.0/8, ::1/128", true),
        ("0.0.0.0/0", true),
        ("", false),
        ("127.0.0.1", false),
        ("127.0.0.0/33", false),
        ("::1/129", false),
        ("localhost/8", false),
        ("127.0.0.0/8,", false),
    ] {
        assert_eq!(text.parse::<Networks>().is_ok(), is_good, "{text:?}");
    }
}

/// The example of Standard Webhooks 1.0, whose secret is `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`.
#[test]
fn letters_are_signed_as_the_scheme_says() {
    let mut secret = Zeroizing::new([0; 32]);
    // Twenty-four bytes, and HMAC pads a key with zeros.
    secret[..24].copy_from_slice(&[
        0x31, 0xf2, 0x90, 0xf6, 0xbf, 0x06, 0x29, 0x8a, 0xab, 0x4f, 0x08, 0xd4, 0x3c, 0x3f, 0x08,
        0x2c, 0xf6, 0x48, 0xa3, 0x62, 0xda, 0x2d, 0xa4, 0xb0,
    ]);
    let letter = Letter {
        url: String::new(),
        id: "msg_p5jXN8AQM9LWM0D4loKWxJek".to_owned(),
        time_s: 1_614_265_330,
        body: br#"{"test": 2432232314}"#.to_vec(),
        secrets: vec![secret.clone(), secret],
    };
    let one = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
    assert_eq!(letter.signatures(), format!("{one} {one}"));
}

/// A receiver that answers one request with these bytes and then waits until its client has gone; gives what it was sent.
fn receiver(answer: &'static [u8]) -> (String, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    let heard = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let (mut bytes, mut buffer) = (Vec::new(), [0; 4_096]);
        let mut has_answered = false;
        loop {
            let count = stream.read(&mut buffer).unwrap_or(0);
            bytes.extend_from_slice(&buffer[..count]);
            if count == 0 {
                return bytes;
            }
            if bytes.ends_with(b"body") && !has_answered {
                drop(stream.write_all(answer));
                has_answered = true;
            }
        }
    });
    (url, heard)
}

fn send(url: &str, networks: &str) -> Result<(), Undelivered> {
    let networks = networks.parse().unwrap_or_default();
    let (url, id, body) = (url.to_owned(), "msg_1".to_owned(), b"body".to_vec());
    let secrets = vec![Zeroizing::new([7; 32])];
    let letter = Letter { url, id, time_s: 5, body, secrets };
    Webhooks::new(Duration::from_millis(500), networks).send(&letter)
}

#[test]
fn an_answer_counts_by_its_status_and_nothing_else() {
    let redirect = b"HTTP/1.1 307 x\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n";
    for (answer, expected) in [
        (&b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"[..], None),
        (b"HTTP/1.1 204 x\r\n\r\n", None),
        // Of the rest nothing is waited for.
        (b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nx", None),
        (b"HTTP/1.1 500 x\r\ncontent-length: 0\r\n\r\n", Some(("it answered 500", false))),
        (b"HTTP/1.1 410 x\r\ncontent-length: 0\r\n\r\n", Some(("it answered 410", true))),
        (&redirect[..], Some(("it answered 307", false))),
        (b"", Some(("it did not answer in time", false))),
        (b"HTTP/1.1 200", Some(("it did not answer in time", false))),
        (b"SSH-2.0-x\r\n\r\n", Some(("the connection broke off", false))),
    ] {
        let (url, heard) = receiver(answer);
        let sent = send(&url, "127.0.0.0/8");
        let expected = expected.map(|(why, is_final)| Undelivered { why: why.into(), is_final });
        assert_eq!(sent.err(), expected, "{}", String::from_utf8_lossy(answer));
        let heard = String::from_utf8(heard.join().unwrap()).unwrap();
        for part in ["POST /hook HTTP/1.1\r\n", "webhook-id: msg_1\r\n", "webhook-timestamp: 5\r\n"]
        {
            assert!(heard.contains(part), "{heard}");
        }
        assert!(heard.contains("webhook-signature: v1,"), "{heard}");
    }
}

#[test]
fn what_may_not_be_told_hears_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    for (host, networks, expected) in [
        ("http://127.0.0.1", "", "is not public"),
        ("https://127.0.0.1", "", "is not public"),
        ("http://localhost", "", "is not public"),
        ("http://localhost", "10.0.0.0/8", "is not public"),
        ("http://0x7f000001", "", "is not public"),
        ("http://[::ffff:127.0.0.1]", "", "is not public"),
        ("http://nobody.invalid", "127.0.0.0/8", "is not known"),
    ] {
        let refused = send(&format!("{host}:{port}/"), networks).unwrap_err();
        assert!(refused.why.contains(expected), "{host}: {}", refused.why);
        let came = listener.accept();
        assert!(came.is_err(), "{host} was connected to");
    }
}
