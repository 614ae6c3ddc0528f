//! Random ids as they stand in the index: six bits to a letter, not four. Nothing of them is lost, their order stays, and what is
//! most of an index becomes a third shorter.

use std::borrow::Cow;

/// Letters in the order of their bytes.
const LETTERS: &[u8; 64] = b"-0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz";
const HEX: &[u8; 16] = b"0123456789abcdef";
/// Where the hyphens of a UUID stand (RFC 9562 section 4).
const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// A form of ids that are packed: hexadecimal digits in lower case, and nothing else but perhaps hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Form {
    /// What stands before the letters of such an id.
    pub(crate) kind: char,
    digits: usize,
    has_hyphens: bool,
}

/// UUIDs; spans, traces and what else has 8, 16, 20 or 32 bytes.
pub(crate) const FORMS: [Form; 5] = [
    Form { kind: 'u', digits: 32, has_hyphens: true },
    Form { kind: 'a', digits: 16, has_hyphens: false },
    Form { kind: 'b', digits: 32, has_hyphens: false },
    Form { kind: 'c', digits: 40, has_hyphens: false },
    Form { kind: 'd', digits: 64, has_hyphens: false },
];

/// A text that is an id of one of the forms, as its letters.
pub(crate) fn pack(text: &str) -> Option<(Form, String)> {
    let form = FORMS.into_iter().find(|form| form.text_bytes() == text.len())?;
    Some((form, letters(&form.read(text)?)))
}

impl Form {
    /// The id of these letters.
    pub(crate) fn unpack(self, letters: &str) -> Option<Cow<'static, str>> {
        let (mut bits, mut count, mut text) = (0_usize, 0, String::with_capacity(36));
        for letter in letters.bytes() {
            let value = LETTERS.binary_search(&letter).ok()?;
            (bits, count) = (bits << 6 | value, count + 6);
            while count >= 4 && text.len() < self.text_bytes() {
                count -= 4;
                if self.has_hyphens && HYPHENS.contains(&text.len()) {
                    text.push('-');
                }
                text.push(char::from(HEX[bits >> count & 15]));
            }
            bits &= (1 << count) - 1;
        }
        (text.len() == self.text_bytes()).then_some(text.into())
    }

    /// Letters that no id of this form is before whose text begins so; nothing, where there is no such id.
    pub(crate) fn begin(self, text: &str) -> Option<String> {
        Some(letters(&self.read(text)?))
    }

    fn text_bytes(self) -> usize {
        self.digits + if self.has_hyphens { HYPHENS.len() } else { 0 }
    }

    /// The digits of a text that is an id, or begins as one does.
    fn read(self, text: &str) -> Option<Vec<u8>> {
        let mut digits = Vec::with_capacity(self.digits);
        for (place, byte) in text.bytes().enumerate() {
            match byte {
                b'-' if self.has_hyphens && HYPHENS.contains(&place) => {}
                _ if self.has_hyphens && HYPHENS.contains(&place) => return None,
                b'0'..=b'9' => digits.push(byte - b'0'),
                b'a'..=b'f' => digits.push(byte - b'a' + 10),
                _ => return None,
            }
        }
        (digits.len() <= self.digits).then_some(digits)
    }
}

/// Three digits are two letters; what is left over is filled up with zeros.
fn letters(digits: &[u8]) -> String {
    let mut letters = String::with_capacity(digits.len());
    for three in digits.chunks(3) {
        let digit = |place: usize| three.get(place).map_or(0, |digit| usize::from(*digit));
        let bits = digit(0) << 8 | digit(1) << 4 | digit(2);
        letters.push(char::from(LETTERS[bits >> 6]));
        if three.len() > 1 {
            letters.push(char::from(LETTERS[bits & 63]));
        }
    }
    letters
}
