//! What looks like a card number, a private key or a token in a field that nobody declared sensitive.
//!
//! A guess, for a flag or a refusal: it finds the usual forms, and says nothing of what it does not find.

use graven_entry::{elements, members, push_token, string_value};

use crate::Class;

/// Digits of a card number (ISO/IEC 7812-1).
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 12..=19;
/// How the tokens of widespread services begin, and how many characters follow at least.
const TOKENS: [(&str, usize); 9] = [
    ("AKIA", 16),
    ("ASIA", 16),
    ("ghp_", 30),
    ("gho_", 30),
    ("github_pat_", 40),
    ("glpat-", 20),
    ("sk_live_", 20),
    ("xoxb-", 20),
    ("AIza", 30),
];

/// Something that looks sensitive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// RFC 6901 pointer to the value.
    pub path: String,
    /// What it looks like.
    pub kind: FindingKind,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FindingKind {
    /// A card number whose check digit fits.
    Card,
    /// A private key in PEM.
    PrivateKey,
    /// A token of a widespread service, or a JSON web token.
    Token,
}

impl FindingKind {
    /// Its name in metrics and in `system`.
    pub fn as_str(self) -> &'static str {
        match self {
            FindingKind::Card => "card",
            FindingKind::PrivateKey => "private_key",
            FindingKind::Token => "token",
        }
    }

    /// The class to seal it under.
    pub fn class(self) -> Class {
        match self {
            FindingKind::Card => Class::Pan,
            FindingKind::PrivateKey | FindingKind::Token => Class::Secret,
        }
    }
}

/// Looks at every string and number of a well-formed event.
pub fn detect(event: &[u8]) -> Vec<Finding> {
    let mut found = Vec::new();
    look(event, &mut String::new(), &mut found);
    found
}

/// Recursion is bounded by the levels of a well-formed event.
fn look(raw: &[u8], path: &mut String, found: &mut Vec<Finding>) {
    let len = path.len();
    match raw.first() {
        Some(b'{') => {
            // Digests and keys of objects are no values.
            for (key, value) in members(raw).filter(|(key, _)| key != "_sd" && key != "...") {
                push_token(path, &key);
                look(value, path, found);
                path.truncate(len);
            }
        }
        Some(b'[') => {
            for (number, value) in elements(raw).enumerate() {
                push_token(path, &number.to_string());
                look(value, path, found);
                path.truncate(len);
            }
        }
        Some(b'"') => {
            let kind = string_value(raw).and_then(|text| kind_of(&text));
            found.extend(kind.map(|kind| Finding { path: path.clone(), kind }));
        }
        Some(b'0'..=b'9') if has_card(std::str::from_utf8(raw).unwrap_or_default()) => {
            found.push(Finding { path: path.clone(), kind: FindingKind::Card });
        }
        _ => {}
    }
}

fn kind_of(text: &str) -> Option<FindingKind> {
    if text.contains("-----BEGIN ") && text.contains("PRIVATE KEY-----") {
        return Some(FindingKind::PrivateKey);
    }
    if text.split(|c: char| c.is_whitespace() || "\"'=:,;".contains(c)).any(is_token) {
        return Some(FindingKind::Token);
    }
    has_card(text).then_some(FindingKind::Card)
}

fn is_token(word: &str) -> bool {
    let is_plain =
        |text: &str| text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    let known = TOKENS.iter().any(|(start, least)| {
        word.strip_prefix(start).is_some_and(|rest| rest.len() >= *least && is_plain(rest))
    });
    // RFC 7519: three parts of base64url, the first the JSON of a header.
    let parts: Vec<&str> = word.splitn(4, '.').collect();
    known
        || (parts.len() == 3
            && parts[0].starts_with("eyJ")
            && parts.iter().all(|part| part.len() >= 10 && is_plain(part)))
}

/// Whether a run of digits, alone or in groups with single spaces or hyphens, is a card number.
fn has_card(text: &str) -> bool {
    let mut digits: Vec<u8> = Vec::new();
    let mut was_gap = true;
    for byte in text.bytes().chain([b'x']) {
        match byte {
            b'0'..=b'9' => {
                digits.push(byte - b'0');
                was_gap = false;
            }
            b' ' | b'-' if !was_gap => was_gap = true,
            _ => {
                if is_card(&digits) {
                    return true;
                }
                digits.clear();
                was_gap = true;
            }
        }
    }
    false
}

/// Length, first digit and check digit (ISO/IEC 7812-1 annex B) of a card number.
fn is_card(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| {
            let doubled = u32::from(*digit) << (place % 2);
            if doubled > 9 { doubled - 9 } else { doubled }
        })
        .sum();
    CARD_DIGITS.contains(&digits.len())
        && matches!(digits.first(), Some(2..=6))
        && sum.is_multiple_of(10)
}
