//! The strict scanner: one pass over the bytes of an event that accepts only JSON which every
//! reader takes alike, and notes what an event's checks need to know.
//!
//! Each function of [`Scanner`] starts at the first byte of what it reads and leaves `at` behind
//! its last. Recursion is bounded by [`DEPTH_MAX`].

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

use crate::event_error::{EventError, EventErrorKind, EventFault};
use crate::json::{Walk, hex4, is_white, plain_run, push_token, unescape};
use crate::limits::{DEPTH_MAX, ERROR_PATH_BYTES_MAX, KEYS_LINEAR_MAX};
use crate::sealed_digest::{Place, SealedDigest};

/// Characters of a digest: 32 bytes in base64url without padding.
pub(crate) const DIGEST_CHARS: usize = 43;

/// What one pass has found.
#[derive(Debug)]
pub(crate) struct Scan<'a> {
    /// The value without the white space around it.
    pub(crate) range: Range<usize>,
    /// White space outside strings, inside `range`.
    pub(crate) white_bytes: usize,
    /// Whether some of it is CR or LF.
    pub(crate) has_line_break: bool,
    /// The values of the root object's members of these names.
    pub(crate) actor: Option<Range<usize>>,
    pub(crate) action: Option<Range<usize>>,
    pub(crate) id: Option<Range<usize>>,
    /// The digests of sealed values, in the order written, each different.
    pub(crate) digests: Vec<SealedDigest<'a>>,
}

/// Scans an event: an object, and nothing but white space around it.
pub(crate) fn scan(bytes: &[u8]) -> Result<Scan<'_>, EventError> {
    scan_root(bytes, b'{')
}

/// Scans a disclosure's array by the rules of an event.
pub(crate) fn scan_array(bytes: &[u8]) -> Result<Scan<'_>, EventError> {
    scan_root(bytes, b'[')
}

/// A step on the way to the value at hand: a member's raw key, or an element's number.
enum Step {
    Key(Range<usize>),
    Element(usize),
}

/// A fault of JSON, which ends the scan.
struct Stop {
    fault: EventFault,
    at: usize,
}

struct Scanner<'a> {
    /// The bytes as far as they are UTF-8.
    text: &'a str,
    at: usize,
    /// The way to the value at hand; left as it is when the scan stops, to name the place.
    path: Vec<Step>,
    /// The keys of all open objects, an object's own from where it began.
    keys: Vec<Cow<'a, str>>,
    /// The first fault that does not end the scan: one of JSON would come first.
    event_error: Option<EventError>,
    found: Scan<'a>,
}

/// The keys of one object: the last ones on the shared stack, or, when there are many, a set.
struct Keys<'a> {
    base: usize,
    set: BTreeSet<Cow<'a, str>>,
}

fn scan_root(bytes: &[u8], open: u8) -> Result<Scan<'_>, EventError> {
    let (text, utf8_end) = match std::str::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let end = error.valid_up_to();
            let valid = bytes.get(..end).and_then(|valid| std::str::from_utf8(valid).ok());
            (valid.unwrap_or_default(), Some(end))
        }
    };
    let mut scanner = Scanner::new(text);
    let outcome = match (scanner.root(open), utf8_end) {
        // What is cut off at the end of the UTF-8 is no fault of its own.
        (Err(stop), Some(at)) if stop.is_cut_off() => {
            Err(Stop { fault: EventFault::InvalidUtf8, at })
        }
        (Ok(()), Some(at)) => Err(Stop { fault: EventFault::InvalidUtf8, at }),
        (outcome, _) => outcome,
    };
    if let Err(Stop { fault, at }) = outcome {
        let path = scanner.path_text(ERROR_PATH_BYTES_MAX);
        return Err(EventError::new(bytes, fault, path, at));
    }
    match scanner.event_error.take() {
        Some(error) => Err(error),
        None => scanner.finish(),
    }
}

impl Stop {
    /// Whether the bytes ended too early, rather than being wrong.
    fn is_cut_off(&self) -> bool {
        matches!(self.fault, EventFault::UnexpectedEnd { .. } | EventFault::Empty)
    }
}

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        let found = Scan {
            range: 0..0,
            white_bytes: 0,
            has_line_break: false,
            actor: None,
            action: None,
            id: None,
            digests: Vec::new(),
        };
        Self {
            text,
            at: 0,
            path: Vec::with_capacity(8),
            keys: Vec::with_capacity(KEYS_LINEAR_MAX),
            event_error: None,
            found,
        }
    }

    fn root(&mut self, open: u8) -> Result<(), Stop> {
        self.skip_white();
        let start = self.at;
        match self.peek() {
            None => return self.stop(EventFault::Empty),
            Some(byte) if byte == open => {}
            Some(b'{' | b'[' | b'"' | b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                return self.stop(EventFault::NotAnObject);
            }
            Some(_) if self.rest().starts_with('\u{feff}') => {
                return self.stop(EventFault::ByteOrderMark);
            }
            Some(_) => return self.unexpected("an object"),
        }
        // White space around the value is not part of it.
        self.found.white_bytes = 0;
        self.found.has_line_break = false;
        self.value(1, false)?;
        self.found.range = start..self.at;
        let (white_bytes, has_line_break) = (self.found.white_bytes, self.found.has_line_break);
        self.skip_white();
        self.found.white_bytes = white_bytes;
        self.found.has_line_break = has_line_break;
        if self.peek().is_some() { self.stop(EventFault::Trailing) } else { Ok(()) }
    }

    /// A value that would be open at `depth` if it is an object or an array.
    fn value(&mut self, depth: usize, is_element: bool) -> Result<(), Stop> {
        match self.peek() {
            Some(b'{' | b'[') if depth > DEPTH_MAX => self.stop(EventFault::TooDeep),
            Some(b'{') => self.object(depth, is_element),
            Some(b'[') => self.array(depth),
            Some(b'"') => self.string().map(|_| ()),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.literal("true"),
            Some(b'f') => self.literal("false"),
            Some(b'n') => self.literal("null"),
            _ => self.unexpected("a value"),
        }
    }

    fn object(&mut self, depth: usize, is_element: bool) -> Result<(), Stop> {
        let start = self.at;
        let mut keys = Keys { base: self.keys.len(), set: BTreeSet::new() };
        let mut count = 0;
        let mut hidden_element = None;
        self.at += 1;
        self.skip_white();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(());
        }
        loop {
            if self.peek() != Some(b'"') {
                return self.unexpected("a key in double quotes");
            }
            let key_start = self.at;
            let is_escaped = self.string()?;
            let key = self.text_inside(key_start + 1..self.at - 1, is_escaped);
            self.path.push(Step::Key(key_start + 1..self.at - 1));
            let is_seal = matches!(&*key, "_sd" | "_sd_alg" | "...").then(|| key.clone());
            let root_field = if depth == 1 { key.clone() } else { Cow::Borrowed("") };
            if !self.insert_key(&mut keys, key) {
                return Err(Stop { fault: EventFault::DuplicateKey, at: key_start });
            }
            self.skip_white();
            self.punctuation(b':', "':' after the key")?;
            self.skip_white();
            let value_start = self.at;
            self.value(depth + 1, false)?;
            let value = value_start..self.at;
            match is_seal.as_deref() {
                Some("_sd") => self.sealed_members(key_start, &value),
                Some("_sd_alg") => self.event_fault(EventFault::SealAlgorithm, key_start),
                Some(_) => hidden_element = Some(value),
                None => self.note_root_field(&root_field, value),
            }
            self.path.pop();
            count += 1;
            self.skip_white();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return self.unexpected("',' or '}'"),
            }
            self.skip_white();
        }
        self.at += 1;
        self.keys.truncate(keys.base);
        if let Some(value) = hidden_element {
            self.sealed_element(start, &value, is_element && count == 1);
        }
        Ok(())
    }

    fn array(&mut self, depth: usize) -> Result<(), Stop> {
        self.at += 1;
        self.skip_white();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(());
        }
        for number in 0.. {
            self.path.push(Step::Element(number));
            self.value(depth + 1, true)?;
            self.path.pop();
            self.skip_white();
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b']') => break,
                _ => return self.unexpected("',' or ']'"),
            }
            self.skip_white();
        }
        self.at += 1;
        Ok(())
    }

    /// A string; says whether anything in it is escaped.
    fn string(&mut self) -> Result<bool, Stop> {
        self.at += 1;
        let mut is_escaped = false;
        loop {
            self.at += plain_run(self.rest_bytes());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => {
                    is_escaped = true;
                    self.escape()?;
                }
                Some(byte) => return self.stop(EventFault::ControlCharacter { byte }),
                None => return self.unexpected("the end of a string"),
            }
        }
        self.at += 1;
        Ok(is_escaped)
    }

    /// The text of a string that has been read, by the range inside its quotes.
    fn text_inside(&self, inside: Range<usize>, is_escaped: bool) -> Cow<'a, str> {
        let inside = self.text.get(inside).unwrap_or_default();
        if !is_escaped {
            return Cow::Borrowed(inside);
        }
        // Every escape has been checked, so there is always a text.
        unescape(inside).unwrap_or_default()
    }

    fn escape(&mut self) -> Result<(), Stop> {
        match self.rest_bytes().get(1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                Ok(())
            }
            Some(b'u') => self.unicode_escape(),
            Some(_) => self.stop(EventFault::Escape),
            None => self.end_of("the end of an escape"),
        }
    }

    fn unicode_escape(&mut self) -> Result<(), Stop> {
        const UNIT_BYTES: usize = 6;
        let rest = self.rest_bytes();
        let Some(unit) = rest.get(2..).and_then(hex4) else {
            return self.broken_escape(rest.get(2..));
        };
        match unit {
            0 => return self.stop(EventFault::NulCharacter),
            0xdc00..=0xdfff => return self.stop(EventFault::LoneSurrogate),
            0xd800..=0xdbff => {}
            _ => {
                self.at += UNIT_BYTES;
                return Ok(());
            }
        }
        let low = rest.get(UNIT_BYTES..).unwrap_or_default();
        match low.strip_prefix(b"\\u").and_then(hex4) {
            Some(0xdc00..=0xdfff) => {
                self.at += 2 * UNIT_BYTES;
                Ok(())
            }
            // It may be cut off rather than alone.
            None if low.len() < UNIT_BYTES && is_low_escape_start(low) => {
                self.end_of("the end of an escape")
            }
            _ => self.stop(EventFault::LoneSurrogate),
        }
    }

    /// An escape whose four digits are not there: cut off at the end, or wrong.
    fn broken_escape(&mut self, digits: Option<&[u8]>) -> Result<(), Stop> {
        let digits = digits.unwrap_or_default();
        if digits.len() < 4 && digits.iter().all(u8::is_ascii_hexdigit) {
            self.end_of("the end of an escape")
        } else {
            self.stop(EventFault::Escape)
        }
    }

    fn number(&mut self) -> Result<(), Stop> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            Some(b'1'..=b'9') => self.digits("a digit")?,
            _ => return self.unexpected("a digit"),
        }
        if self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return self.unexpected("a number without leading zeros");
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("a digit of the fraction")?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits("a digit of the exponent")?;
        }
        Ok(())
    }

    fn digits(&mut self, expected: &'static str) -> Result<(), Stop> {
        let count = self.rest_bytes().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { self.unexpected(expected) } else { Ok(()) }
    }

    fn literal(&mut self, word: &'static str) -> Result<(), Stop> {
        let same = self.rest_bytes().iter().zip(word.bytes()).take_while(|(a, b)| **a == *b);
        let length = same.count();
        self.at += length;
        if length == word.len() { Ok(()) } else { self.unexpected(word) }
    }

    fn punctuation(&mut self, byte: u8, expected: &'static str) -> Result<(), Stop> {
        if self.peek() != Some(byte) {
            return self.unexpected(expected);
        }
        self.at += 1;
        Ok(())
    }

    fn skip_white(&mut self) {
        let start = self.at;
        while let Some(byte) = self.peek().filter(|byte| is_white(*byte)) {
            self.found.has_line_break |= matches!(byte, b'\n' | b'\r');
            self.at += 1;
        }
        self.found.white_bytes += self.at - start;
    }

    /// Adds a key to its object's; false if the object already has it.
    fn insert_key(&mut self, keys: &mut Keys<'a>, key: Cow<'a, str>) -> bool {
        if !keys.set.is_empty() {
            return keys.set.insert(key);
        }
        let own = self.keys.get(keys.base..).unwrap_or_default();
        if own.len() >= KEYS_LINEAR_MAX {
            keys.set.extend(self.keys.drain(keys.base..));
            return keys.set.insert(key);
        }
        let is_new = !own.contains(&key);
        self.keys.push(key);
        is_new
    }

    fn note_root_field(&mut self, key: &str, value: Range<usize>) {
        match key {
            "actor" => self.found.actor = Some(value),
            "action" => self.found.action = Some(value),
            "id" => self.found.id = Some(value),
            _ => {}
        }
    }

    /// Notes the digests of a member `_sd`, whose key starts at `key_start`.
    fn sealed_members(&mut self, key_start: usize, value: &Range<usize>) {
        let raw = self.text.as_bytes().get(value.clone()).unwrap_or_default();
        if raw.first() != Some(&b'[') {
            let rule = "_sd must be an array of digests";
            return self.event_fault(EventFault::SealForm { rule }, value.start);
        }
        let own_step = self.path.pop();
        let object_path = self.path_text(usize::MAX);
        self.path.extend(own_step);
        let mut walk = Walk::inside(raw, b'[');
        let mut last = "";
        while let Some(element) = walk.element() {
            let range = value.start + element.start..value.start + element.end;
            let Some(digest) = self.digest(&range) else {
                let rule = "each digest in _sd must be 43 characters of base64url";
                return self.event_fault(EventFault::SealForm { rule }, range.start);
            };
            if digest == last {
                return self.event_fault(EventFault::RepeatedDigest, range.start);
            }
            if digest < last {
                let rule = "the digests in _sd must be sorted";
                return self.event_fault(EventFault::SealForm { rule }, range.start);
            }
            last = digest;
            self.found.digests.push(SealedDigest {
                digest,
                place: Place::Member,
                path: object_path.clone(),
                span: key_start..value.end,
            });
        }
    }

    /// Notes the digest of an object `{"...":d}` that starts at `start` and has just ended.
    fn sealed_element(&mut self, start: usize, value: &Range<usize>, is_alone: bool) {
        if !is_alone {
            let rule = "\"...\" must be the only key of an element of an array";
            return self.event_fault(EventFault::SealForm { rule }, start);
        }
        let Some(digest) = self.digest(value) else {
            let rule = "\"...\" must hold a digest, 43 characters of base64url";
            return self.event_fault(EventFault::SealForm { rule }, value.start);
        };
        let path = self.path_text(usize::MAX);
        let span = start..self.at;
        self.found.digests.push(SealedDigest { digest, place: Place::Element, path, span });
    }

    /// The digest that the value is, written without escapes.
    fn digest(&self, value: &Range<usize>) -> Option<&'a str> {
        let raw = self.text.get(value.clone())?;
        let digest = raw.strip_prefix('"')?.strip_suffix('"')?;
        let is_digest = digest.len() == DIGEST_CHARS
            && crate::encode::read_base64url(digest).is_some_and(|bytes| bytes.len() == 32);
        is_digest.then_some(digest)
    }

    /// Keeps the first fault that is not one of JSON.
    fn event_fault(&mut self, fault: EventFault, at: usize) {
        debug_assert_eq!(fault.kind(), EventErrorKind::BadEvent);
        if self.event_error.is_none() {
            let path = self.path_text(ERROR_PATH_BYTES_MAX);
            self.event_error = Some(EventError::new(self.text.as_bytes(), fault, path, at));
        }
    }

    /// The RFC 6901 pointer to the value at hand, cut where it gets longer than `max_bytes`.
    fn path_text(&self, max_bytes: usize) -> String {
        let mut path = String::new();
        for step in &self.path {
            match step {
                Step::Key(raw) => {
                    let raw = self.text.get(raw.clone()).unwrap_or_default();
                    push_token(&mut path, &unescape(raw).unwrap_or_default());
                }
                Step::Element(number) => push_token(&mut path, &number.to_string()),
            }
            if path.len() > max_bytes {
                path.truncate(path.floor_char_boundary(max_bytes));
                path.push('…');
                break;
            }
        }
        path
    }

    /// Checks that no digest stands twice, which only the whole event shows.
    fn finish(self) -> Result<Scan<'a>, EventError> {
        let mut seen = BTreeSet::new();
        let repeated = self.found.digests.iter().find(|sealed| !seen.insert(sealed.digest));
        match repeated {
            None => Ok(self.found),
            Some(sealed) => {
                let fault = EventFault::RepeatedDigest;
                let bytes = self.text.as_bytes();
                Err(EventError::new(bytes, fault, sealed.path.clone(), sealed.span.start))
            }
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn rest_bytes(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn stop<T>(&self, fault: EventFault) -> Result<T, Stop> {
        Err(Stop { fault, at: self.at })
    }

    /// The bytes end here, or the character here is not `expected`.
    fn unexpected<T>(&self, expected: &'static str) -> Result<T, Stop> {
        match self.rest().chars().next() {
            Some(found) => self.stop(EventFault::Unexpected { found, expected }),
            None => self.end_of(expected),
        }
    }

    /// The bytes end before `expected`.
    fn end_of<T>(&self, expected: &'static str) -> Result<T, Stop> {
        Err(Stop { fault: EventFault::UnexpectedEnd { expected }, at: self.text.len() })
    }
}

/// Whether what is left at the end could still become the second half of a surrogate pair.
fn is_low_escape_start(rest: &[u8]) -> bool {
    let (marker, digits) = rest.split_at_checked(2).unwrap_or((rest, &[]));
    b"\\u".starts_with(marker) && digits.iter().all(u8::is_ascii_hexdigit)
}

#[cfg(test)]
mod tests;
