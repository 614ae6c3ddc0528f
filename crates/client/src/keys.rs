//! The keys that a client trusts for one log.

use graven_entry::Name;
use graven_note::VerifierKey;

/// The origin of a log and its verifier keys, from a source that is not the server.
#[derive(Clone, Debug)]
pub struct LogKeys {
    /// The log's origin.
    pub origin: Name,
    /// The log's keys; each is named by the origin.
    pub keys: Vec<VerifierKey>,
}

impl LogKeys {
    /// The keys in a text of one verifier key a line; empty lines and lines that start with `#` are skipped. The
    /// origin is the name of the first key.
    pub fn parse(text: &str) -> Result<LogKeys, String> {
        let lines = text.lines().map(str::trim).enumerate();
        let mut keys = Vec::new();
        for (number, line) in lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let key: VerifierKey =
                line.parse().map_err(|error| format!("line {}: {error}", number + 1))?;
            keys.push(key);
        }
        let first = keys.first().ok_or("no verifier key in it; give one a line")?;
        let origin = Name::origin(first.name().as_str())
            .map_err(|error| format!("the key's name is no origin: {error}"))?;
        if let Some(other) = keys.iter().find(|key| key.name() != first.name()) {
            return Err(format!(
                "keys of two origins, {origin} and {}; give those of one log",
                other.name()
            ));
        }
        Ok(LogKeys { origin, keys })
    }
}
