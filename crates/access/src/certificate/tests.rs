//! Tests of names in certificates.

use super::CertificateName;

#[test]
fn a_name_is_a_uri_or_a_dns_name() {
    let check = |text: &str, expected: Option<&str>| {
        let name = CertificateName::parse(text);
        assert_eq!(name.as_ref().map(CertificateName::as_str), expected, "{text:?}");
    };
    for same in
        ["spiffe://acme/billing", "urn:x:Y", "https://a.example/b?c", "billing", "a.b-c_d.example"]
    {
        check(same, Some(same));
    }
    check("Billing.Example", Some("billing.example"));
    for bad in [
        "",
        ".",
        "a..b",
        "*.example",
        "a b",
        ":x",
        "1x:y",
        "x:",
        "spiffe://a b",
        "spiffe://a\n",
        "a.example.",
    ] {
        check(bad, None);
    }
    check(&format!("x:{}", "y".repeat(253)), Some(&format!("x:{}", "y".repeat(253))));
    check(&format!("x:{}", "y".repeat(254)), None);
    check(&"y".repeat(256), None);
    assert!(CertificateName::dns("spiffe://acme/billing").is_none());
    assert!(CertificateName::uri("billing.example").is_none());
}
