//! The events that are sent: the same bytes for the same number, and cheap to make, so that the server is the bound.

/// Bytes of one event, about what a column change has.
pub(crate) const EVENT_BYTES: usize = 450;
/// Letters that an event's filler goes round in.
const LETTERS: usize = 26;
/// What stands before the number, and how many digits that has.
const BEFORE_ID: &str = r#"{"id":""#;
const ID_DIGITS: usize = 20;

/// Events of which only the number is still to be written.
pub(crate) struct Events {
    /// One for each letter with which the filler may begin.
    templates: Vec<Vec<u8>>,
}

impl Events {
    /// The templates.
    pub(crate) fn new() -> Events {
        Events { templates: (0..LETTERS).map(template).collect() }
    }

    /// Writes event `number`.
    pub(crate) fn push(&self, out: &mut Vec<u8>, number: u64) {
        let id = out.len() + BEFORE_ID.len();
        out.extend_from_slice(&self.templates[(number % LETTERS as u64) as usize]);
        let mut rest = number;
        for digit in out[id..id + ID_DIGITS].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
    }
}

fn template(first: usize) -> Vec<u8> {
    let id = "0".repeat(ID_DIGITS);
    let mut event = format!(
        r#"{BEFORE_ID}{id}","actor":{{"type":"user","id":"u{first:03}"}},"action":"row.update","data":""#
    );
    while event.len() < EVENT_BYTES - 2 {
        event.push(char::from(b'a' + ((event.len() * 7 + first) % LETTERS) as u8));
    }
    event.push_str("\"}");
    event.into_bytes()
}
