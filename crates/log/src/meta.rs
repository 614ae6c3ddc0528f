//! `logs/<log>/meta`: what a log is, beside its entries. Entry 0 says the same under the tree, and verification compares them.

use graven_entry::{LogName, Name};

/// First line of a meta file.
const META_LINE: &str = "graven log v1";
/// Name of the file.
pub(crate) const META_FILE: &str = "meta";
/// Name of the file with the current Ed25519 verifier key.
pub(crate) const VKEY_FILE: &str = "vkey";
/// Name of the file with all verifier keys ever, one a line.
pub(crate) const VKEYS_FILE: &str = "vkeys";
/// Name of the file of a log that says why it ended; a log that has one is read-only.
pub const ENDED_FILE: &str = "ended";

/// A log's fixed properties.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) name: LogName,
    pub(crate) origin: Name,
    pub(crate) public: bool,
    /// The log's entry 0, so that a creation that a crash cut off can be finished with the same words.
    pub(crate) opening: String,
}

impl Meta {
    pub(crate) fn to_text(&self) -> String {
        let (name, origin, public) = (&self.name, &self.origin, self.public);
        format!(
            "{META_LINE}\nname {name}\norigin {origin}\npublic {public}\nopening {}\n",
            self.opening
        )
    }

    pub(crate) fn parse(text: &str) -> Option<Meta> {
        let mut lines = text.lines();
        if lines.next() != Some(META_LINE) {
            return None;
        }
        let mut field = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
        let name = LogName::new(field("name")?).ok()?;
        let origin = Name::origin(field("origin")?).ok()?;
        let public = match field("public")? {
            "true" => true,
            "false" => false,
            _ => return None,
        };
        let opening = field("opening")?.to_owned();
        let meta = Meta { name, origin, public, opening };
        (meta.to_text() == text).then_some(meta)
    }
}
