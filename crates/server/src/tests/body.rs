//! Bodies as they stream in.

use std::io::Write as _;

use append::Code;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, header};

use super::{BodyShape, Budget, Encoding, encoding, read};
use crate::ServerLimits;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn check(body: Vec<u8>, shape: BodyShape, expected: Result<&[u8], Code>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let budget = Budget::new(1 << 30);
    let limits = ServerLimits::default();
    let mut stream = Body::from(body);
    let result =
        runtime.block_on(read(&mut stream, &HeaderMap::new(), shape, &limits, budget.share()));
    match (result, expected) {
        (Ok(body), Ok(bytes)) => {
            assert_eq!(body.bytes, bytes);
            assert_eq!(budget.bytes(), bytes.len(), "what is held is counted");
            drop(body);
        }
        (Err(refusal), Err(code)) => assert_eq!(refusal.code, code, "{refusal}"),
        (result, expected) => panic!("{result:?}, not {expected:?}"),
    }
    assert_eq!(budget.bytes(), 0, "what is gone is not counted");
}

#[test]
fn limits_hold_to_the_byte_and_the_line() {
    let plain =
        |bytes_max, lines_max| BodyShape { encoding: Encoding::Identity, bytes_max, lines_max };
    check(b"12345".to_vec(), plain(5, None), Ok(b"12345"));
    check(b"123456".to_vec(), plain(5, None), Err(Code::TooLarge));
    check(b"1\n2\n".to_vec(), plain(5, Some(2)), Ok(b"1\n2\n"));
    check(b"1\n2\n\n".to_vec(), plain(5, Some(2)), Err(Code::TooLarge));
    let zipped =
        |bytes_max, lines_max| BodyShape { encoding: Encoding::Gzip, bytes_max, lines_max };
    check(gzip(b"12345"), zipped(5, None), Ok(b"12345"));
    check(gzip(b"123456"), zipped(5, None), Err(Code::TooLarge));
    check(gzip(b"1\n2\n\n"), zipped(5, Some(2)), Err(Code::TooLarge));
    let two = [gzip(b"12"), gzip(b"345")].concat();
    check(two, zipped(5, None), Ok(b"12345"));
    let mut flipped = gzip(b"12345");
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    check(flipped, zipped(5, None), Err(Code::BadJson));
    for length in 0..last {
        check(gzip(b"12345")[..length].to_vec(), zipped(5, None), Err(Code::BadJson));
    }
    let hollow = gzip(b"").repeat(1024 * 1024);
    check(hollow, zipped(5, None), Err(Code::TooLarge));
}

#[test]
fn inflation_is_bounded_by_ratio_too() {
    let shape = BodyShape { encoding: Encoding::Gzip, bytes_max: 1 << 24, lines_max: None };
    check(gzip(&vec![b'a'; 2 << 20]), shape, Err(Code::TooLarge));
    let small = vec![b'a'; 1 << 20];
    check(gzip(&small), shape, Ok(&small));
}

#[test]
fn only_gzip_and_identity_are_encodings() {
    for (value, expected) in [
        ("gzip", Some(Encoding::Gzip)),
        ("GZIP", Some(Encoding::Gzip)),
        ("identity", Some(Encoding::Identity)),
        ("deflate", None),
        ("gzip, br", None),
        ("", None),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static(value));
        assert_eq!(encoding(&headers).ok(), expected, "{value}");
    }
    assert_eq!(encoding(&HeaderMap::new()).ok(), Some(Encoding::Identity));
}
