//! Tests of principals' ids.

use super::PrincipalId;

fn check(text: &str, is_good: bool) {
    assert_eq!(PrincipalId::new(text).is_ok(), is_good, "{text:?}");
}

#[test]
fn ids_have_one_form() {
    for good in ["a", "7", "billing-api", "a.b_c-d", &"x".repeat(63)] {
        check(good, true);
    }
    for bad in ["", "A", "-a", ".a", "a/b", "a b", "a@b", "é", "a\n", &"x".repeat(64)] {
        check(bad, false);
    }
    for reserved in ["admin", "anonymous", "graven"] {
        check(reserved, false);
        assert!(PrincipalId::parse(reserved).is_ok());
    }
}

#[test]
fn a_stream_is_its_first_segment_s() {
    let id = PrincipalId::new("billing").unwrap();
    for (stream, is_own) in [
        ("billing", true),
        ("billing/7f", true),
        ("billing/7f/x", true),
        ("billing2/7f", false),
        ("bill", false),
        ("", false),
        ("x/billing", false),
        ("Billing/x", false),
    ] {
        assert_eq!(id.owns_stream(stream), is_own, "{stream:?}");
    }
}
