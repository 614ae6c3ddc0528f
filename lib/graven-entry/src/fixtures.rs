//! Values that several test modules start from.

use graven_merkle::{Hash, LeafIndex};
use graven_note::{Algorithm, SigningKey};

use crate::{AuthMethod, Clock, Grade, Header, Name};

pub(crate) const ORIGIN: &str = "acme.example/prod";
pub(crate) const STREAM: &str = "billing-api/7f";

/// Three events of one stream.
pub(crate) const EVENTS: [&[u8]; 3] = [
    br#"{"actor":{"id":"p_1"},"action":"a.b"}"#,
    br#"{"actor":{"id":"p_2"},"action":"a.c"}"#,
    br#"{"actor":{"id":"p_3"},"action":"a.d"}"#,
];

/// The attestation over [`EVENTS`], made by another implementation of Ed25519 under the seed of
/// [`stream_key`].
pub(crate) const ATTESTATION: &str = "graven/stream/v1
acme.example/prod
billing-api/7f
3
9CiOp8fx+IEhFWvDaRzHn6YiNsJghB3Z+Vpm3+FLtfs=

— billing-api/7f pH1ylhsHVkIl+c3PPzE0sei54bZji//x1/WNsvDRAaLKYmvNEHhQ1yZpcNgz91CLVVUEyWwNdZI071wi8EHwFHpBkwY=
";

/// A header with every field that can stand together.
pub(crate) const FULL_LINE: &str = concat!(
    r#"{"graven":"entry/v1","origin":"acme.example/prod","index":1234067,"#,
    r#""time":"2026-11-20T22:55:01.123456789Z","clock":"held","error_ns":812000,"#,
    r#""wall":"2026-11-20T22:55:00.000000001Z","#,
    r#""prev":"BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=","nonce":"CQkJCQkJCQkJCQkJCQkJCQ==","#,
    r#""writer":"billing-api","auth":"token","grade":"asserted","stream":"billing-api/7f","#,
    r#""seq":2,"altered":["compacted","sealed"]}"#,
    "\n"
);

/// The least that a header can hold.
pub(crate) const LEAST_LINE: &str = concat!(
    r#"{"graven":"entry/v1","origin":"acme.example/prod","index":0,"#,
    r#""time":"1970-01-01T00:00:00.000000000Z","clock":"unsynced","#,
    r#""prev":"47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=","nonce":"AAAAAAAAAAAAAAAAAAAAAA==","#,
    r#""writer":"log","auth":"log","grade":"unknown"}"#,
    "\n"
);

pub(crate) fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

pub(crate) fn stream_key() -> SigningKey {
    SigningKey::from_seed(STREAM.parse().unwrap(), Algorithm::Ed25519, [7; 32])
}

/// The header of [`FULL_LINE`].
pub(crate) fn full_header() -> Header {
    Header {
        origin: Name::origin(ORIGIN).unwrap(),
        index: LeafIndex(1_234_067),
        time: "2026-11-20T22:55:01.123456789Z".parse().unwrap(),
        clock: Clock::Held,
        error_ns: Some(812_000),
        wall: Some("2026-11-20T22:55:00.000000001Z".parse().unwrap()),
        prev: Hash::new([7; 32]),
        nonce: [9; 16],
        writer: name("billing-api"),
        auth: AuthMethod::new("token").unwrap(),
        grade: Grade::Asserted,
        stream: Some(name(STREAM)),
        seq: Some(2),
        altered: vec![crate::Altered::Compacted, crate::Altered::Sealed],
    }
}
