//! The headers of one run, read one after the other.
//!
//! Neighbouring headers are alike: the same origin, the next index, one of a few writers. What was
//! once read by [`Header::parse`](graven_entry::Header::parse) is recognised by its bytes the next
//! time, and only what changes is read: index, time, `prev`, `nonce`, `seq`. Since a header has
//! one encoding and its parts do not depend on each other, what is recognised is what would be
//! read; a test holds the two together.

use std::collections::BTreeMap;

use graven_entry::limits::{HEADER_BYTES_MAX, INTEGER_MAX};
use graven_entry::{Header, Name, TIME_BYTES, Time, prev_and_nonce_spans};
use graven_merkle::{Hash, LeafIndex};

use crate::fault::Fault;
use crate::form::{HeaderFacts, is_signed, read_header};

/// Different ends of headers that are remembered.
const TAILS_MAX: usize = 16;
/// Characters of a hash in base64.
const HASH_CHARS: usize = 44;
/// Characters of a nonce in base64.
const NONCE_CHARS: usize = 24;
/// Characters of a time up to its seconds, `2026-11-20T22:55:`.
const MINUTE_CHARS: usize = 17;
/// Nanoseconds of a second.
const NANOS_PER_S: u64 = 1_000_000_000;
/// Digits of the largest integer of a header.
const INTEGER_DIGITS_MAX: usize = 16;

/// Reads the headers of one run of entries of one log, one after the other: what was read once is
/// recognised by its bytes the next time.
pub struct Headers<'a> {
    origin: &'a Name,
    /// Everything before the index.
    start: Vec<u8>,
    tails: Vec<Tail>,
    /// The tail to forget next.
    oldest: usize,
    minute: Option<Minute>,
    streams: Streams,
}

/// The end of a header, from the quote behind the nonce on.
struct Tail {
    /// All of it, or where there is a stream all before the `seq`.
    before_seq: Vec<u8>,
    /// What stands behind the `seq`.
    after_seq: Vec<u8>,
    stream: Option<u32>,
    is_own: bool,
    is_signed: bool,
}

/// A minute that was read before: neighbouring entries mostly lie in one.
#[derive(Clone, Copy)]
struct Minute {
    /// Its text, up to the colon before the seconds.
    text: [u8; MINUTE_CHARS],
    /// When it begins.
    unix_ns: u64,
}

/// The streams of a run, each with a slot.
#[derive(Default)]
struct Streams {
    names: Vec<Name>,
    slots: BTreeMap<Name, u32>,
}

impl<'a> Headers<'a> {
    /// Begins a run of the log of this origin.
    pub fn new(origin: &'a Name) -> Headers<'a> {
        let start = format!("{{\"graven\":\"entry/v1\",\"origin\":\"{origin}\",\"index\":");
        Headers {
            origin,
            start: start.into_bytes(),
            tails: Vec::new(),
            oldest: 0,
            minute: None,
            streams: Streams::default(),
        }
    }

    /// The facts of the header of the entry at `index`, with the length of its line in bytes. The
    /// header is canonical, of this log and states this index, or that is the fault.
    pub fn read(&mut self, index: LeafIndex, entry: &[u8]) -> Result<(HeaderFacts, usize), Fault> {
        if let Some(known) = self.recognise(index, entry) {
            return Ok(known);
        }
        let (header, length) = read_header(self.origin, index, entry)?;
        let slot = header.stream.as_ref().map(|stream| self.streams.slot(stream));
        let facts = HeaderFacts {
            time: header.time,
            prev: header.prev,
            is_own: header.auth.is_log(),
            is_signed: is_signed(&header),
            stream: slot.zip(header.seq),
        };
        self.remember(entry.get(..length).unwrap_or_default(), &header, slot);
        Ok((facts, length))
    }

    /// The names of all slots.
    pub(crate) fn into_streams(self) -> Vec<Name> {
        self.streams.names
    }

    fn recognise(&mut self, index: LeafIndex, entry: &[u8]) -> Option<(HeaderFacts, usize)> {
        let rest = entry.strip_prefix(self.start.as_slice())?;
        let (stated, rest) = take_integer(rest)?;
        let rest = rest.strip_prefix(b",\"time\":\"")?;
        let (time, rest) = rest.split_first_chunk::<TIME_BYTES>()?;
        let rest = take_clock(rest)?.strip_prefix(b",\"prev\":\"")?;
        let (prev, rest) = rest.split_first_chunk::<HASH_CHARS>()?;
        let rest = rest.strip_prefix(b"\",\"nonce\":\"")?;
        let (nonce, rest) = rest.split_first_chunk::<NONCE_CHARS>()?;
        let (tail, seq, rest) = self.tails.iter().find_map(|tail| tail.recognise(rest))?;
        let length = entry.len() - rest.len();
        if stated != index.0 || !is_nonce(nonce) || length > HEADER_BYTES_MAX {
            return None;
        }
        let (stream, is_own, is_signed) = (tail.stream.zip(seq), tail.is_own, tail.is_signed);
        let time = Minute::read(&mut self.minute, time)?;
        let prev = Hash::from_text(prev).ok()?;
        Some((HeaderFacts { time, prev, is_own, is_signed, stream }, length))
    }

    /// Remembers the end of a header that was read.
    fn remember(&mut self, line: &[u8], header: &Header, stream: Option<u32>) {
        let Ok((_, nonce)) = prev_and_nonce_spans(line) else { return };
        let Some(tail) = line.get(nonce.end..) else { return };
        let (before_seq, after_seq) = match header.seq {
            Some(_) => match split_at_seq(tail) {
                Some(split) => split,
                None => return,
            },
            None => (tail, [].as_slice()),
        };
        let (before_seq, after_seq) = (before_seq.to_vec(), after_seq.to_vec());
        let (is_own, is_signed) = (header.auth.is_log(), is_signed(header));
        let tail = Tail { before_seq, after_seq, stream, is_own, is_signed };
        match self.tails.get_mut(self.oldest) {
            Some(place) => *place = tail,
            None => self.tails.push(tail),
        }
        self.oldest = (self.oldest + 1) % TAILS_MAX;
    }
}

impl Tail {
    /// This tail at the beginning of `rest`; gives the `seq` and what follows.
    fn recognise<'t, 'r>(&'t self, rest: &'r [u8]) -> Option<(&'t Tail, Option<u64>, &'r [u8])> {
        let rest = rest.strip_prefix(self.before_seq.as_slice())?;
        if self.stream.is_none() {
            return Some((self, None, rest));
        }
        let (seq, rest) = take_integer(rest)?;
        Some((self, Some(seq), rest.strip_prefix(self.after_seq.as_slice())?))
    }
}

impl Minute {
    /// A time, by the minute that is remembered; remembers another one.
    fn read(known: &mut Option<Minute>, text: &[u8; TIME_BYTES]) -> Option<Time> {
        let (minute, rest) = text.split_first_chunk::<MINUTE_CHARS>()?;
        if let Some(known) = known.filter(|known| known.text == *minute) {
            return Time::from_unix_ns(known.unix_ns + ns_of_minute(rest)?).ok();
        }
        let time = std::str::from_utf8(text).ok()?.parse().ok()?;
        *known = Minute::of(time);
        Some(time)
    }

    fn of(time: Time) -> Option<Minute> {
        let bytes = time.to_bytes();
        let (text, rest) = bytes.split_first_chunk::<MINUTE_CHARS>()?;
        let unix_ns = time.unix_ns().checked_sub(ns_of_minute(rest)?)?;
        Some(Minute { text: *text, unix_ns })
    }
}

impl Streams {
    fn slot(&mut self, name: &Name) -> u32 {
        if let Some(slot) = self.slots.get(name) {
            return *slot;
        }
        // A run has at most RUN_ENTRIES_MAX streams.
        let slot = self.names.len() as u32;
        self.names.push(name.clone());
        self.slots.insert(name.clone(), slot);
        slot
    }
}

/// Takes the clock's two most usual forms off `rest`: not held, with or without a bound on the
/// error.
fn take_clock(rest: &[u8]) -> Option<&[u8]> {
    let rest = rest.strip_prefix(b"\",\"clock\":\"")?;
    let rest = rest.strip_prefix(b"un").unwrap_or(rest).strip_prefix(b"synced\"")?;
    match rest.strip_prefix(b",\"error_ns\":") {
        Some(rest) => Some(take_integer(rest)?.1),
        None => Some(rest),
    }
}

/// Takes a canonical integer of a header off `rest`.
fn take_integer(rest: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    let mut digits = 0;
    for byte in rest.iter().take(INTEGER_DIGITS_MAX + 1) {
        if !byte.is_ascii_digit() {
            break;
        }
        value = value * 10 + u64::from(byte - b'0');
        digits += 1;
    }
    let is_canonical = digits == 1 || (digits > 1 && rest.first() != Some(&b'0'));
    if !is_canonical || value > INTEGER_MAX {
        return None;
    }
    Some((value, rest.get(digits..)?))
}

/// The nanoseconds that `55.123456789Z` stands for.
fn ns_of_minute(text: &[u8]) -> Option<u64> {
    let (seconds, rest) = text.split_first_chunk::<2>()?;
    let nanos = rest.strip_prefix(b".")?.strip_suffix(b"Z")?.first_chunk::<9>()?;
    let seconds = read_digits(seconds).filter(|seconds| *seconds < 60)?;
    Some(seconds * NANOS_PER_S + read_digits(nanos)?)
}

/// The number that a few digits write.
fn read_digits(digits: &[u8]) -> Option<u64> {
    let mut value = 0;
    let mut is_number = true;
    for digit in digits {
        is_number &= digit.is_ascii_digit();
        value = value * 10 + u64::from(digit.wrapping_sub(b'0'));
    }
    is_number.then_some(value)
}

/// Whether these are 16 bytes in canonical base64.
fn is_nonce(text: &[u8; NONCE_CHARS]) -> bool {
    let Some((body, [last, b'=', b'='])) = text.split_last_chunk::<3>() else { return false };
    // All bytes are looked at, whatever the first says: so they are looked at together.
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    // Only the upper two bits of the last character are a nonce's.
    body.iter().fold(matches!(last, b'A' | b'Q' | b'g' | b'w'), |good, byte| good & is_base64(byte))
}

/// A tail before and behind its `seq`. Quotes stand in no name, so the key is found only where it
/// is one.
fn split_at_seq(tail: &[u8]) -> Option<(&[u8], &[u8])> {
    const KEY: &[u8] = b",\"seq\":";
    let start = tail.windows(KEY.len()).position(|window| window == KEY)? + KEY.len();
    let (before, rest) = tail.split_at_checked(start)?;
    Some((before, take_integer(rest)?.1))
}

#[cfg(test)]
mod tests;
