//! What `access` reads: conditions of saved queries, rules of sealing, what the vault keeps.

use access::{ClosedBlob, ClosedValue, SealPlan, SealRules, When};
use graven_entry::{Outline, check_event, match_disclosures};

use super::bytes_of;

const EVENT: &[u8] = br#"{"actor":{"type":"user","id":"u-7"},"action":"a.b","target":{"type":"t","id":"42"},"changes":{"iban":{"before":"DE1","after":"DE2"}},"data":{"list":[1,{"x":"y"}],"n":null}}"#;
const SALT: &str = "lklxF5jMYlGTPUovMNIvCA";

/// What reads prints, and reads again as the same.
pub(super) fn when(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(when) = When::parse(text) else { return false };
    assert_eq!(When::parse(&when.to_string()), Ok(when), "{text}");
    true
}

pub(super) fn conditions() -> Vec<Vec<u8>> {
    bytes_of(&[
        "each",
        "at least 5 in 10m",
        "none in 1h",
        "outside 07:00-19:00 mon-fri +01:00",
        "disk under 5G",
        "lag over 10000",
        "unverified in 24h",
    ])
}

/// What rules make of an event is an event whose every digest has its disclosure, or is refused.
pub(super) fn seal_rules(bytes: &[u8]) -> bool {
    let Ok(rules) = SealRules::parse(bytes) else { return false };
    let event = Outline::of(EVENT);
    let Ok(plan) = SealPlan::of(&event, "a.b", &rules) else { return true };
    // A value needs a salt of its own; one is enough to see whether the digests fit.
    let salts: Vec<String> = (0..plan.values.len()).map(|n| format!("{SALT}{n}")).collect();
    let Ok(sealed) = plan.apply(&event, |_| "p-1".to_owned(), &salts) else { return true };
    // Rules may seal what an event needs; that is refused after this.
    let Ok(facts) = check_event(&sealed.event) else { return true };
    let matches =
        match_disclosures(&facts.digests, &sealed.disclosures).expect("each has a digest");
    assert!(matches.withheld.is_empty());
    true
}

pub(super) fn rules() -> Vec<Vec<u8>> {
    bytes_of(&[
        r#"[{"path":"changes.*","class":"pii","subject":"target.id"}]"#,
        r#"[{"path":"data.list.*","class":"pan","subject":"actor.id","actions":["a.*"]},{"path":"actor.id","class":"pseudonym"}]"#,
        r#"[{"path":"data","class":"secret","subject":"actor.id"},{"path":"data.list.1.x","class":"phi","subject":"target.id"}]"#,
    ])
}

/// What has the form of a vault's object says whose it is, and where it belongs.
pub(super) fn vault_object(bytes: &[u8]) -> bool {
    let (value, blob) = (ClosedValue::parse(bytes), ClosedBlob::parse(bytes));
    if let Ok(value) = &value {
        assert_eq!((value.key.0.as_slice(), value.digest().len()), (&bytes[1..17], 43));
    }
    value.is_ok() || blob.is_ok()
}

pub(super) fn vault_objects() -> Vec<Vec<u8>> {
    // Version, key and digest; nonce, label of 5 bytes and its tag; nonce, disclosure and its tag.
    let head = [&[1][..], &[7; 16], &[8; 32], &[9; 12]].concat();
    let value = [&head[..], &[0, 5], &[1; 5 + 16], &[2; 12], &[3; 40 + 16]].concat();
    vec![value, [&head[..], &[4; 100]].concat()]
}
