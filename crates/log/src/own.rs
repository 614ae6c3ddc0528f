//! The events of the log's own entries (actions `graven.*`, `auth:"log"`; design §3).

use crate::limits::REASON_BYTES_MAX;
use graven_entry::write_json_string;
use graven_merkle::{Hash, TreeSize};
pub use graven_verify::KeyOp;

/// Writer id and actor of the log's own entries.
pub(crate) const OWN_WRITER: &str = "graven";

/// A log that had to end and is continued by another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Succession {
    /// The ended log's origin.
    pub origin: String,
    /// The best size known of it.
    pub size: TreeSize,
    /// Its root at that size.
    pub root: Hash,
    /// The best signed checkpoint known of it, if any.
    pub checkpoint: Option<String>,
    /// Why it had to end.
    pub reason: String,
}

/// Entry 0 of every log.
pub(crate) fn log_opened(
    name: &str,
    origin: &str,
    keys: &[String],
    public: bool,
    predecessor: Option<&Succession>,
) -> Vec<u8> {
    let mut data = Object::new();
    data.text("origin", origin).texts("keys", keys).raw("public", bool_text(public));
    if let Some(old) = predecessor {
        let mut before = Object::new();
        before.text("origin", &old.origin).number("size", old.size.0);
        before.text("root", &old.root.to_string());
        if let Some(checkpoint) = &old.checkpoint {
            before.text("checkpoint", checkpoint);
        }
        before.text("reason", cut(&old.reason));
        data.raw("predecessor", &before.finish());
    }
    own_event("graven.log", "log", name, data)
}

/// In `system`: a log was created or ended.
pub(crate) fn log_noted(
    op: &str,
    name: &str,
    origin: &str,
    size: TreeSize,
    root: &Hash,
) -> Vec<u8> {
    let mut data = Object::new();
    data.text("op", op).text("origin", origin);
    data.number("size", size.0).text("root", &root.to_string());
    own_event("graven.log", "log", name, data)
}

/// A key of a log (`target_kind` `log`) or of a stream (`stream`) is added, retired or revoked.
pub(crate) fn key_changed(
    target_kind: &str,
    target: &str,
    op: KeyOp,
    key: &str,
    signature: Option<&str>,
) -> Vec<u8> {
    let mut data = Object::new();
    data.text("op", op.as_str()).text("key", key);
    if let Some(signature) = signature {
        data.text("signature", signature);
    }
    own_event("graven.key", target_kind, target, data)
}

/// A producer offered other bytes for a `seq` that is recorded.
pub(crate) fn stream_forked(stream: &str, seq: u64, index: u64, writer: &str) -> Vec<u8> {
    let mut data = Object::new();
    data.number("seq", seq).number("index", index).text("writer", writer);
    own_event("graven.fork", "stream", stream, data)
}

/// In `system`: sizes and roots of logs that changed.
pub(crate) fn roots(logs: &[(String, TreeSize, Hash)]) -> Vec<u8> {
    let mut list = String::from("[");
    for (origin, size, root) in logs {
        let mut log = Object::new();
        log.text("origin", origin).number("size", size.0).text("root", &root.to_string());
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(&log.finish());
    }
    list.push(']');
    let mut data = Object::new();
    data.raw("logs", &list);
    own_event("graven.roots", "log", "system", data)
}

fn own_event(action: &str, target_kind: &str, target: &str, data: Object) -> Vec<u8> {
    let mut actor = Object::new();
    actor.text("type", "service").text("id", OWN_WRITER);
    let mut object = Object::new();
    object.raw("actor", &actor.finish()).text("action", action);
    let mut target_object = Object::new();
    target_object.text("type", target_kind).text("id", target);
    object.raw("target", &target_object.finish()).raw("data", &data.finish());
    object.finish().into_bytes()
}

fn bool_text(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

fn cut(text: &str) -> &str {
    let mut end = text.len().min(REASON_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Builds one JSON object in the order of the calls.
struct Object {
    json: Vec<u8>,
}

impl Object {
    fn new() -> Self {
        Object { json: vec![b'{'] }
    }

    fn key(&mut self, key: &str) {
        if self.json.len() > 1 {
            self.json.push(b',');
        }
        write_json_string(&mut self.json, key);
        self.json.push(b':');
    }

    fn text(&mut self, key: &str, value: &str) -> &mut Self {
        self.key(key);
        write_json_string(&mut self.json, value);
        self
    }

    fn texts(&mut self, key: &str, values: &[String]) -> &mut Self {
        self.key(key);
        for (place, value) in values.iter().enumerate() {
            self.json.push(if place == 0 { b'[' } else { b',' });
            write_json_string(&mut self.json, value);
        }
        if values.is_empty() {
            self.json.push(b'[');
        }
        self.json.push(b']');
        self
    }

    fn number(&mut self, key: &str, value: u64) -> &mut Self {
        self.raw(key, &value.to_string())
    }

    fn raw(&mut self, key: &str, json: &str) -> &mut Self {
        self.key(key);
        self.json.extend_from_slice(json.as_bytes());
        self
    }

    fn finish(mut self) -> String {
        self.json.push(b'}');
        String::from_utf8(self.json).expect("keys and values are UTF-8")
    }
}
