//! Reading JSON that is known to be valid, value by value, without building anything; and the
//! little writing that goes with it.
//!
//! Values are handed around raw: as the slice of the bytes in which they are written, so numbers
//! keep their text. Bytes that are not valid JSON give `None` or fewer members, never a panic;
//! what is valid is for [`check_event`](crate::check_event) to say.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::ops::Range;

/// The members of an object in the order written: unescaped key, raw value.
#[derive(Clone, Debug)]
pub struct Members<'a> {
    walk: Walk<'a>,
}

/// The elements of an array in the order written, raw.
#[derive(Clone, Debug)]
pub struct Elements<'a> {
    walk: Walk<'a>,
}

/// The members of the object `raw`; none if it is not an object.
pub fn members(raw: &[u8]) -> Members<'_> {
    Members { walk: Walk::inside(raw, b'{') }
}

/// The elements of the array `raw`; none if it is not an array.
pub fn elements(raw: &[u8]) -> Elements<'_> {
    Elements { walk: Walk::inside(raw, b'[') }
}

/// The raw value at an RFC 6901 pointer in the object or array `bytes`: `""` for the whole,
/// `/actor/id` for a member's member, `/list/0` for an element.
pub fn pointer<'a>(bytes: &'a [u8], pointer: &str) -> Option<&'a [u8]> {
    bytes.get(pointer_range(bytes, pointer)?)
}

/// Where the value at an RFC 6901 pointer stands in the object or array `bytes`.
pub(crate) fn pointer_range(bytes: &[u8], pointer: &str) -> Option<Range<usize>> {
    range_from(bytes, 0, pointer)
}

/// Where the value at an RFC 6901 pointer stands that begins at the value at `start`.
pub(crate) fn range_from(bytes: &[u8], start: usize, pointer: &str) -> Option<Range<usize>> {
    let mut start = skip_white(bytes, start);
    if !pointer.is_empty() {
        // Where what stands around the value ends need not be known.
        for token in pointer.strip_prefix('/')?.split('/') {
            start = inner_start(bytes, start, token)?;
        }
    }
    Some(start..skip_value(bytes, start)?)
}

/// Where the member or element that a pointer's token names starts, in the object or array that
/// starts at `start`.
fn inner_start(bytes: &[u8], start: usize, token: &str) -> Option<usize> {
    if bytes.get(start) == Some(&b'{') {
        return member_start(bytes, start + 1, &unescape_token(token)?);
    }
    let mut walk = Walk::inside(bytes.get(start..)?, b'[');
    let element = std::iter::from_fn(|| walk.element()).nth(element_number(token)?);
    element.map(|element| start + element.start)
}

/// Where the value of the member of this name starts, among the members from `at` on.
fn member_start(bytes: &[u8], mut at: usize, name: &str) -> Option<usize> {
    loop {
        let key_start = skip_white(bytes, at);
        let key_end = skip_string(bytes, key_start)?;
        let colon = skip_white(bytes, key_end);
        if bytes.get(colon) != Some(&b':') {
            return None;
        }
        let value = skip_white(bytes, colon + 1);
        if is_written(bytes.get(key_start..key_end)?, name) {
            return Some(value);
        }
        let after = skip_white(bytes, skip_value(bytes, value)?);
        if bytes.get(after) != Some(&b',') {
            return None;
        }
        at = after + 1;
    }
}

/// Whether the raw string writes this text.
pub(crate) fn is_written(raw: &[u8], text: &str) -> bool {
    let [b'"', inside @ .., b'"'] = raw else { return false };
    // An escape is longer than what it writes.
    match inside.len().cmp(&text.len()) {
        Ordering::Less => false,
        Ordering::Equal => inside == text.as_bytes() && !inside.contains(&b'\\'),
        Ordering::Greater => {
            inside.contains(&b'\\') && string_value(raw).is_some_and(|t| t == text)
        }
    }
}

/// The text of the raw value if it is a string.
pub fn string_value(raw: &[u8]) -> Option<Cow<'_, str>> {
    let inside = raw.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    unescape(std::str::from_utf8(inside).ok()?)
}

/// The event without the space, tab, CR and LF outside its strings. Strings and numbers stay as
/// they are written, so nothing that was said changes.
pub fn compact(event: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(event.len());
    let mut at = 0;
    while let Some(&byte) = event.get(at) {
        let end = if byte == b'"' { skip_string(event, at).unwrap_or(event.len()) } else { at + 1 };
        if !is_white(byte) {
            out.extend_from_slice(event.get(at..end).unwrap_or_default());
        }
        at = end;
    }
    out
}

/// Appends `text` as a JSON string: `"` and `\` escaped, control characters as `\b \f \n \r \t` or
/// `\u00xx`, everything else as it is.
///
/// A text with U+0000 gives a string that no event may hold.
pub fn write_json_string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let mut rest = text.as_bytes();
    loop {
        let (plain, after) = rest.split_at_checked(plain_run(rest)).unwrap_or((rest, &[]));
        out.extend_from_slice(plain);
        let Some((&byte, after)) = after.split_first() else { break };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control => {
                out.extend_from_slice(b"\\u00");
                out.extend([control >> 4, control & 0x0f].map(hex_digit));
            }
        }
        rest = after;
    }
    out.push(b'"');
}

impl<'a> Iterator for Members<'a> {
    type Item = (Cow<'a, str>, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (key, value) = self.walk.member()?;
        Some((key, self.walk.bytes.get(value)?))
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<Self::Item> {
        let value = self.walk.element()?;
        self.walk.bytes.get(value)
    }
}

/// A place between the values of one object or array.
#[derive(Clone, Debug)]
pub(crate) struct Walk<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Walk<'a> {
    /// Behind the bracket that opens `raw`; at its end if it does not begin with `open`.
    pub(crate) fn inside(raw: &'a [u8], open: u8) -> Self {
        let start = skip_white(raw, 0);
        let at = if raw.get(start) == Some(&open) { start + 1 } else { raw.len() };
        Self { bytes: raw, at }
    }

    /// The next member's unescaped key and the range of its value.
    pub(crate) fn member(&mut self) -> Option<(Cow<'a, str>, Range<usize>)> {
        let (key, _, value) = self.member_span()?;
        Some((key, value))
    }

    /// The next member's unescaped key, the range from its key to its value's end, and that of its
    /// value.
    pub(crate) fn member_span(&mut self) -> Option<(Cow<'a, str>, Range<usize>, Range<usize>)> {
        let (key, value) = self.raw_member()?;
        let text = string_value(self.bytes.get(key.clone())?)?;
        Some((text, key.start..value.end, value))
    }

    /// The ranges of the next member's key, quotes included, and of its value.
    pub(crate) fn raw_member(&mut self) -> Option<(Range<usize>, Range<usize>)> {
        let key_start = skip_white(self.bytes, self.at);
        let key_end = skip_string(self.bytes, key_start)?;
        let colon = skip_white(self.bytes, key_end);
        if self.bytes.get(colon) != Some(&b':') {
            return None;
        }
        let value = self.value(skip_white(self.bytes, colon + 1))?;
        Some((key_start..key_end, value))
    }

    /// The range of the next element.
    pub(crate) fn element(&mut self) -> Option<Range<usize>> {
        let start = skip_white(self.bytes, self.at);
        if self.bytes.get(start) == Some(&b']') {
            return None;
        }
        self.value(start)
    }

    /// The range of the value at `start`; moves behind it and behind a comma after it.
    fn value(&mut self, start: usize) -> Option<Range<usize>> {
        let end = skip_value(self.bytes, start)?;
        let after = skip_white(self.bytes, end);
        self.at = if self.bytes.get(after) == Some(&b',') { after + 1 } else { self.bytes.len() };
        Some(start..end)
    }
}

/// Whether JSON takes this byte for white space.
#[inline]
pub(crate) fn is_white(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Where the white space that starts at `at` ends.
#[inline]
pub(crate) fn skip_white(bytes: &[u8], mut at: usize) -> usize {
    // Nearly everywhere there is none.
    while bytes.get(at).is_some_and(|byte| *byte <= b' ' && is_white(*byte)) {
        at += 1;
    }
    at
}

/// A word with 1 in each byte: a byte times this stands in all eight.
const ONES: u64 = 0x0101_0101_0101_0101;

/// The top bit of every byte of `word` that is zero, and no other bit.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    const LOW_BITS: u64 = 0x7f * ONES;
    !(((word & LOW_BITS) + LOW_BITS) | word | LOW_BITS)
}

/// Where the first `byte` of `bytes` is, looked for eight at a time.
pub(crate) fn find_byte(bytes: &[u8], byte: u8) -> Option<usize> {
    let mut skipped = 0;
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        let found = zero_bytes(u64::from_be_bytes(*chunk) ^ (u64::from(byte) * ONES));
        if found != 0 {
            return Some(skipped + (found.leading_zeros() / 8) as usize);
        }
        skipped += chunk.len();
        rest = after;
    }
    rest.iter().position(|other| *other == byte).map(|position| skipped + position)
}

/// How many bytes at the start of `bytes` a string may hold as they are: no quote, no backslash,
/// no control character.
///
/// Eight bytes at a time; the tests for zero bytes carry nothing from one byte into the next, so
/// the first bit found is exact.
#[inline]
pub(crate) fn plain_run(bytes: &[u8]) -> usize {
    let mut run = 0;
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        let word = u64::from_be_bytes(*chunk);
        let quotes = zero_bytes(word ^ (u64::from(b'"') * ONES));
        let backslashes = zero_bytes(word ^ (u64::from(b'\\') * ONES));
        let controls = zero_bytes(word & (0xe0 * ONES));
        let found = quotes | backslashes | controls;
        if found != 0 {
            return run + (found.leading_zeros() / 8) as usize;
        }
        run += chunk.len();
        rest = after;
    }
    let is_plain = |byte: &&u8| **byte >= 0x20 && **byte != b'"' && **byte != b'\\';
    run + rest.iter().take_while(is_plain).count()
}

/// The text that the inside of a string writes; `None` where an escape is not valid.
pub(crate) fn unescape(inside: &str) -> Option<Cow<'_, str>> {
    // Most have none, and bytes are searched faster than characters.
    if !inside.as_bytes().contains(&b'\\') {
        return Some(Cow::Borrowed(inside));
    }
    let (plain, mut rest) = inside.split_once('\\')?;
    let mut text = String::with_capacity(inside.len());
    text.push_str(plain);
    loop {
        let mut chars = rest.chars();
        match chars.next()? {
            plain @ ('"' | '\\' | '/') => text.push(plain),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'n' => text.push('\n'),
            'r' => text.push('\r'),
            't' => text.push('\t'),
            'u' => {
                let (character, after) = unescape_unicode(chars.as_str())?;
                text.push(character);
                chars = after.chars();
            }
            _ => return None,
        }
        let Some((plain, after)) = chars.as_str().split_once('\\') else {
            text.push_str(chars.as_str());
            return Some(Cow::Owned(text));
        };
        text.push_str(plain);
        rest = after;
    }
}

/// The four hexadecimal digits at the start of `bytes`.
pub(crate) fn hex4(bytes: &[u8]) -> Option<u32> {
    bytes.first_chunk::<4>()?.iter().try_fold(0, |sum, digit| {
        let value = char::from(*digit).to_digit(16)?;
        Some(sum * 16 + value)
    })
}

/// The character of an escape behind its `\u`, and what follows it.
fn unescape_unicode(rest: &str) -> Option<(char, &str)> {
    let unit = hex4(rest.as_bytes())?;
    let after = rest.get(4..)?;
    if !(0xd800..0xdc00).contains(&unit) {
        return Some((char::from_u32(unit)?, after));
    }
    let low = after.strip_prefix("\\u")?;
    let low_unit = hex4(low.as_bytes()).filter(|low| (0xdc00..0xe000).contains(low))?;
    let code = 0x1_0000 + ((unit - 0xd800) << 10) + (low_unit - 0xdc00);
    Some((char::from_u32(code)?, low.get(4..)?))
}

/// Where the value that starts at `start` ends.
fn skip_value(bytes: &[u8], start: usize) -> Option<usize> {
    match bytes.get(start)? {
        b'"' => skip_string(bytes, start),
        b'{' | b'[' => skip_container(bytes, start),
        _ => {
            let rest = bytes.get(start..)?;
            let is_inside = |byte: &&u8| !is_white(**byte) && !matches!(**byte, b',' | b']' | b'}');
            let length = rest.iter().take_while(is_inside).count();
            (length > 0).then_some(start + length)
        }
    }
}

fn skip_container(bytes: &[u8], start: usize) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = start;
    loop {
        match bytes.get(at)? {
            b'"' => {
                at = skip_string(bytes, at)?;
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Where the string whose opening quote is at `start` ends, its closing quote included.
#[inline]
fn skip_string(bytes: &[u8], start: usize) -> Option<usize> {
    let [b'"', inside @ ..] = bytes.get(start..)? else { return None };
    // Most are short: the first word tells.
    if let Some(chunk) = inside.first_chunk::<8>() {
        let found = marks(u64::from_be_bytes(*chunk).swap_bytes());
        let before = (found.trailing_zeros() / 8) as usize;
        if chunk.get(before) == Some(&b'"') {
            return Some(start + 1 + before + 1);
        }
    }
    skip_long_string(bytes, start + 1)
}

/// Where the string ends whose inside starts at `at`.
#[inline(never)]
fn skip_long_string(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        at += before_mark(bytes.get(at..)?);
        match bytes.get(at)? {
            b'"' => return Some(at + 1),
            _ => at += 2,
        }
    }
}

/// The top bit of the first byte of a little-endian word that is a quote or a backslash, and
/// perhaps bits above it; zero where there is none.
///
/// Below the first zero byte of a word the short test for one finds nothing, so the lowest bit
/// found is exact.
#[inline]
fn marks(word: u64) -> u64 {
    let quotes = word ^ (u64::from(b'"') * ONES);
    let backslashes = word ^ (u64::from(b'\\') * ONES);
    let zero = |word: u64| word.wrapping_sub(ONES) & !word;
    (zero(quotes) | zero(backslashes)) & (0x80 * ONES)
}

/// How many bytes stand before the first quote or backslash, looked for eight at a time.
#[inline]
fn before_mark(bytes: &[u8]) -> usize {
    let mut run = 0;
    let mut rest = bytes;
    while let Some((chunk, after)) = rest.split_first_chunk::<8>() {
        let found = marks(u64::from_be_bytes(*chunk).swap_bytes());
        if found != 0 {
            return run + (found.trailing_zeros() / 8) as usize;
        }
        run += chunk.len();
        rest = after;
    }
    run + rest.iter().take_while(|byte| !matches!(**byte, b'"' | b'\\')).count()
}

/// The number of an element that a pointer's token names: no sign, no leading zero.
pub(crate) fn element_number(token: &str) -> Option<usize> {
    let number = crate::encode::read_decimal(token.as_bytes())?;
    usize::try_from(number).ok()
}

/// Undoes `~1` and `~0`, the escapes of RFC 6901.
pub(crate) fn unescape_token(token: &str) -> Option<Cow<'_, str>> {
    // Tokens are short: a search that begins by aligning itself would take longer.
    if token.bytes().all(|byte| byte != b'~') {
        return Some(Cow::Borrowed(token));
    }
    let mut text = String::with_capacity(token.len());
    let mut chars = token.chars();
    while let Some(character) = chars.next() {
        match character {
            '~' => text.push(match chars.next()? {
                '0' => '~',
                '1' => '/',
                _ => return None,
            }),
            plain => text.push(plain),
        }
    }
    Some(Cow::Owned(text))
}

/// Appends `/` and `key` to an RFC 6901 pointer, with its escapes.
pub fn push_token(path: &mut String, key: &str) {
    path.push('/');
    if !key.contains(['~', '/']) {
        return path.push_str(key);
    }
    for character in key.chars() {
        match character {
            '~' => path.push_str("~0"),
            '/' => path.push_str("~1"),
            plain => path.push(plain),
        }
    }
}

fn hex_digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'a' + value - 10 }
}

#[cfg(test)]
mod tests;
