//! Made entries and queries, from a seed.

use graven_entry::{AuthMethod, Clock, Grade, Header, Name, Time, build_entry};
use graven_merkle::{EMPTY_ROOT, LeafIndex};

pub(super) const ORIGIN: &str = "test.example/log";
pub(super) const START_NS: u64 = 1_790_000_000_000_000_000;

/// Numbers from a seed (SplitMix64).
pub(super) struct Random(pub(super) u64);

impl Random {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    pub(super) fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// The entry of an event.
pub(super) fn entry(index: u64, event: &str) -> Vec<u8> {
    let stream = !index.is_multiple_of(3);
    let header = Header {
        origin: Name::origin(ORIGIN).unwrap(),
        index: LeafIndex(index),
        time: Time::from_unix_ns(START_NS + index * 1_000_000_007).unwrap(),
        clock: Clock::Synced,
        error_ns: None,
        wall: None,
        prev: EMPTY_ROOT,
        nonce: [7; 16],
        writer: Name::new(["billing", "web", "cron"][(index % 3) as usize]).unwrap(),
        auth: AuthMethod::new("token").unwrap(),
        grade: if index.is_multiple_of(5) { Grade::Session } else { Grade::Asserted },
        stream: stream.then(|| Name::new("web/1").unwrap()),
        seq: stream.then_some(index / 2),
        altered: Vec::new(),
    };
    let mut bytes = Vec::new();
    build_entry(&mut bytes, &header, event.as_bytes(), None).unwrap();
    bytes
}

const USERS: [&str; 6] = ["alice", "Alice", "bob", "p_3kFq", "alice@example.com", "100"];
const ACTIONS: [&str; 5] =
    ["invoice.create", "invoice.update", "user.login", "user.delete", "invoice"];
const TYPES: [&str; 3] = ["invoice", "customer", "a b"];
const REASONS: [&str; 6] = [
    "customer called twice",
    "the invoice was wrong",
    "timeout",
    "called",
    "\u{dc}ber 42 invoices, wrong",
    "10.0.0.1",
];
const ADDRESSES: [&str; 6] =
    ["10.0.0.1", "10.2.3.4", "192.168.1.7", "2001:db8::1", "::ffff:10.0.0.1", "not an address"];
/// Some in the forms in which ids are random.
const TRACES: [&str; 11] = [
    "t0",
    "t3",
    "t8",
    "4bf92f3577b34da6a3ce929d0e0e4736",
    "4bf92f3577b34da6a3ce929d0e0e4737",
    "4bf92f3577b34da6",
    "4BF92F3577B34DA6",
    "4bf92f3577b34da",
    "0193b2c4-7a1b-7c3d-8e4f-5a6b7c8d9e0f",
    "0193b2c4-7a1b-7c3e-8e4f-5a6b7c8d9e0f",
    "0193b2c47a1b-7c3d-8e4f-5a6b7c8d9e0f-",
];
const NUMBERS: [&str; 10] =
    ["100", "100.0", "1e2", "-5", "0", "-0.0", "999.5", "9007199254740993", "\"100\"", "true"];

/// An event, of those that have everything in them that queries tell apart.
pub(super) fn event(random: &mut Random) -> String {
    let mut event = format!(
        r#"{{"actor":{{"type":"user","id":"{}"}},"action":"{}""#,
        random.pick(&USERS),
        random.pick(&ACTIONS)
    );
    let target = |random: &mut Random| {
        format!(r#"{{"type":"{}","id":"{}"}}"#, random.pick(&TYPES), random.below(4))
    };
    match random.below(5) {
        0 => event.push_str(&format!(r#","target":[{},{}]"#, target(random), target(random))),
        1 => event.push_str(r#","target":"customer/2""#),
        2 => event.push_str(r#","target":{"type":"invoice","id":3}"#),
        3 => event.push_str(&format!(r#","target":{}"#, target(random))),
        _ => {}
    }
    if random.below(3) > 0 {
        let ns = START_NS + random.below(100_000) as u64 * 1_000_000_000;
        event.push_str(&format!(r#","time":"{}""#, Time::from_unix_ns(ns).unwrap()));
    }
    if random.below(2) > 0 {
        let outcome = random.pick(&["success", "failure", "denied"]);
        event.push_str(&format!(r#","outcome":"{outcome}","reason":"{}""#, random.pick(&REASONS)));
    }
    if random.below(2) > 0 {
        let (before, after) = (random.pick(&NUMBERS), random.pick(&NUMBERS));
        event.push_str(&format!(
            r#","changes":{{"amount":{{"before":{before},"after":{after}}},"iban":{{"_sd":["X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"]}}}}"#
        ));
    }
    if random.below(2) > 0 {
        event.push_str(&format!(
            r#","context":{{"ip":"{}","trace_id":"{}"}}"#,
            random.pick(&ADDRESSES),
            random.pick(&TRACES)
        ));
    }
    if random.below(4) == 0 {
        let due = random.pick(&[
            "2026-09-21T14:00:00Z",
            "2026-09-21T16:00:00+02:00",
            "2027-01-01T00:00:00.5Z",
            "soon",
        ]);
        let long = "x".repeat(250 + random.below(20));
        event.push_str(&format!(
            r#","data":{{"due":"{due}","long":"{long}","list":[1,"two",[3]],"a b":null}}"#
        ));
    }
    event.push('}');
    event
}

/// A query's text; most have an answer among [`event`]s.
pub(super) fn query(random: &mut Random, depth: usize) -> String {
    match if depth == 0 { 0 } else { random.below(8) } {
        1 => format!("{} {}", query(random, depth - 1), query(random, depth - 1)),
        2 => format!("({} OR {})", query(random, depth - 1), query(random, depth - 1)),
        3 => format!("-({})", query(random, depth - 1)),
        4 => format!("{} AND NOT {}", query(random, depth - 1), query(random, depth - 1)),
        _ => term(random),
    }
}

/// Terms by kind; capitals stand for a user, a number and a long value.
const TERMS: [&[&str]; 23] = [
    &[
        "trace:TRACE",
        "TRACE",
        "trace:4bf92*",
        "trace:4bf92f3577b34da6a*",
        "trace:0193b2c4-7a1b-7c3*",
        "trace:0193b2c4-7a1b-7c3d-*",
        "trace:*6",
        "trace:?bf*7",
        "0193*",
    ],
    &["actor:USER", "actor:\"USER\""],
    &["action:invoice.*", "action:*.delete", "action:user.?????", "actor:?lice"],
    &[
        "target:invoice/3",
        "target:customer/1",
        "target:cust*/2",
        "target:a\\ b/0",
        "target:invoice/9",
    ],
    &["called", "\"customer called\"", "\"called customer\"", "invoi*", "\u{fc}ber", "wrong"],
    &["outcome:success", "outcome:failure", "outcome:Failure", "outcome:*"],
    &["changes.amount.after>0", "changes.amount.after>-1", "changes.amount.after>99.9"],
    &[
        "changes.amount.after>1e2",
        "changes.amount.after>9007199254740992",
        "changes.amount.after<0",
    ],
    &["changes.amount.before:100", "changes.amount.before:\"100\"", "changes.amount.before:0"],
    &["changes.amount.before:true", "changes.amount.before:1e2", "changes.amount.before:*"],
    &["changes.amount.before:9007199254740993", "changes.amount.before:9007199254740992"],
    &[
        "changes.amount.after:0..100",
        "changes.amount.after:{0 TO 100}",
        "changes.amount.after:[0 TO 100}",
    ],
    &["changes.amount.after:..5", "changes.amount.after:5..", "changes.amount.after:100..0"],
    &["ip:10.0.0.0/8", "ip:10.0.0.1", "ip:2001:db8::/32", "ip:::ffff:10.0.0.0/104", "ip:0.0.0.0/0"],
    &["ip:10.0.0.1..10.9.9.9", "ip:*", "ip>=10.1.0.0", "ip>=::", "ip<192.168.1.7"],
    &[
        "since:2026-09-21",
        "since:2026-09-22",
        "until:2026-09-21T15:30",
        "since:1h",
        "since:12h",
        "until:1d",
    ],
    &[
        "received:2026-09",
        "received:2026-09-21",
        "received:2026-09-21T14:20",
        "received:..2026-09-21T14:18:00.5Z",
    ],
    &["index:NUM", "index>NUM", "index<=NUM", "index>=NUM", "index:NUM..300", "index<NUM"],
    &["seq:NUM", "seq>NUM", "seq<=NUM", "seq:*"],
    &[
        "writer:billing",
        "writer:*b",
        "grade:session",
        "stream:web/1",
        "stream:*",
        "auth:token",
        "time:*",
    ],
    &[
        "data.due>2026-09-21T13:59",
        "data.due<2027-01-01",
        "data.due:*",
        "data.due:soon",
        "data.due:2026-09-21T14:00..2026-09-22",
    ],
    &[
        "data.list:1",
        "data.list:3",
        "data.list:two",
        "data.list>2",
        "\"data.a b\":null",
        "data.long:LONG",
    ],
    &[
        "*",
        "alice@example.com",
        "t3",
        "invoice.create",
        "nothing",
        "10.0.0.1",
        "100",
        "target:customer/2",
        "target.id:3",
        "target:3",
        "changes.iban:*",
        "changes.iban._sd:*",
    ],
];

fn term(random: &mut Random) -> String {
    let kind = TERMS[random.below(TERMS.len())];
    let text = random.pick(kind).replace("USER", random.pick(&USERS));
    let long = "x".repeat(250 + random.below(20));
    let text = text.replace("TRACE", random.pick(&TRACES));
    text.replace("NUM", &random.below(1_000).to_string()).replace("LONG", &long)
}
