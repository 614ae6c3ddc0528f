//! What a search shows within policies is what the policies show: made events, made policies.

use access::{EventAbout, Policies, Policy, PrincipalId, Right, Role, Slice};
use graven_entry::{AuthMethod, Clock, Entry, Grade, Header, Name, Time, build_entry};
use graven_merkle::{EMPTY_ROOT, LeafIndex};
use index::Doc;
use index::query::{Ast, matches};

use super::scope;

/// Numbers in an order that a seed decides (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }

    fn of<'a>(&mut self, all: &[&'a str]) -> &'a str {
        all[self.below(all.len())]
    }
}

const TEXTS: [&str; 8] = ["a", "ab", "abc", "b", "a.b", "\u{fc}", "x y", "a/b"];
const FIELDS: [&str; 4] = ["action", "actor", "actor_type", "outcome"];
const PATHS: [&str; 6] =
    ["action", "actor.id", "actor.type", "outcome", "target.id", "target.type"];
const SETS: [&str; 2] = ["targets", "target_types"];

/// A condition that an index can answer.
fn condition(random: &mut Random, depth: usize) -> String {
    if depth > 0 && random.below(2) == 0 {
        let (one, two) = (condition(random, depth - 1), condition(random, depth - 1));
        return match random.below(3) {
            0 => format!("({one} && {two})"),
            1 => format!("({one} || {two})"),
            _ => format!("!({one})"),
        };
    }
    let (field, set) = (random.of(&FIELDS), random.of(&SETS));
    let (one, two) = (random.of(&TEXTS), random.of(&TEXTS));
    match random.below(10) {
        0 => format!("context.event.{field} == \"{one}\""),
        1 => format!("\"{one}\" != context.event.{field}"),
        2 => format!("context.event.{field} like \"{one}*\""),
        3 => format!("context.event.{field} like \"{one}\""),
        4 => format!("[\"{one}\", \"{two}\"].contains(context.event.{field})"),
        5 => format!("context.event.{set}.contains(\"{one}\")"),
        6 => format!("context.event.{set}.containsAny([\"{one}\", \"{two}\"])"),
        7 => format!("context.event.{set}.containsAll([\"{one}\", \"{two}\"])"),
        8 => format!("principal in Role::\"{}\"", random.of(&["reader", "owner"])),
        _ => format!("resource == Log::\"{}\"", random.of(&["main", "other"])),
    }
}

/// An event, most of the time such as producers send.
fn event(random: &mut Random) -> String {
    let text = |random: &mut Random| match random.below(12) {
        0 => "\"\"".to_owned(),
        1 => "7".to_owned(),
        2 => "null".to_owned(),
        3 => format!("[\"{}\",\"{}\"]", random.of(&TEXTS), random.of(&TEXTS)),
        4 => format!("{{\"id\":\"{0}\",\"type\":\"{0}\"}}", random.of(&TEXTS)),
        _ => format!("\"{}\"", random.of(&TEXTS)),
    };
    let string = |random: &mut Random| format!("\"{}\"", random.of(&TEXTS));
    let target = |random: &mut Random| match random.below(6) {
        0 => text(random),
        1 => format!("{{\"id\":{}}}", text(random)),
        _ => format!("{{\"type\":{},\"id\":{}}}", text(random), text(random)),
    };
    let mut actor = Vec::new();
    for name in ["id", "type"] {
        if random.below(4) > 0 {
            actor.push(format!("\"{name}\":{}", string(random)));
        }
    }
    let mut members = vec![
        format!("\"actor\":{{{}}}", actor.join(",")),
        format!("\"action\":{}", string(random)),
    ];
    match random.below(4) {
        0 => {}
        1 => members.push(format!("\"target\":[{},{}]", target(random), target(random))),
        _ => members.push(format!("\"target\":{}", target(random))),
    }
    if random.below(3) > 0 {
        members.push(format!("\"outcome\":{}", text(random)));
    }
    if random.below(5) == 0 {
        let key = random.of(&["actor.id", "actor.type", "target.id", "target.type"]);
        members.push(format!("\"{key}\":{}", text(random)));
    }
    let at = random.below(members.len());
    members.rotate_left(at);
    format!("{{{}}}", members.join(","))
}

fn doc(event: &str) -> Doc {
    let header = Header {
        origin: Name::origin("acme.example/prod").unwrap(),
        index: LeafIndex(0),
        time: Time::from_unix_ns(1).unwrap(),
        clock: Clock::Synced,
        error_ns: None,
        wall: None,
        prev: EMPTY_ROOT,
        nonce: [7; 16],
        writer: Name::new("w").unwrap(),
        auth: AuthMethod::new("token").unwrap(),
        grade: Grade::Asserted,
        stream: None,
        seq: None,
        altered: Vec::new(),
    };
    let mut entry = Vec::new();
    build_entry(&mut entry, &header, event.as_bytes(), None).unwrap();
    Doc::new(&Entry::parse(&entry).unwrap())
}

/// What these policies say of a reader's reading of `main`.
fn slice(texts: &[String]) -> Slice {
    let (mut policies, admin) = (Policies::default(), PrincipalId::admin());
    for (number, text) in texts.iter().enumerate() {
        let policy = Policy::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        let event = policies.plan(&admin, &format!("p{number}"), Some(&policy)).unwrap();
        policies.apply(&event).unwrap();
    }
    let reader = PrincipalId::new("rita").unwrap();
    policies.slice(&reader, Right::ReadEntries, Some("main"), || [Role::Reader].into())
}

fn forbid(clauses: &str) -> String {
    format!("forbid(principal, action == Action::\"read_entries\", resource) {clauses};")
}

#[test]
fn a_scope_shows_what_policies_show() {
    let (mut shown, mut hidden, mut left_out) = (0, 0, 0);
    for seed in 0..400 {
        let mut random = Random(seed);
        let clause = |random: &mut Random| {
            let kind = random.of(&["when", "unless"]);
            format!("{kind} {{ {} }}", condition(random, 2))
        };
        let count = 1 + random.below(2);
        let texts: Vec<String> = (0..count)
            .map(|_| forbid(&format!("{} {}", clause(&mut random), clause(&mut random))))
            .collect();
        let slice = slice(&texts);
        let scope = scope(&slice.hidden().unwrap_or_else(|| panic!("seed {seed}: {texts:?}")));
        for _ in 0..60 {
            let event = event(&mut random);
            let about = EventAbout::of(event.as_bytes()).unwrap_or_else(|| panic!("{event}"));
            let doc = doc(&event);
            let is_shown = matches(&doc, &scope, 0);
            let (allowed, told) =
                (slice.allows(&about), format!("seed {seed}: {event} by {texts:?}"));
            assert!(allowed || !is_shown, "shown, and hidden: {told}");
            let is_plain = PATHS.iter().all(|path| !matches(&doc, &Ast::unplain(path), 0));
            assert!(!allowed || is_shown || !is_plain, "hidden, and shown: {told}");
            match (is_shown, allowed) {
                (true, _) => shown += 1,
                (false, true) => left_out += 1,
                (false, false) => hidden += 1,
            }
        }
    }
    assert!(shown > 2_000 && hidden > 2_000, "{shown} shown, {hidden} hidden");
    assert!(left_out < shown / 2, "{left_out} left out, {shown} shown");
}

/// What is not the same for an index as for an event is not asked of an index.
#[test]
fn a_condition_that_an_index_cannot_answer_has_no_scope() {
    let long = format!("context.event.action == \"{}\"", "x".repeat(256));
    for condition in [
        "context.event.action like \"*x\"",
        "context.event.action like \"a*x\"",
        "context.event.action like \"*\"",
        "context.event.actor == \"\"",
        "context.event.targets.contains(\"\")",
        "context.event.targets.isEmpty()",
        "context.event.targets == [\"a\"]",
        "context.event.action == context.event.actor",
        "context.event has action",
        "if context.event.action == \"a\" then true else false",
        &long,
    ] {
        let alone = slice(&[forbid(&format!("when {{ {condition} }}"))]);
        assert!(alone.hidden().is_none(), "{condition}");
        let within = format!("when {{ context.event.action == \"a\" || !({condition}) }}");
        assert!(
            slice(&[forbid("when { context.event.action == \"a\" }"), forbid(&within)])
                .hidden()
                .is_none()
        );
    }
    let whole = slice(&[forbid("")]).hidden().unwrap();
    assert!(!matches(&doc(r#"{"actor":{},"action":"a"}"#), &scope(&whole), 0));
    let free = slice(&[]).hidden().unwrap();
    assert!(matches(&doc(r#"{"actor":{},"action":"a"}"#), &scope(&free), 0));
}
