//! View links: signed and opened, and what their pages may look like.

use env::SimRandom;

use super::*;

fn link() -> ViewLink {
    ViewLink {
        id: ViewLink::draw_id(&SimRandom::new(7)),
        principal: PrincipalId::parse("portal").unwrap(),
        log: "main".to_owned(),
        field: "context.tenant".to_owned(),
        value: "acme \"\u{e9}\"".to_owned(),
        expires: Time::from_unix_ns(1_700_000_000_123_456_789).unwrap(),
        title: "Activity".to_owned(),
        theme: BTreeMap::from([("accent".to_owned(), "#123456".to_owned())]),
    }
}

#[test]
fn a_link_is_what_was_signed() {
    let (key, other) = (TokenKey::new(&[1; 32]), TokenKey::new(&[2; 32]));
    let (link, text) = (link(), link().sign(&key));
    assert!(ViewLink::is_meant(text.as_bytes()));
    assert_eq!(ViewLink::open(text.as_bytes(), &key), Some(link));
    assert_eq!(ViewLink::open(text.as_bytes(), &other), None, "another server's");
    for at in PREFIX.len()..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        assert_eq!(ViewLink::open(&changed, &key), None, "character {at} changed");
    }
    for bad in ["", "graven_view_", "graven_view_AA", "graven_view_!", &text[..60], &text[1..]] {
        assert_eq!(ViewLink::open(bad.as_bytes(), &key), None, "{bad}");
    }
}

#[test]
fn a_links_hash_is_no_tokens_hash() {
    let key = TokenKey::new(&[1; 32]);
    assert!(!key.hash(b"x").matches(&key.hash_view(b"x")));
}

#[test]
fn themes_are_colours_lengths_and_fonts() {
    let check = |name: &str, value: &str, expected: bool| {
        assert_eq!(is_theme(name, value), expected, "{name}: {value}");
    };
    check("accent", "#a0f", true);
    check("paper", "rgb(10 20 30 / 50%)", false);
    check("paper", "rgb(10, 20, 30)", true);
    check("sans", "Inter, system-ui", true);
    check("radius", "0", true);
    check("bad", "#fff", false);
    check("good", "#fff", false);
    check("accent", "", false);
    check("accent", "URL(x)", false);
    check("accent", "url(https://other.example)", false);
    check("accent", "red;position:fixed", false);
    check("accent", &"a".repeat(VIEW_THEME_VALUE_BYTES_MAX + 1), false);
}
