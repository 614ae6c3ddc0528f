//! Made events, all different.

/// Bytes of one event, about what a column change has.
pub(crate) const EVENT_BYTES: usize = 450;
/// Letters that an event's filling goes round in.
const LETTERS: usize = 26;

/// Makes events, cheaply enough to stay out of what is measured: only the numbers in a text change.
pub(crate) struct Events {
    /// One text for each place at which the filling may begin.
    texts: Vec<Vec<u8>>,
}

impl Events {
    /// The texts.
    pub(crate) fn new() -> Events {
        let texts = (0..LETTERS).map(|first| {
            let id = "0".repeat(20);
            let mut text = format!(
                r#"{{"id":"{id}","actor":{{"type":"user","id":"u000"}},"action":"row.update","data":""#
            );
            while text.len() < EVENT_BYTES - 2 {
                text.push(char::from(b'a' + ((text.len() * 7 + first) % LETTERS) as u8));
            }
            text.push_str("\"}");
            text.into_bytes()
        });
        Events { texts: texts.collect() }
    }

    /// The event of a number, different from every other.
    pub(crate) fn event(&self, number: u64) -> Vec<u8> {
        const ID_AT: usize = r#"{"id":""#.len();
        const USER_AT: usize = ID_AT + 20 + r#"","actor":{"type":"user","id":"u"#.len();
        let mut event = self.texts[(number % LETTERS as u64) as usize].clone();
        write_digits(&mut event[ID_AT..ID_AT + 20], number);
        write_digits(&mut event[USER_AT..USER_AT + 3], number % 997);
        event
    }
}

fn write_digits(place: &mut [u8], mut number: u64) {
    for digit in place.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}
