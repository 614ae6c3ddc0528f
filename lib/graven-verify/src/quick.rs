//! A quick look at an event: says yes to the plain ones, and leaves every doubt to
//! [`check_event`](graven_entry::check_event).
//!
//! Verifying a log means looking at every event, and most are plain: no escaped keys, no sealed
//! values, little nesting. This pass accepts only what `check_event` accepts; where it can't be
//! sure it says nothing. It decides nothing by itself: a test holds the two together.

use graven_entry::limits::EVENT_BYTES_MAX;

/// Objects and arrays inside each other that are still plain.
const DEPTH_MAX: usize = 16;
/// Keys of all open objects together that are still plain.
const KEYS_MAX: usize = 32;

/// A plain event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct QuickEvent {
    /// Its bytes without the line feed behind it.
    pub(crate) event_bytes: usize,
    /// Whether its action is `graven.*`.
    pub(crate) is_reserved: bool,
}

/// The plain event at the beginning of `rest`, with a line feed behind it.
pub(crate) fn quick_event(rest: &[u8]) -> Option<QuickEvent> {
    let mut look = Look { keys: [&[]; KEYS_MAX], key_count: 0, action: None, has_actor: false };
    let after = look.object(rest, 1, Place::Root)?;
    let event_bytes = rest.len() - after.len();
    let event = rest.get(..event_bytes)?;
    if after.first() != Some(&b'\n') || event_bytes >= EVENT_BYTES_MAX || !look.has_actor {
        return None;
    }
    let is_reserved = look.action?;
    let is_text = event.is_ascii() || std::str::from_utf8(event).is_ok();
    is_text.then_some(QuickEvent { event_bytes, is_reserved })
}

/// Which object is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Actor,
    Other,
}

/// What was seen so far. Where the look is stands in no field: every function takes what is left
/// and gives what is left behind what it read, so that it stays in registers.
struct Look<'a> {
    /// The keys of all open objects.
    keys: [&'a [u8]; KEYS_MAX],
    key_count: usize,
    /// Whether the action is reserved, once it was read.
    action: Option<bool>,
    has_actor: bool,
}

impl<'a> Look<'a> {
    /// An object that is open at `depth`.
    fn object(&mut self, rest: &'a [u8], depth: usize, place: Place) -> Option<&'a [u8]> {
        let base = self.key_count;
        let mut rest = skip_blank(rest.strip_prefix(b"{")?);
        if let [b'}', after @ ..] = rest {
            return Some(after);
        }
        loop {
            let (key, after) = plain_string(rest)?;
            self.note_key(base, key)?;
            let after = skip_blank(skip_blank(after).strip_prefix(b":")?);
            match skip_blank(self.member(after, depth, place, key)?) {
                [b',', after @ ..] => rest = skip_blank(after),
                [b'}', after @ ..] => {
                    self.key_count = base;
                    return Some(after);
                }
                _ => return None,
            }
        }
    }

    /// The value of a member, by the rules for its place.
    fn member(
        &mut self,
        rest: &'a [u8],
        depth: usize,
        place: Place,
        key: &[u8],
    ) -> Option<&'a [u8]> {
        match (place, key) {
            (Place::Other, _) => self.value(rest, depth),
            (Place::Root, b"actor") => {
                self.has_actor = true;
                self.object(rest, depth + 1, Place::Actor)
            }
            (Place::Root, b"action") => {
                let (action, after) = plain_string(rest)?;
                self.action = Some(action.starts_with(b"graven."));
                (!action.is_empty()).then_some(after)
            }
            (Place::Root, b"id") | (Place::Actor, b"id" | b"type") => string(rest),
            _ => self.value(rest, depth),
        }
    }

    fn array(&mut self, rest: &'a [u8], depth: usize) -> Option<&'a [u8]> {
        let mut rest = skip_blank(rest.strip_prefix(b"[")?);
        if let [b']', after @ ..] = rest {
            return Some(after);
        }
        loop {
            match skip_blank(self.value(rest, depth)?) {
                [b',', after @ ..] => rest = skip_blank(after),
                [b']', after @ ..] => return Some(after),
                _ => return None,
            }
        }
    }

    /// A value inside of an object or array that is open at `depth`.
    fn value(&mut self, rest: &'a [u8], depth: usize) -> Option<&'a [u8]> {
        match rest.first()? {
            b'"' => string(rest),
            b'{' if depth < DEPTH_MAX => self.object(rest, depth + 1, Place::Other),
            b'[' if depth < DEPTH_MAX => self.array(rest, depth + 1),
            b'-' | b'0'..=b'9' => number(rest),
            b't' => rest.strip_prefix(b"true"),
            b'f' => rest.strip_prefix(b"false"),
            b'n' => rest.strip_prefix(b"null"),
            _ => None,
        }
    }

    /// Notes a key that its object, whose keys begin at `base`, does not have yet and that seals
    /// nothing.
    fn note_key(&mut self, base: usize, key: &'a [u8]) -> Option<()> {
        if matches!(key, b"_sd" | b"_sd_alg" | b"...") {
            return None;
        }
        let mut own = self.keys.get(base..self.key_count)?.iter();
        if own.any(|other| *other == key) {
            return None;
        }
        *self.keys.get_mut(self.key_count)? = key;
        self.key_count += 1;
        Some(())
    }
}

/// A string without escapes; gives its inside too.
#[inline]
fn plain_string(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    let inside = rest.strip_prefix(b"\"")?;
    let (text, after) = inside.split_at_checked(plain_run(inside))?;
    Some((text, after.strip_prefix(b"\"")?))
}

/// A string with no other escapes than those of one character.
#[inline]
fn string(rest: &[u8]) -> Option<&[u8]> {
    let mut rest = rest.strip_prefix(b"\"")?;
    loop {
        match rest.get(plain_run(rest)..)? {
            [b'"', after @ ..] => return Some(after),
            [b'\\', b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', after @ ..] => {
                rest = after;
            }
            _ => return None,
        }
    }
}

fn number(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b"-").unwrap_or(rest);
    // A digit behind the zero would be refused by the object or array.
    let mut rest = rest.strip_prefix(b"0").or_else(|| digits(rest))?;
    if let [b'.', after @ ..] = rest {
        rest = digits(after)?;
    }
    if let [b'e' | b'E', after @ ..] = rest {
        let after = match after {
            [b'+' | b'-', after @ ..] => after,
            _ => after,
        };
        rest = digits(after)?;
    }
    Some(rest)
}

/// One digit or more.
fn digits(rest: &[u8]) -> Option<&[u8]> {
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if count == 0 { None } else { rest.get(count..) }
}

/// Moves over spaces and tabs; line breaks are no part of a stored event.
#[inline]
fn skip_blank(rest: &[u8]) -> &[u8] {
    let mut rest = rest;
    while let [b' ' | b'\t', after @ ..] = rest {
        rest = after;
    }
    rest
}

/// A word with 1 in each byte.
const ONES: u64 = u64::MAX / 0xff;
/// A word with the top bit of each byte.
const TOPS: u64 = ONES << 7;

/// How many bytes at the start of `bytes` are neither a quote nor a backslash nor a control
/// character. Sixteen are looked at in one step, since most strings are shorter.
#[inline]
fn plain_run(bytes: &[u8]) -> usize {
    let mut run = 0;
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<16>() {
        // The first byte becomes the lowest, whatever the machine.
        let both = u128::from_be_bytes(*chunk).swap_bytes();
        let (low, high) = (special_bytes(both as u64), special_bytes((both >> 64) as u64));
        if low | high != 0 {
            let position = if low != 0 { low.trailing_zeros() } else { 64 + high.trailing_zeros() };
            return run + position as usize / 8;
        }
        run += chunk.len();
        rest = after;
    }
    let is_special = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    run + rest.iter().position(is_special).unwrap_or(rest.len())
}

/// Has the top bit of the first special byte set, and none below it. A byte that is subtracted
/// from borrows from those above it only, so what is wrong lies above.
#[inline]
fn special_bytes(word: u64) -> u64 {
    let quotes = word ^ (ONES * u64::from(b'"'));
    let backslashes = word ^ (ONES * u64::from(b'\\'));
    let special = (quotes.wrapping_sub(ONES) & !quotes)
        | (backslashes.wrapping_sub(ONES) & !backslashes)
        | (word.wrapping_sub(ONES * 0x20) & !word);
    special & TOPS
}

#[cfg(test)]
mod tests;
