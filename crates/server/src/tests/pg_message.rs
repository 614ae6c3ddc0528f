//! What clients send: read whole or refused, whatever it says of itself.

use super::*;

/// What a first message is taken for, in Rust's words; nothing where it is none.
fn check_first(body: &[u8], expected: Option<&str>) {
    let told = first(body).map(|first| format!("{first:?}"));
    assert_eq!(told.as_deref(), expected, "{body:?}");
}

fn check(kind: u8, body: &[u8], expected: Option<&str>) {
    let told = message(kind, body).map(|message| format!("{message:?}"));
    assert_eq!(told.as_deref(), expected, "{} {body:?}", kind.escape_ascii());
}

#[test]
fn first_messages() {
    check_first(&TLS_CODE.to_be_bytes(), Some("Tls"));
    check_first(&GSS_CODE.to_be_bytes(), Some("Gss"));
    check_first(
        b"\x04\xd2\x16\x2e\0\0\0\x07key!",
        Some("Cancel { process: 7, key: Bytes(b\"key!\") }"),
    );
    check_first(
        b"\0\x03\0\0user\0me\0database\0main\0\0",
        Some(r#"Startup { version: (3, 0), parameters: {"database": "main", "user": "me"} }"#),
    );
    check_first(b"\0\x03\0\0\0", Some("Startup { version: (3, 0), parameters: {} }"));
    for bad in [
        &b""[..],
        b"\x04\xd2\x16",
        b"\x04\xd2\x16\x2f\0",
        b"\x04\xd2\x16\x2e\0\0",
        b"\0\x03\0\0",
        b"\0\x03\0\0user\0me\0",
        b"\0\x03\0\0user\0me\0\0more",
        b"\0\x03\0\0us\xff\0\0\0",
    ] {
        check_first(bad, None);
    }
}

#[test]
fn messages() {
    check(b'Q', b"SELECT 1\0", Some(r#"Query(Query { query: "SELECT 1" })"#));
    check(
        b'P',
        b"s\0SELECT $1\0\0\x01\0\0\0\x17",
        Some(r#"Parse(Parse { name: Some("s"), query: "SELECT $1", type_oids: [23] })"#),
    );
    check(
        b'B',
        b"\0s\0\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\0",
        Some(
            r#"Bind(Bind { portal_name: None, statement_name: Some("s"), parameter_format_codes: [1], parameters: [Some(b"a"), None], result_column_format_codes: [] })"#,
        ),
    );
    check(b'D', b"Sx\0", Some(r#"Describe(Describe { target_type: 83, name: Some("x") })"#));
    check(b'C', b"P\0", Some("Close(Close { target_type: 80, name: None })"));
    check(b'E', b"\0\0\0\0\x05", Some("Execute(Execute { name: None, max_rows: 5 })"));
    check(b'H', b"", Some("Flush(Flush)"));
    check(b'S', b"", Some("Sync(Sync)"));
    check(b'X', b"", Some("Terminate(Terminate)"));
    assert_eq!(password(b"secret\0"), Some("secret".to_owned()));
}

#[test]
fn broken_messages() {
    for (kind, body) in [
        (b'Q', &b"SELECT 1"[..]),
        (b'Q', b"SELECT 1\0more"),
        (b'Q', b"\xff\0"),
        // More types than bytes; a value longer than the message; one of a length below zero; a format that there is not.
        (b'P', b"\0\0\xff\xff\0\0\0\x17"),
        (b'B', b"\0\0\0\0\0\x01\x7f\xff\xff\xffa\0\0"),
        (b'B', b"\0\0\0\0\0\x01\xff\xff\xff\xfe\0\0"),
        (b'B', b"\0\0\0\x01\0\x02\0\0\0\0"),
        (b'D', b"Zx\0"),
        (b'D', b""),
        (b'E', b"\0\0\0"),
        (b'S', b"x"),
        (b'd', b"copied"),
        (b'F', b""),
        (0, b""),
    ] {
        check(kind, body, None);
    }
    assert_eq!(password(b"secret"), None);
    assert_eq!(password(b"secret\0\0"), None);
}

/// No room is kept and nothing waited for by a length that is too large or too small.
#[test]
fn lengths_are_bounded() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let most = u32::try_from(PG_MESSAGE_BYTES_MAX).unwrap();
    for (length, told) in [
        (3, "a message is shorter than its length"),
        (0, "a message is shorter than its length"),
        (most + 1, "a message has 262145 bytes; the limit is 262144"),
        (u32::MAX, "a message has 4294967295 bytes; the limit is 262144"),
        (most, "unexpected end of file"),
    ] {
        let mut bytes = vec![b'Q'];
        bytes.extend(length.to_be_bytes());
        let error = runtime.block_on(read(&mut &*bytes)).unwrap_err();
        assert_eq!(error.to_string(), told);
    }
    assert!(runtime.block_on(read(&mut &b""[..])).unwrap().is_none());
}

/// Whatever is changed in a message, it is read or refused.
#[test]
fn mangled_messages_are_read_or_refused() {
    const SEEDS: [(u8, &[u8]); 7] = [
        (b'Q', b"SELECT 1\0"),
        (b'P', b"s\0SELECT $1, $2\0\0\x02\0\0\0\x17\0\0\0\0"),
        (b'B', b"p\0s\0\0\x01\0\x01\0\x02\0\0\0\x01a\xff\xff\xff\xff\0\x01\0\x01"),
        (b'D', b"Ss\0"),
        (b'E', b"p\0\0\0\0\x05"),
        (b'p', b"secret\0"),
        (b' ', b"\0\x03\0\0user\0me\0database\0main\0\0"),
    ];
    let mut state: u64 = 20_261_121;
    let mut draw = |below: usize| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    let mut read = 0;
    for round in 0..100_000 {
        let (kind, seed) = SEEDS[round % SEEDS.len()];
        let mut body = seed.to_vec();
        for _ in 0..draw(4) {
            let place = draw(body.len() + 1);
            match draw(3) {
                0 => body.truncate(place),
                1 => body.insert(place, draw(256) as u8),
                _ => body.iter_mut().skip(place).take(1).for_each(|byte| *byte = draw(256) as u8),
            }
        }
        let is_read = match kind {
            b'p' => password(&body).is_some(),
            b' ' => first(&body).is_some(),
            kind => message(kind, &body).is_some(),
        };
        read += usize::from(is_read);
    }
    assert!((25_000..75_000).contains(&read), "{read}: mangled too little, or too much");
}
