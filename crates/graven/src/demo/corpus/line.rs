//! One event as one line of JSON, written straight into its string. Objects are opened and closed
//! by closures, so what comes out is balanced by construction.

use super::calendar::{Zone, civil};
use super::company::{Person, Stream};
use super::prng::mix;

const HEX: &[u8; 16] = b"0123456789abcdef";
/// Most events fit in it, so that a line is allocated once.
const LINE_BYTES_USUAL: usize = 640;

#[derive(Clone, Copy)]
pub(super) enum Outcome {
    Success,
    Failure,
    Denied,
    Unknown,
}

/// An address from the documentation or private ranges.
#[derive(Clone, Copy)]
pub(super) enum Ip {
    V4([u8; 4]),
    /// The last two groups under 2001:db8::/32.
    V6(u16, u16),
}

/// Where a request came from.
#[derive(Clone, Copy)]
pub(super) struct Client {
    pub(super) ip: Ip,
    pub(super) user_agent: &'static str,
}

/// A W3C trace id; spans are derived from it and the time.
#[derive(Clone, Copy)]
pub(super) struct Trace(pub(super) u64, pub(super) u64);

/// What can stand behind a key.
#[derive(Clone, Copy)]
pub(super) enum Value<'a> {
    Null,
    Flag(bool),
    Number(u64),
    /// A decimal number of hundredths.
    Cents(u64),
    /// Number text that is written as it stands.
    Raw(&'static str),
    Text(&'a str),
    /// Text: a prefix and a number.
    Code(&'a str, u64),
    /// Text: a prefix and sixteen hexadecimal digits.
    Hex(&'a str, u64),
    /// Text: a prefix and thirty-two hexadecimal digits.
    LongHex(&'a str, u64, u64),
    /// Text: an image reference, `name:1.minor.patch`.
    Image(&'a str, u64, u64),
    Iban(u64),
    Ip(Ip),
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::Text(text)
    }
}

impl From<u64> for Value<'_> {
    fn from(number: u64) -> Self {
        Value::Number(number)
    }
}

impl From<bool> for Value<'_> {
    fn from(flag: bool) -> Self {
        Value::Flag(flag)
    }
}

impl<'a> From<(&'a str, u64)> for Value<'a> {
    fn from((prefix, number): (&'a str, u64)) -> Self {
        Value::Code(prefix, number)
    }
}

/// An event under construction.
pub(super) struct Line {
    pub(super) at_ns: u64,
    pub(super) stream: &'static str,
    json: String,
}

impl Line {
    /// Begins with `id`, a UUIDv7 of the time and `random`, and `time`, local where a zone is
    /// given.
    pub(super) fn new(
        stream: &Stream,
        at_ns: u64,
        zone: Option<&Zone>,
        random: (u64, u64),
    ) -> Self {
        let mut json = String::with_capacity(LINE_BYTES_USUAL);
        json.push_str("{\"id\":\"");
        push_uuid(&mut json, at_ns / 1_000_000, random);
        json.push_str("\",\"time\":\"");
        push_time(&mut json, at_ns, stream.digits, zone);
        json.push('"');
        Self { at_ns, stream: stream.name, json }
    }

    pub(super) fn finish(mut self) -> String {
        self.json.push('}');
        self.json
    }

    pub(super) fn field<'v>(mut self, key: &str, value: impl Into<Value<'v>>) -> Self {
        self.push_key(key);
        push_value(&mut self.json, value.into());
        self
    }

    pub(super) fn object(mut self, key: &str, inside: impl FnOnce(Self) -> Self) -> Self {
        self.push_key(key);
        self.enclose('{', inside, '}')
    }

    pub(super) fn list(mut self, key: &str, inside: impl FnOnce(Self) -> Self) -> Self {
        self.push_key(key);
        self.enclose('[', inside, ']')
    }

    /// One object of a list.
    pub(super) fn item(mut self, inside: impl FnOnce(Self) -> Self) -> Self {
        self.push_comma();
        self.enclose('{', inside, '}')
    }

    /// One plain value of a list.
    pub(super) fn element<'v>(mut self, value: impl Into<Value<'v>>) -> Self {
        self.push_comma();
        push_value(&mut self.json, value.into());
        self
    }

    pub(super) fn person(self, who: &Person, session: u64) -> Self {
        self.object("actor", |actor| {
            actor
                .field("type", "user")
                .field("id", who.handle)
                .field("name", who.name)
                .field("session", Value::Hex("s_", session))
        })
    }

    pub(super) fn customer(self, customer: u64, session: u64) -> Self {
        self.object("actor", |actor| {
            actor
                .field("type", "user")
                .field("id", Value::Hex("c_", customer))
                .field("session", Value::Hex("web_", session))
        })
    }

    pub(super) fn service(self, name: &str) -> Self {
        self.object("actor", |actor| actor.field("type", "service").field("id", name))
    }

    pub(super) fn system(self, name: &str) -> Self {
        self.object("actor", |actor| actor.field("type", "system").field("id", name))
    }

    pub(super) fn agent(self, name: &str, run: u64, person: &Person) -> Self {
        self.object("actor", |actor| {
            actor
                .field("type", "agent")
                .field("id", name)
                .field("session", Value::Hex("run_", run))
                .field("on_behalf_of", person.handle)
        })
    }

    pub(super) fn action(self, action: &str) -> Self {
        self.field("action", action)
    }

    pub(super) fn target<'v>(self, kind: &str, id: impl Into<Value<'v>>) -> Self {
        self.object("target", |target| target.field("type", kind).field("id", id))
    }

    pub(super) fn named<'v>(self, kind: &str, id: impl Into<Value<'v>>, name: &str) -> Self {
        self.object("target", |target| {
            target.field("type", kind).field("id", id).field("name", name)
        })
    }

    pub(super) fn outcome(self, outcome: Outcome) -> Self {
        let text = match outcome {
            Outcome::Success => "success",
            Outcome::Failure => "failure",
            Outcome::Denied => "denied",
            Outcome::Unknown => "unknown",
        };
        self.field("outcome", text)
    }

    pub(super) fn reason(self, reason: &str) -> Self {
        self.field("reason", reason)
    }

    pub(super) fn changes(self, inside: impl FnOnce(Self) -> Self) -> Self {
        self.object("changes", inside)
    }

    /// One changed field, inside [`Self::changes`].
    pub(super) fn change<'b, 'a>(
        self,
        field: &str,
        before: impl Into<Value<'b>>,
        after: impl Into<Value<'a>>,
    ) -> Self {
        self.object(field, |pair| pair.field("before", before).field("after", after))
    }

    pub(super) fn context(self, trace: Trace, client: Client) -> Self {
        self.object("context", |context| {
            context
                .trace(trace)
                .field("ip", Value::Ip(client.ip))
                .field("user_agent", client.user_agent)
        })
    }

    /// The context of a call between services: no user agent, but the address of the caller.
    pub(super) fn internal(self, trace: Trace, ip: Ip) -> Self {
        self.object("context", |context| context.trace(trace).field("ip", Value::Ip(ip)))
    }

    pub(super) fn trace(self, trace: Trace) -> Self {
        let span = mix(trace.1 ^ self.at_ns);
        self.field("trace_id", Value::LongHex("", trace.0, trace.1))
            .field("span_id", Value::Hex("", span))
    }

    pub(super) fn data(self, inside: impl FnOnce(Self) -> Self) -> Self {
        self.object("data", inside)
    }

    fn enclose(mut self, open: char, inside: impl FnOnce(Self) -> Self, close: char) -> Self {
        self.json.push(open);
        let mut line = inside(self);
        line.json.push(close);
        line
    }

    fn push_key(&mut self, key: &str) {
        self.push_comma();
        push_text(&mut self.json, key);
        self.json.push(':');
    }

    /// A value is preceded by a comma unless it is the first of its object or list; no text can end
    /// in a bracket here, for its last byte is a quote.
    fn push_comma(&mut self) {
        if !matches!(self.json.as_bytes().last(), Some(b'{' | b'[')) {
            self.json.push(',');
        }
    }
}

fn push_value(out: &mut String, value: Value<'_>) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Flag(flag) => out.push_str(if flag { "true" } else { "false" }),
        Value::Number(number) => push_number(out, number),
        Value::Cents(cents) => {
            push_number(out, cents / 100);
            out.push('.');
            push_padded(out, cents % 100, 2);
        }
        Value::Raw(number) => out.push_str(number),
        Value::Text(text) => push_text(out, text),
        other => {
            out.push('"');
            push_composed(out, other);
            out.push('"');
        }
    }
}

/// Text that is made of parts, none of which needs escaping.
fn push_composed(out: &mut String, value: Value<'_>) {
    match value {
        Value::Code(prefix, number) => {
            out.push_str(prefix);
            push_number(out, number);
        }
        Value::Hex(prefix, word) => {
            out.push_str(prefix);
            push_hex(out, word, 16);
        }
        Value::LongHex(prefix, high, low) => {
            out.push_str(prefix);
            push_hex(out, high, 16);
            push_hex(out, low, 16);
        }
        Value::Image(name, minor, patch) => {
            out.push_str(name);
            out.push_str(":1.");
            push_number(out, minor);
            out.push('.');
            push_number(out, patch);
        }
        Value::Iban(account) => push_iban(out, account),
        Value::Ip(ip) => push_ip(out, ip),
        Value::Null
        | Value::Flag(_)
        | Value::Number(_)
        | Value::Cents(_)
        | Value::Raw(_)
        | Value::Text(_) => {}
    }
}

/// `XX` is no country's code, so no such account exists.
fn push_iban(out: &mut String, account: u64) {
    out.push_str("XX");
    push_padded(out, account % 97, 2);
    push_padded(out, mix(account) % 10_000_000_000_000_000, 16);
}

fn push_ip(out: &mut String, ip: Ip) {
    match ip {
        Ip::V4(octets) => {
            for (position, octet) in octets.into_iter().enumerate() {
                if position > 0 {
                    out.push('.');
                }
                push_number(out, u64::from(octet));
            }
        }
        Ip::V6(net, host) => {
            out.push_str("2001:db8:");
            // The leading one keeps groups free of leading zeros, as RFC 5952 wants them.
            push_hex(out, u64::from(net) | 0x1000, 4);
            out.push_str("::");
            push_hex(out, u64::from(host) | 0x1000, 4);
        }
    }
}

fn push_text(out: &mut String, text: &str) {
    out.push('"');
    let mut plain_from = 0;
    for (position, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain_from..position]);
        plain_from = position + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\t' => out.push_str("\\t"),
            control => {
                out.push_str("\\u");
                push_hex(out, u64::from(control), 4);
            }
        }
    }
    out.push_str(&text[plain_from..]);
    out.push('"');
}

fn push_number(out: &mut String, number: u64) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    let mut rest = number;
    loop {
        first -= 1;
        digits[first] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    out.extend(digits[first..].iter().map(|digit| char::from(*digit)));
}

fn push_padded(out: &mut String, number: u64, width: u32) {
    for place in (0..width).rev() {
        out.push(char::from(b'0' + (number / 10_u64.pow(place) % 10) as u8));
    }
}

fn push_hex(out: &mut String, word: u64, digits: u32) {
    for place in (0..digits).rev() {
        out.push(char::from(HEX[(word >> (4 * place)) as usize & 15]));
    }
}

/// RFC 9562 version 7: 48 bits of milliseconds, version, 12 random bits, variant, 62 random bits.
fn push_uuid(out: &mut String, unix_ms: u64, random: (u64, u64)) {
    push_hex(out, unix_ms >> 16, 8);
    out.push('-');
    push_hex(out, unix_ms, 4);
    out.push_str("-7");
    push_hex(out, random.0, 3);
    out.push('-');
    push_hex(out, (random.1 >> 48) & 0x3fff | 0x8000, 4);
    out.push('-');
    push_hex(out, random.1, 12);
}

fn push_time(out: &mut String, at_ns: u64, digits: usize, zone: Option<&Zone>) {
    let offset_s = zone.map_or(0, |zone| zone.offset_minutes * 60);
    let seconds = (at_ns / 1_000_000_000).cast_signed() + offset_s;
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400).cast_unsigned();
    push_padded(out, year.cast_unsigned(), 4);
    out.push('-');
    push_padded(out, u64::from(month), 2);
    out.push('-');
    push_padded(out, u64::from(day), 2);
    out.push('T');
    push_padded(out, of_day / 3_600, 2);
    out.push(':');
    push_padded(out, of_day / 60 % 60, 2);
    out.push(':');
    push_padded(out, of_day % 60, 2);
    let fraction_ns = at_ns % 1_000_000_000;
    match digits {
        0 => {}
        3 => {
            out.push('.');
            push_padded(out, fraction_ns / 1_000_000, 3);
        }
        6 => {
            out.push('.');
            push_padded(out, fraction_ns / 1_000, 6);
        }
        _ => {
            out.push('.');
            push_padded(out, fraction_ns, 9);
        }
    }
    out.push_str(zone.map_or("Z", |zone| zone.offset));
}
