//! Whether a value fits its setting, and what an unknown key may have meant.

use std::net::{IpAddr, SocketAddr};

use access::{Privilege, RelyingParty, TokenKeyUri};
use graven_entry::LogName;

use super::table::{Kind, SETTINGS};

/// Edits between an unknown key and one that is suggested for it.
const SUGGESTION_EDITS_MAX: usize = 3;

/// Whether `text` has the form of its kind; `Err` says what is wrong.
pub(super) fn kind(kind: Kind, text: &str) -> Result<(), String> {
    match kind {
        Kind::Path | Kind::Secret | Kind::Text | Kind::VerifierKey if text.is_empty() => {
            Err("it is empty".to_owned())
        }
        Kind::Path | Kind::Secret | Kind::Text | Kind::VerifierKey => Ok(()),
        Kind::Url if text.starts_with("http://") || text.starts_with("https://") => Ok(()),
        Kind::Url => Err("it starts with neither http:// nor https://".to_owned()),
        Kind::Address => text.parse::<SocketAddr>().map(drop).map_err(|_| {
            "it is no IP address with a port; write it as 127.0.0.1:7070 or [::1]:7070".to_owned()
        }),
        Kind::LogName => LogName::new(text).map(drop).map_err(|error| error.to_string()),
        Kind::Addresses => text
            .split(',')
            .try_for_each(|one| one.trim().parse::<IpAddr>().map(drop))
            .map_err(|_| "it is not IP addresses with commas between them".to_owned()),
        Kind::Privileges => text
            .split(',')
            .try_for_each(|one| Privilege::parse(one.trim()).map(drop).ok_or(()))
            .map_err(|()| "it is not of grant, reveal, erase and key".to_owned()),
        Kind::Networks => {
            text.parse::<server::Networks>().map(drop).map_err(|error| error.to_string())
        }
        Kind::PublicUrl => RelyingParty::parse(text).map(drop).ok_or_else(|| {
            "it is no https:// and a name in lower case, such as https://audit.example.com"
                .to_owned()
        }),
        Kind::Origins => text
            .split(',')
            .try_for_each(|one| RelyingParty::parse(one.trim()).map(drop).ok_or(()))
            .map_err(|()| {
                "it is not https:// and names in lower case, with commas between them".to_owned()
            }),
        Kind::TokenKeys => {
            TokenKeyUri::parse_lines(text).map(drop).map_err(|error| error.to_string())
        }
        Kind::Number => match text.parse::<u32>() {
            Ok(number) if number > 0 => Ok(()),
            _ => Err(format!("it is no number from 1 to {}", u32::MAX)),
        },
        Kind::Switch => one_of(text, &["true", "false"]),
        Kind::OnOff => one_of(text, &["on", "off"]),
        Kind::TraceFormat => one_of(text, &["text", "json"]),
        Kind::Filter => text
            .parse::<tracing_subscriber::filter::EnvFilter>()
            .map(drop)
            .map_err(|error| format!("it is no filter: {error}")),
    }
}

/// A TOML value as the text that a flag would have.
pub(super) fn toml_text(kind: Kind, value: &toml::Value) -> Result<String, String> {
    match (kind, value) {
        (Kind::Switch, toml::Value::Boolean(on)) => Ok(on.to_string()),
        (Kind::Switch, _) => Err("is neither true nor false".to_owned()),
        (Kind::Number, toml::Value::Integer(number)) => Ok(number.to_string()),
        (_, toml::Value::String(text)) => Ok(text.clone()),
        (_, other) => Err(format!("is a TOML {}; write it in quotes", other.type_str())),
    }
}

/// `; did you mean …?` for a key that is nearly one of ours.
pub(super) fn suggestion(key: &str) -> String {
    let distance = |setting: &&super::Setting| edits(key, setting.key);
    match SETTINGS.iter().min_by_key(distance) {
        Some(near) if edits(key, near.key) <= SUGGESTION_EDITS_MAX => {
            format!("; did you mean `{}`?", near.key)
        }
        _ => "; `graven config reference` lists all keys".to_owned(),
    }
}

fn one_of(text: &str, words: &[&str]) -> Result<(), String> {
    if words.contains(&text) {
        Ok(())
    } else {
        Err(format!("it is not one of {}", words.join(", ")))
    }
}

/// The Levenshtein distance.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (to, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let above = *cell;
            let replaced = diagonal + usize::from(from != *to);
            left = replaced.min(above + 1).min(left + 1);
            diagonal = above;
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(a.len())
}
