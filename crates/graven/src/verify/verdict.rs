//! Verdicts: what was checked, what was not, and against whose key.

use serde_json::{Map, Value, json};

use super::source::Finding;
use crate::connect::KeysFrom;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// What became of one log.
#[derive(Debug, Default)]
pub(crate) struct LogReport {
    /// Its name inside the server, where the target has one.
    pub(crate) log: Option<String>,
    pub(crate) origin: Option<String>,
    pub(crate) size: Option<u64>,
    pub(crate) root: Option<String>,
    /// The first fault, in index order.
    pub(crate) fault: Option<Finding>,
    /// What was counted, by its name.
    pub(crate) checked: Map<String, Value>,
    /// What was not checked, and why.
    pub(crate) not_checked: Vec<String>,
    /// The keys whose signatures hold.
    pub(crate) keys_used: Vec<String>,
    pub(crate) keys_from: Option<KeysFrom>,
    /// The origin of the log that it continues.
    pub(crate) predecessor: Option<String>,
    /// The witnesses of the policy that cosigned.
    pub(crate) cosigned_by: Vec<String>,
    /// Whether the target holds chosen entries and no log.
    pub(crate) is_choice: bool,
    /// A head from outside the target that it agrees with: where from, and its size.
    pub(crate) external_head: Option<(String, u64)>,
}

/// What became of a target.
#[derive(Debug)]
pub(crate) struct Verdict {
    pub(crate) target: String,
    pub(crate) logs: Vec<LogReport>,
    /// A fault of no log, such as in a journal's file.
    pub(crate) fault: Option<Finding>,
    /// What was counted beside the logs.
    pub(crate) checked: Map<String, Value>,
}

impl LogReport {
    pub(crate) fn is_good(&self) -> bool {
        self.fault.is_none()
    }

    fn to_json(&self) -> Value {
        let fault = self.fault.as_ref();
        json!({
            "ok": self.is_good(),
            "log": self.log,
            "origin": self.origin,
            "size": self.size,
            "root": self.root,
            "first_bad_index": fault.and_then(|fault| fault.index),
            "what": fault.map(|fault| fault.what),
            "detail": fault.map(|fault| fault.detail.as_str()),
            "verdict": self.words(),
            "key_from": self.keys_from.as_ref().map(key_from_word),
            "keys_used": self.keys_used,
            "cosigned_by": self.cosigned_by,
            "predecessor": self.predecessor,
            "checked": self.checked,
            "not_checked": self.not_checked,
        })
    }

    /// The verdict in words; never a bare "OK", because what it does not cover matters as much.
    fn words(&self) -> String {
        if !self.is_good() {
            return "bad".to_owned();
        }
        let holds =
            if self.is_choice { "each entry is in the log" } else { "internally consistent" };
        match &self.external_head {
            Some((place, size)) => {
                format!("{holds}; extends the checkpoint of size {size} from {place}")
            }
            None if !self.cosigned_by.is_empty() => {
                format!("{holds}; cosigned as the policy asks")
            }
            None => format!("{holds}; freshness not checked"),
        }
    }

    fn text(&self) -> String {
        let name = self.log.as_deref().unwrap_or("log");
        let origin = self.origin.as_deref().unwrap_or("of unknown origin");
        let mut lines = vec![format!("{name}  {origin}")];
        if let (Some(size), Some(root)) = (self.size, &self.root) {
            lines.push(format!("  size         {size}, root {root}"));
        }
        if let Some(fault) = &self.fault {
            let place = match fault.index {
                Some(index) => format!("first bad entry {index}"),
                None => "bad".to_owned(),
            };
            lines.push(format!("  {place}: {}: {}", fault.what, fault.detail));
        }
        let checked = counted(&self.checked);
        if !checked.is_empty() {
            lines.push(format!("  checked      {}", checked.join(", ")));
        }
        if !self.not_checked.is_empty() {
            lines.push(format!("  not checked  {}", self.not_checked.join(", ")));
        }
        if let Some(predecessor) = &self.predecessor {
            lines.push(format!("  continues    {predecessor}"));
        }
        if !self.cosigned_by.is_empty() {
            lines.push(format!("  cosigned by  {}", self.cosigned_by.join(", ")));
        }
        if self.is_good() {
            lines.push(format!("  key          {}", self.key_words()));
        }
        lines.push(format!("  verdict      {}", self.words()));
        lines.join("\n")
    }

    pub(crate) fn key_words(&self) -> String {
        let keys = match self.keys_used.as_slice() {
            [] => "none".to_owned(),
            keys => keys.iter().map(String::as_str).map(short).collect::<Vec<_>>().join(", "),
        };
        let from = match self.keys_from {
            Some(KeysFrom::Given) => "given by you",
            Some(KeysFrom::DataDirectory) => "from the server's data directory",
            Some(KeysFrom::Target) => {
                "the target's own: this shows that it agrees with itself, not whose it is"
            }
            None => "no signature was checked",
        };
        format!("{keys} ({from})")
    }
}

impl Verdict {
    /// The verdict on a target of which nothing is known yet.
    pub(crate) fn of(target: &str) -> Verdict {
        Verdict { target: target.to_owned(), logs: Vec::new(), fault: None, checked: Map::new() }
    }

    pub(crate) fn is_good(&self) -> bool {
        self.fault.is_none() && self.logs.iter().all(LogReport::is_good)
    }

    /// Prints the verdict on standard output and gives the exit code.
    pub(crate) fn print(&self, context: &Context) -> Result<Exit, Failure> {
        if context.out.json {
            context.out.json(&self.to_json())?;
        } else {
            context.out.line(self.text())?;
        }
        Ok(if self.is_good() { Exit::Good } else { Exit::Bad })
    }

    /// One log stands flat; of many the first bad one does, beside the list of all.
    fn to_json(&self) -> Value {
        let lead = self.logs.iter().find(|log| !log.is_good()).or(self.logs.first());
        let mut value = lead.map(LogReport::to_json).unwrap_or_else(|| json!({}));
        value["ok"] = self.is_good().into();
        value["target"] = self.target.as_str().into();
        if let Some(fault) = &self.fault {
            value["what"] = fault.what.into();
            value["detail"] = fault.detail.as_str().into();
            value["verdict"] = "bad".into();
            if lead.is_none_or(LogReport::is_good) {
                value["log"] = Value::Null;
                value["first_bad_index"] = fault.index.into();
            }
        }
        if let Some(checked) = value.get_mut("checked").and_then(Value::as_object_mut) {
            checked.extend(self.checked.clone());
        } else {
            value["checked"] = Value::Object(self.checked.clone());
        }
        if self.logs.len() > 1 {
            value["logs"] = self.logs.iter().map(LogReport::to_json).collect::<Vec<_>>().into();
        }
        value
    }

    fn text(&self) -> String {
        let mut parts: Vec<String> = self.logs.iter().map(LogReport::text).collect();
        if let Some(fault) = &self.fault {
            parts.push(format!("bad: {}: {}", fault.what, fault.detail));
        }
        let checked = counted(&self.checked);
        if !checked.is_empty() {
            parts.push(format!("{}: checked {}", self.target, checked.join(", ")));
        }
        parts.join("\n")
    }
}

/// A verifier key without its key material: post-quantum keys fill a screen.
fn short(vkey: &str) -> String {
    // A key's name holds no `+`, its base64 may.
    vkey.splitn(3, '+').take(2).collect::<Vec<_>>().join("+")
}

fn key_from_word(from: &KeysFrom) -> &'static str {
    match from {
        KeysFrom::Given => "given",
        KeysFrom::DataDirectory => "data_directory",
        KeysFrom::Target => "target",
    }
}

/// What was counted, in words; what there was none of is left out.
fn counted(checked: &Map<String, Value>) -> Vec<String> {
    let in_words = |(what, value): (&String, &Value)| {
        let words = what.replace('_', " ");
        match value {
            Value::String(text) => Some(format!("{words} {text}")),
            Value::Number(_) if what == "index" => Some(format!("index {value}")),
            Value::Number(count) if count.as_u64() == Some(0) => None,
            Value::Number(count) if count.as_u64() == Some(1) => {
                let one = words.strip_suffix("ies").map(|stem| format!("{stem}y"));
                let one = one.or_else(|| words.strip_suffix('s').map(str::to_owned));
                Some(format!("1 {}", one.unwrap_or(words)))
            }
            other => Some(format!("{other} {words}")),
        }
    };
    checked.iter().filter_map(in_words).collect()
}
