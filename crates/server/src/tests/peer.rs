//! Tests of who is believed about where a request comes from.

use std::net::IpAddr;

use axum::http::HeaderMap;

use super::source;

const PROXIES: [&str; 2] = ["10.0.0.1", "10.0.0.2"];

fn check(peer: &str, forwarded: &[&str], expected: &str) {
    let proxies: Vec<IpAddr> = PROXIES.iter().map(|text| text.parse().unwrap()).collect();
    let mut headers = HeaderMap::new();
    for text in forwarded {
        headers.append("x-forwarded-for", text.parse().unwrap());
    }
    let found = source(peer.parse().unwrap(), &headers, &proxies);
    assert_eq!(found.to_string(), expected, "{peer} {forwarded:?}");
}

#[test]
fn only_a_proxy_is_believed_and_only_its_own_word() {
    check("192.0.2.9", &[], "192.0.2.9");
    check("192.0.2.9", &["1.1.1.1"], "192.0.2.9");
    check("10.0.0.1", &[], "10.0.0.1");
    check("10.0.0.1", &["1.1.1.1"], "1.1.1.1");
    check("::ffff:10.0.0.1", &["1.1.1.1"], "1.1.1.1");
    check("10.0.0.1", &["6.6.6.6, 1.1.1.1"], "1.1.1.1");
    check("10.0.0.1", &["6.6.6.6", "1.1.1.1"], "1.1.1.1");
    check("10.0.0.1", &["1.1.1.1, 10.0.0.2"], "1.1.1.1");
    check("10.0.0.1", &["6.6.6.6, 1.1.1.1 , 10.0.0.2"], "1.1.1.1");
    check("10.0.0.1", &["1.1.1.1, unknown"], "10.0.0.1");
    check("10.0.0.1", &["2001:db8::1"], "2001:db8::1");
    check("10.0.0.1", &["1.1.1.1, 10.0.0.2, 10.0.0.1"], "1.1.1.1");
}
