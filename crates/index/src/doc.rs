//! What of an entry can be searched. The index and the evaluator both go through [`walk`], so they cannot differ in what
//! an entry says.

use std::borrow::Cow;
use std::net::IpAddr;

use graven_entry::{Entry, elements, members, string_value};

use crate::limits::{VALUE_BYTES_MAX, WALK_DEPTH_MAX};
use crate::query::moment;
use crate::whole::whole;
use crate::words::{cut, is_text, words};

/// A value of an event, or that there is one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fact<'a> {
    /// Something stands at this path.
    Exists,
    /// A string, cut to [`VALUE_BYTES_MAX`].
    Text(Cow<'a, str>),
    /// Free text, whole.
    Prose(&'a str),
    /// `true`, `false`, `null` or a number in its one spelling.
    Word(Cow<'a, str>),
    /// A number, for ranges.
    Number(f64),
    /// A string that is a time, in nanoseconds since 1970, for ranges.
    Moment(u64),
    /// A string that is an address, for ranges; version 4 as it is mapped into version 6.
    Address(u128),
}

/// Paths that stand for one place of an event each: of that place, policies speak.
pub(crate) const PLAIN_PATHS: [&str; 6] =
    ["action", "actor.id", "actor.type", "outcome", "target.id", "target.type"];

/// The path, of no event, of the names of what an entry is about: `type/id`, or what its target is without a type.
pub(crate) const NAME: &str = "\0name";

/// Paths whose strings are a target's names: as a whole, the id alone, and a number as one.
const TARGET_PATHS: [&str; 3] = [NAME, "target", "target.id"];

/// Where strings lie that a path of an event has.
pub(crate) fn texts_of<'a>(path: &'a &'a str) -> &'a [&'a str] {
    if *path == "target" { &TARGET_PATHS } else { std::slice::from_ref(path) }
}

/// The path, of no event, under which an entry says at which of [`PLAIN_PATHS`] it has strings from elsewhere: from a key with a
/// dot in it, from a list.
pub(crate) const UNPLAIN: &str = "\0unplain";

/// Calls `sink` with each fact of an event and its path. Digests of sealed values are none: they say nothing.
pub(crate) fn walk(event: &[u8], sink: &mut impl FnMut(&str, Fact<'_>)) {
    let mut path = String::new();
    let (mut there, mut in_place) = ([0_u32; 6], [0_u32; 6]);
    let mut counted = |path: &str, fact: Fact<'_>| {
        let is_text = matches!(fact, Fact::Text(_));
        let place = PLAIN_PATHS.iter().position(|plain| is_text && *plain == path);
        if let Some(place) = place {
            there[place] += 1;
        }
        sink(path, fact);
    };
    let all = &mut counted;
    for (key, raw) in members(event) {
        count_in_place(&key, raw, &mut in_place);
        path.clear();
        path.push_str(&key);
        // A field of its own, by which all entries can be compared.
        if key == "time" {
            continue;
        }
        match (&*key, raw.first()) {
            ("actor", Some(b'"')) => {
                all("actor", Fact::Exists);
                leaf("actor.id", raw, all);
            }
            ("target", Some(b'"')) => {
                target_name(raw, all);
                leaf("target", raw, all);
                leaf("target.id", raw, all);
            }
            ("target", Some(b'[')) => {
                elements(raw).for_each(|target| target_name(target, all));
                node(&mut path, raw, 1, all);
            }
            ("target", Some(b'{')) => {
                target_name(raw, all);
                node(&mut path, raw, 1, all);
            }
            _ => node(&mut path, raw, 1, all),
        }
    }
    for ((path, there), in_place) in PLAIN_PATHS.iter().zip(there).zip(in_place) {
        if there != in_place {
            sink(UNPLAIN, Fact::Text((*path).into()));
        }
    }
}

/// Counts the strings of a member of the event that stand in the places of [`PLAIN_PATHS`].
fn count_in_place(key: &str, raw: &[u8], count: &mut [u32; 6]) {
    let is_string = |raw: &[u8]| u32::from(raw.first() == Some(&b'"'));
    let mut id_and_type = |object: &[u8], id: usize| {
        for (key, raw) in members(object) {
            match &*key {
                "id" => count[id] += is_string(raw),
                "type" => count[id + 1] += is_string(raw),
                _ => {}
            }
        }
    };
    match key {
        "action" => count[0] += is_string(raw),
        "actor" => id_and_type(raw, 1),
        "outcome" => count[3] += is_string(raw),
        "target" => {
            id_and_type(raw, 4);
            elements(raw).for_each(|target| id_and_type(target, 4));
        }
        _ => {}
    }
}

/// The name of a target. Its id, if it is a string, is found at its own path; as a number it stands at that of the target.
fn target_name(target: &[u8], sink: &mut impl FnMut(&str, Fact<'_>)) {
    let name = match string_value(target) {
        Some(name) => name,
        None => match kind_and_id(target) {
            None => return,
            Some((None, id)) => id,
            Some((Some(kind), id)) => {
                if members(target).any(|(key, raw)| key == "id" && number(raw).is_some()) {
                    sink("target", Fact::Text(cut(&id, VALUE_BYTES_MAX).into()));
                }
                format!("{kind}/{id}").into()
            }
        },
    };
    let key = whole(&name);
    if *key != *name {
        sink(NAME, Fact::Text(cut(&name, VALUE_BYTES_MAX).into()));
    }
    sink(NAME, Fact::Text(key));
}

/// Type, if it has one, and id of a target that is an object.
pub(crate) fn kind_and_id(target: &[u8]) -> Option<(Option<Cow<'_, str>>, Cow<'_, str>)> {
    let (mut kind, mut id) = (None, None);
    for (key, raw) in members(target) {
        match &*key {
            "type" => kind = string_value(raw),
            "id" => {
                id = string_value(raw).or_else(|| number(raw).map(|text| canonical(text).into()));
            }
            _ => {}
        }
    }
    Some((kind, id?))
}

fn node(path: &mut String, raw: &[u8], depth: usize, sink: &mut impl FnMut(&str, Fact<'_>)) {
    if depth > WALK_DEPTH_MAX {
        return;
    }
    match raw.first() {
        Some(b'{') => {
            sink(path, Fact::Exists);
            let above = path.len();
            for (key, value) in members(raw).filter(|(key, _)| *key != "_sd" && *key != "...") {
                path.push('.');
                path.push_str(&key);
                node(path, value, depth + 1, sink);
                path.truncate(above);
            }
        }
        Some(b'[') => {
            sink(path, Fact::Exists);
            elements(raw).for_each(|value| node(path, value, depth + 1, sink));
        }
        _ => leaf(path, raw, sink),
    }
}

fn leaf(path: &str, raw: &[u8], sink: &mut impl FnMut(&str, Fact<'_>)) {
    sink(path, Fact::Exists);
    let Some(text) = string_value(raw) else { return word(path, raw, sink) };
    if let Some(address) = address(&text) {
        sink(path, Fact::Address(address));
    } else if let Some(ns) = moment_of(&text) {
        sink(path, Fact::Moment(ns));
    } else if is_text(path, &text) {
        sink(path, Fact::Prose(&text));
    }
    sink(path, Fact::Text(cut(&text, VALUE_BYTES_MAX).into()));
}

fn word(path: &str, raw: &[u8], sink: &mut impl FnMut(&str, Fact<'_>)) {
    match (number(raw), raw) {
        (Some(text), _) => {
            if let Some(value) = value_of(text) {
                sink(path, Fact::Number(value));
            }
            sink(path, Fact::Word(canonical(text).into()));
        }
        (None, b"true") => sink(path, Fact::Word("true".into())),
        (None, b"false") => sink(path, Fact::Word("false".into())),
        (None, b"null") => sink(path, Fact::Word("null".into())),
        _ => {}
    }
}

fn number(raw: &[u8]) -> Option<&str> {
    std::str::from_utf8(raw).ok().filter(|text| is_number(text))
}

/// Whether this is a number as JSON writes it.
pub(crate) fn is_number(text: &str) -> bool {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let rest = text.strip_prefix('-').unwrap_or(text);
    let whole = digits(rest);
    if whole == 0 || whole > 1 && rest.starts_with('0') {
        return false;
    }
    let mut rest = &rest[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    let Some(exponent) = rest.strip_prefix(['e', 'E']) else { return rest.is_empty() };
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    !exponent.is_empty() && digits(exponent) == exponent.len()
}

/// A number's value; there is only one zero.
pub(crate) fn value_of(text: &str) -> Option<f64> {
    text.parse::<f64>().ok().filter(|value| !value.is_nan()).map(|value| value + 0.0)
}

/// The one spelling of a number: of an integer its digits, however it was written up to 2^53.
pub(crate) fn canonical(text: &str) -> String {
    /// Beyond, not every integer is a double.
    const EXACT_MAX: f64 = 9_007_199_254_740_992.0;
    if let Ok(integer) = text.parse::<i128>() {
        return integer.to_string();
    }
    match value_of(text) {
        Some(value) if value.fract() == 0.0 && value.abs() < EXACT_MAX => format!("{value:.0}"),
        Some(value) => format!("{value:?}"),
        None => text.to_owned(),
    }
}

/// The address that a string is.
pub(crate) fn address(text: &str) -> Option<u128> {
    const ADDRESS_BYTES_MAX: usize = 45;
    let may_be = text.len() <= ADDRESS_BYTES_MAX
        && text.bytes().all(|b| b.is_ascii_hexdigit() || b == b'.' || b == b':')
        && text.contains(['.', ':']);
    may_be.then(|| text.parse().ok())?.map(address_number)
}

/// An address as a number of 128 bits, version 4 mapped into version 6.
pub(crate) fn address_number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    }
}

fn moment_of(text: &str) -> Option<u64> {
    let may_be = (20..=40).contains(&text.len()) && text.as_bytes().get(4) == Some(&b'-');
    may_be.then(|| moment::rfc3339_ns(text))?
}

/// When an event says that it happened, if it says so in a way that can be read.
pub(crate) fn own_time_ns(event: &[u8]) -> Option<u64> {
    let (_, raw) = members(event).find(|(key, _)| key == "time")?;
    moment::rfc3339_ns(&string_value(raw)?)
}

/// An entry as a query sees it: made once, asked often.
#[derive(Clone, Debug)]
pub struct Doc {
    pub(crate) index: u64,
    pub(crate) time_ns: u64,
    pub(crate) received_ns: u64,
    pub(crate) seq: Option<u64>,
    pub(crate) writer: String,
    pub(crate) auth: String,
    pub(crate) grade: &'static str,
    pub(crate) stream: Option<String>,
    pub(crate) facts: Vec<(String, Fact<'static>)>,
    /// The words of each piece of free text.
    pub(crate) prose: Vec<Vec<String>>,
}

impl Doc {
    /// What of an entry can be searched.
    pub fn new(entry: &Entry<'_>) -> Doc {
        let header = &entry.header;
        let received_ns = header.time.unix_ns();
        let mut doc = Doc {
            index: header.index.0,
            time_ns: own_time_ns(entry.event).unwrap_or(received_ns),
            received_ns,
            seq: header.seq,
            writer: header.writer.to_string(),
            auth: header.auth.to_string(),
            grade: grade_name(header.grade),
            stream: header.stream.as_ref().map(ToString::to_string),
            facts: Vec::new(),
            prose: Vec::new(),
        };
        let (facts, prose) = (&mut doc.facts, &mut doc.prose);
        walk(entry.event, &mut |path, fact| match owned(fact) {
            Ok(fact) => facts.push((path.to_owned(), fact)),
            Err(text) => prose.push(words(text).map(Cow::into_owned).collect()),
        });
        doc
    }
}

/// A fact that outlives the entry, or the free text that it is.
fn owned(fact: Fact<'_>) -> Result<Fact<'static>, &str> {
    Ok(match fact {
        Fact::Prose(text) => return Err(text),
        Fact::Text(text) => Fact::Text(text.into_owned().into()),
        Fact::Word(text) => Fact::Word(text.into_owned().into()),
        Fact::Exists => Fact::Exists,
        Fact::Number(value) => Fact::Number(value),
        Fact::Moment(ns) => Fact::Moment(ns),
        Fact::Address(address) => Fact::Address(address),
    })
}

/// A grade as headers write it.
pub(crate) fn grade_name(grade: graven_entry::Grade) -> &'static str {
    use graven_entry::Grade;
    match grade {
        Grade::Signed => "signed",
        Grade::Asserted => "asserted",
        Grade::Session => "session",
        Grade::Imported => "imported",
        Grade::Unknown => "unknown",
    }
}
