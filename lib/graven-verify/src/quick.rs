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
const KEYS_MAX: usize = 64;

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
    let mut look = Look {
        bytes: rest,
        at: 0,
        keys: [(0, 0); KEYS_MAX],
        key_count: 0,
        action: None,
        has_actor: false,
    };
    look.object(1, Place::Root)?;
    let event_bytes = look.at;
    let event = rest.get(..event_bytes)?;
    if rest.get(event_bytes) != Some(&b'\n') || event_bytes >= EVENT_BYTES_MAX || !look.has_actor {
        return None;
    }
    let is_reserved = look.action?;
    std::str::from_utf8(event).ok()?;
    Some(QuickEvent { event_bytes, is_reserved })
}

/// Which object is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Root,
    Actor,
    Other,
}

struct Look<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Start and end of the keys of all open objects; an event is shorter than 64 KiB.
    keys: [(u16, u16); KEYS_MAX],
    key_count: usize,
    /// Whether the action is reserved, once it was read.
    action: Option<bool>,
    has_actor: bool,
}

impl Look<'_> {
    /// An object that is open at `depth`.
    fn object(&mut self, depth: usize, place: Place) -> Option<()> {
        self.take(b'{')?;
        let base = self.key_count;
        self.skip_blank();
        if self.peek()? == b'}' {
            self.at += 1;
            return Some(());
        }
        loop {
            let key = self.key(base)?;
            self.skip_blank();
            self.take(b':')?;
            self.skip_blank();
            self.member(depth, place, key)?;
            self.skip_blank();
            match self.peek()? {
                b',' => self.at += 1,
                b'}' => break,
                _ => return None,
            }
            self.skip_blank();
        }
        self.at += 1;
        self.key_count = base;
        Some(())
    }

    /// The value of a member, by the rules for its place.
    #[inline]
    fn member(&mut self, depth: usize, place: Place, (start, end): (usize, usize)) -> Option<()> {
        match (place, self.bytes.get(start..end)?) {
            (Place::Other, _) => self.value(depth),
            (Place::Root, b"actor") => {
                self.has_actor = true;
                self.object(depth + 1, Place::Actor)
            }
            (Place::Root, b"action") => {
                let (start, end) = self.plain_string()?;
                let action = self.bytes.get(start..end).filter(|action| !action.is_empty())?;
                self.action = Some(action.starts_with(b"graven."));
                Some(())
            }
            (Place::Root, b"id") | (Place::Actor, b"id" | b"type") => self.string(),
            _ => self.value(depth),
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.take(b'[')?;
        self.skip_blank();
        if self.peek()? == b']' {
            self.at += 1;
            return Some(());
        }
        loop {
            self.value(depth)?;
            self.skip_blank();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => break,
                _ => return None,
            }
            self.skip_blank();
        }
        self.at += 1;
        Some(())
    }

    /// A value inside of an object or array that is open at `depth`.
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' if depth < DEPTH_MAX => self.object(depth + 1, Place::Other),
            b'[' if depth < DEPTH_MAX => self.array(depth + 1),
            b'-' | b'0'..=b'9' => self.number(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            b'n' => self.word(b"null"),
            _ => None,
        }
    }

    /// A key that its object, whose keys begin at `base`, does not have yet and that seals nothing.
    #[inline]
    fn key(&mut self, base: usize) -> Option<(usize, usize)> {
        let (start, end) = self.plain_string()?;
        let key = self.bytes.get(start..end)?;
        if matches!(key, b"_sd" | b"_sd_alg" | b"...") {
            return None;
        }
        for (other_start, other_end) in self.keys.get(base..self.key_count)? {
            let other = usize::from(*other_start)..usize::from(*other_end);
            if other.len() == key.len() && self.bytes.get(other)? == key {
                return None;
            }
        }
        *self.keys.get_mut(self.key_count)? = (start.try_into().ok()?, end.try_into().ok()?);
        self.key_count += 1;
        Some((start, end))
    }

    /// A string without escapes; gives where its inside starts and ends.
    #[inline]
    fn plain_string(&mut self) -> Option<(usize, usize)> {
        self.take(b'"')?;
        let start = self.at;
        let end = start + plain_run(self.bytes.get(start..)?);
        self.at = end;
        self.take(b'"')?;
        Some((start, end))
    }

    /// A string with no other escapes than those of one character.
    #[inline]
    fn string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            self.at += plain_run(self.bytes.get(self.at..)?);
            match self.peek()? {
                b'"' => break,
                b'\\' => match self.bytes.get(self.at + 1)? {
                    b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 2,
                    _ => return None,
                },
                _ => return None,
            }
        }
        self.at += 1;
        Some(())
    }

    fn number(&mut self) -> Option<()> {
        if self.peek()? == b'-' {
            self.at += 1;
        }
        match self.peek()? {
            b'0' => self.at += 1,
            b'1'..=b'9' => self.digits()?,
            _ => return None,
        }
        if self.peek()? == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek()?, b'e' | b'E') {
            self.at += 1;
            if matches!(self.peek()?, b'+' | b'-') {
                self.at += 1;
            }
            self.digits()?;
        }
        // A digit here would follow a leading zero; the object or array refuses it.
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let rest = self.bytes.get(self.at..)?;
        let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        (count > 0).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let is_here = self.bytes.get(self.at..)?.starts_with(word);
        self.at += word.len();
        is_here.then_some(())
    }

    /// Moves over spaces and tabs; line breaks are no part of a stored event.
    #[inline]
    fn skip_blank(&mut self) {
        while matches!(self.bytes.get(self.at), Some(b' ' | b'\t')) {
            self.at += 1;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    #[inline]
    fn take(&mut self, byte: u8) -> Option<()> {
        let is_here = self.peek()? == byte;
        self.at += 1;
        is_here.then_some(())
    }
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
