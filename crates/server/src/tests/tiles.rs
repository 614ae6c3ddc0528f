//! Whether a client asks for gzip.

use axum::http::{HeaderMap, HeaderValue, header};

use super::takes_gzip;

#[test]
fn gzip_is_sent_only_where_it_is_asked_for() {
    for (value, expected) in [
        ("gzip", true),
        ("GZip", true),
        ("deflate, gzip;q=1.0, *;q=0.5", true),
        ("gzip; q=0.001", true),
        ("gzip;q=0", false),
        ("gzip;q=0.0", false),
        ("br", false),
        ("*", false),
        ("xgzip", false),
        ("", false),
    ] {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(value));
        assert_eq!(takes_gzip(&headers), expected, "{value}");
    }
    assert!(!takes_gzip(&HeaderMap::new()));
}
