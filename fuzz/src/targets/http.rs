//! Bodies of HTTP requests.

use super::bytes_of;

pub(super) fn batch(bytes: &[u8]) -> bool {
    server::fuzzing::batch(bytes)
}

pub(super) fn batches() -> Vec<Vec<u8>> {
    bytes_of(&[
        "{\"graven\":\"batch/v1\",\"events\":2,\"stream\":\"s/1\",\"first_seq\":0,\"cursor\":\"at 7\",\"attestation\":\"a\\n\"}\n{\"a\":1}\n{\"b\":2}\n\
         {\"event\":0,\"blob\":\"AAAA\"}\n{\"event\":1,\"disclosure\":\"WyJ\",\"path\":\"/a\",\"subject\":\"p\",\"class\":\"c\"}\n",
        "{\"graven\":\"batch/v1\",\"events\":1}\n\n",
    ])
}

pub(super) fn body(bytes: &[u8]) -> bool {
    server::fuzzing::body(bytes)
}

/// The first byte says the encoding and the limits. The gzip member, made by hand, is a stored block.
pub(super) fn bodies() -> Vec<Vec<u8>> {
    const STORED: &[u8] =
        b"\x1f\x8b\x08\0\0\0\0\0\0\xff\x01\x02\0\xfd\xff{}\x43\xbf\xa6\xa3\x02\0\0\0";
    let with = |first: u8, bytes: &[u8]| [&[first], bytes].concat();
    vec![
        with(0xf0, STORED),
        with(0xf0, &STORED.repeat(2)),
        with(0xf1, b"{}\n{}\n"),
        with(0x10, STORED),
    ]
}
