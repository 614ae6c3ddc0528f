//! The seal policy in force, as `system` tells it: at each start an entry for each log for which it is another than before.

use std::collections::BTreeMap;

use graven_entry::{pointer, string_value};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::SealPolicy;
use crate::audit::POLICY;
use crate::directory::ReplayError;

/// The kind that is ours.
const KIND: &str = "seal";

/// What was last recorded to be sealed in each log: JSON without white space.
#[derive(Debug, Default)]
pub struct SealStanding {
    texts: BTreeMap<String, String>,
}

impl SealStanding {
    /// The events that say that this policy is in force from here on; none where it was before.
    pub fn plan(&self, policy: &SealPolicy) -> Vec<Vec<u8>> {
        let logs = self.texts.keys().chain(policy.logs.keys());
        let logs: std::collections::BTreeSet<&String> = logs.collect();
        let changes = logs.into_iter().filter_map(|log| {
            let before = self.texts.get(log);
            let after = policy.logs.get(log).map(|sealing| &sealing.text);
            (before != after).then(|| change(log, before, after))
        });
        changes.collect()
    }

    /// Takes in an event of a `system` log. Others than ours change nothing.
    pub fn apply(&mut self, event: &[u8]) -> Result<(), ReplayError> {
        let text = |path: &str| pointer(event, path).and_then(string_value);
        let is_ours = text("/action").as_deref() == Some(POLICY)
            && text("/outcome").as_deref() == Some("success")
            && text("/data/kind").as_deref() == Some(KIND);
        if !is_ours {
            return Ok(());
        }
        let fail = |why: &str| ReplayError { action: POLICY.to_owned(), why: why.to_owned() };
        let log = text("/target/id").ok_or_else(|| fail("target.id is missing"))?;
        let after = pointer(event, "/data/after").ok_or_else(|| fail("data.after is missing"))?;
        let after = std::str::from_utf8(after).map_err(|_| fail("data.after is no text"))?;
        match after {
            "null" => self.texts.remove(&*log),
            after => self.texts.insert(log.into_owned(), after.to_owned()),
        };
        Ok(())
    }
}

fn change(log: &str, before: Option<&String>, after: Option<&String>) -> Vec<u8> {
    let value = |text: Option<&String>| {
        text.map_or(Value::Null, |text| {
            serde_json::from_str(text).expect("it was JSON when it was read")
        })
    };
    let digest = |text: Option<&String>| text.map(|text| hex(&Sha256::digest(text)));
    let event = json!({
        "actor": {"id": "graven"},
        "action": POLICY,
        "target": {"type": "log", "id": log},
        "outcome": "success",
        "data": {
            "kind": KIND,
            "before": value(before),
            "before_sha256": digest(before),
            "after": value(after),
            "after_sha256": digest(after),
        },
    });
    event.to_string().into_bytes()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
