//! Writing one JSON object, member by member.

use graven_entry::write_json_string;

/// An object that is being written.
pub(crate) struct Object {
    out: Vec<u8>,
}

impl Object {
    pub(crate) fn new() -> Object {
        Object { out: b"{".to_vec() }
    }

    /// A member whose value is written by whoever gives it.
    pub(crate) fn raw(mut self, name: &str, value: &[u8]) -> Object {
        if self.out.len() > 1 {
            self.out.push(b',');
        }
        write_json_string(&mut self.out, name);
        self.out.push(b':');
        self.out.extend_from_slice(value);
        self
    }

    pub(crate) fn text(self, name: &str, value: &str) -> Object {
        self.raw(name, &quoted(value))
    }

    pub(crate) fn number(self, name: &str, value: u64) -> Object {
        self.raw(name, value.to_string().as_bytes())
    }

    pub(crate) fn list(self, name: &str, items: &[impl AsRef<str>]) -> Object {
        let items: Vec<Vec<u8>> = items.iter().map(|item| quoted(item.as_ref())).collect();
        self.raw_list(name, &items)
    }

    pub(crate) fn raw_list(self, name: &str, items: &[Vec<u8>]) -> Object {
        let list = [b"[".as_slice(), &items.join(&b','), b"]"].concat();
        self.raw(name, &list)
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.out.push(b'}');
        self.out
    }
}

fn quoted(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    write_json_string(&mut out, text);
    out
}
