//! The audit scope: how much of which events a log takes, by a policy of its own that has versions.
//!
//! Pure: [`AuditPolicy::judge`] says what becomes of an event and by which rule; the server's intake does it, and
//! `graven access explain` shows it. [`Scopes`] holds every log's policy, as the entries of `system` say.

mod events;
mod rules;
mod scopes;

use graven_entry::{
    Disclosure, SealError, ToSeal, check_event, disclosure_digest, elements, members, pointer,
    push_token, seal_event, string_value,
};

pub(crate) use events::POLICY;
pub use rules::{AuditPolicy, AuditPolicyError, Level};
pub use scopes::{ScopeError, Scoped, Scopes};

/// Members of an event that the level `metadata` keeps: who did what to what, when, and how it ended.
const METADATA: [&str; 8] =
    ["id", "time", "actor", "action", "target", "outcome", "reason", "context"];

/// The member that holds the digests of an object's sealed members (RFC 9901 §4.2.4.1).
const SEALED_MEMBERS: &str = "_sd";
/// The one member of what stands for a sealed element of an array (RFC 9901 §4.2.4.2).
const SEALED_ELEMENT: &str = "...";

/// What an audit policy makes of one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How much of it is taken.
    pub level: Level,
    /// The rule that said so, counted from 0; without one no rule was for it, and it is taken whole.
    pub rule: Option<usize>,
    /// The name of that rule, or `rule <number>`; `default` without one.
    pub rule_name: String,
    /// RFC 6901 paths of fields that its action has to carry and that are not there.
    pub missing: Vec<String>,
    /// RFC 6901 paths of values that are dropped, none inside another.
    pub dropped: Vec<String>,
    /// RFC 6901 paths of sealed values that are dropped, or of which a part is: what opens them is not kept.
    pub undisclosed: Vec<String>,
}

/// A sealed value that comes with an event.
#[derive(Clone, Copy, Debug)]
pub struct Disclosed<'a> {
    /// RFC 6901 path in the opened event.
    pub path: &'a str,
    /// Its disclosure, in the encoded form.
    pub encoded: &'a str,
}

/// What the rules look at in an event.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventAbout {
    /// `action`.
    pub action: String,
    /// `actor.type`, empty where there is none.
    pub actor_type: String,
    /// `actor.id`, empty where there is none.
    pub actor: String,
    /// `type` and `id` of each target, either empty where there is none.
    pub targets: Vec<(String, String)>,
    /// `outcome`, empty where there is none.
    pub outcome: String,
}

impl EventAbout {
    /// What an event says of itself; `None` where it is none that a log would take.
    pub fn of(event: &[u8]) -> Option<EventAbout> {
        let facts = check_event(event).ok()?;
        let event = event.get(facts.range.clone())?;
        let target = pointer(event, "/target").unwrap_or_default();
        let about = |raw: &[u8]| (text(raw, "/type"), text(raw, "/id"));
        let targets = match target.first() {
            Some(b'[') => elements(target).map(about).collect(),
            Some(b'{') => vec![about(target)],
            _ => Vec::new(),
        };
        Some(EventAbout {
            actor_type: facts.actor_type.unwrap_or_default().into_owned(),
            actor: facts.actor_id.unwrap_or_default().into_owned(),
            action: facts.action.into_owned(),
            targets,
            outcome: text(event, "/outcome"),
        })
    }
}

impl AuditPolicy {
    /// What becomes of an event that is well-formed, and of the sealed values that come with it.
    pub fn judge(&self, event: &[u8], about: &EventAbout, disclosed: &[Disclosed<'_>]) -> Verdict {
        let found = self.rules.iter().enumerate().find(|(_, rule)| rule.is_for(about));
        let (number, rule) = found.unzip();
        let level = rule.map_or(Level::Full, |rule| rule.level);
        let rule_name = match (number, rule.and_then(|rule| rule.name.clone())) {
            (_, Some(name)) => name,
            (Some(number), None) => format!("rule {number}"),
            (None, None) => "default".to_owned(),
        };
        let (missing, dropped, undisclosed) = (Vec::new(), Vec::new(), Vec::new());
        let mut verdict = Verdict { level, rule: number, rule_name, missing, dropped, undisclosed };
        if level == Level::None {
            return verdict;
        }
        for path in self.required(&about.action) {
            let is_sealed = disclosed.iter().any(|one| one.path == path);
            if !is_sealed && pointer(event, path).is_none_or(|raw| raw == b"null") {
                verdict.missing.push(path.to_owned());
            }
        }
        if level == Level::Metadata {
            each(event, |key, value| {
                if !METADATA.contains(&key) {
                    take(value, token(key), &mut verdict.dropped);
                }
            });
        }
        for pattern in rule.iter().flat_map(|rule| &rule.drop) {
            find(event, &pattern.steps, String::new(), &mut verdict.dropped);
        }
        // What stands around a value takes it along.
        verdict.dropped.sort_unstable_by(|a, b| a.split('/').cmp(b.split('/')));
        verdict.dropped.dedup_by(|path, outer| is_within(path, outer));
        let is_dropped = |one: &&Disclosed<'_>| {
            let mut tokens = tokens(one.path);
            let is_data = tokens.next().is_some_and(|first| !METADATA.contains(&&*first));
            (level == Level::Metadata && is_data)
                || rule.iter().flat_map(|rule| &rule.drop).any(|path| leads(&path.steps, one))
        };
        let undisclosed = disclosed.iter().filter(is_dropped);
        verdict.undisclosed = undisclosed.map(|one| one.path.to_owned()).collect();
        verdict
    }
}

impl Verdict {
    /// Whether anything of the event is dropped.
    pub fn drops(&self) -> bool {
        !self.dropped.is_empty() || !self.undisclosed.is_empty()
    }

    /// The event with what is dropped sealed, and the digests that stand there. What would open them ends here: with its salt,
    /// at least 22 random characters of base64url, goes every way to the value.
    pub fn apply(
        &self,
        event: &[u8],
        mut salt: impl FnMut() -> String,
    ) -> Result<(Vec<u8>, Vec<String>), SealError> {
        let salts: Vec<String> = self.dropped.iter().map(|_| salt()).collect();
        let values = self.dropped.iter().zip(&salts).map(|(path, salt)| ToSeal { path, salt });
        let sealed = seal_event(event, &values.collect::<Vec<_>>())?;
        let digests = sealed.disclosures.iter().map(|opens| disclosure_digest(opens));
        Ok((sealed.event, digests.collect()))
    }
}

/// Whether the pointer `path` is `outer` or leads into it.
fn is_within(path: &str, outer: &str) -> bool {
    path.strip_prefix(outer).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Every value that the steps lead to.
fn find(raw: &[u8], steps: &[Option<String>], path: String, found: &mut Vec<String>) {
    let Some((step, rest)) = steps.split_first() else {
        take(raw, path, found);
        return;
    };
    each(raw, |key, value| {
        if step.as_ref().is_none_or(|step| step == key) {
            find(value, rest, format!("{path}{}", token(key)), found);
        }
    });
}

/// Takes in a value; where its producer sealed some of it, the rest, as nothing sealed is sealed again.
fn take(raw: &[u8], path: String, found: &mut Vec<String>) {
    if holds_sealed(raw) {
        each(raw, |key, value| take(value, format!("{path}{}", token(key)), found));
    } else {
        found.push(path);
    }
}

/// The members or elements of a value that are not sealed.
fn each(raw: &[u8], mut visit: impl FnMut(&str, &[u8])) {
    if raw.first() == Some(&b'[') {
        let clear = elements(raw).enumerate().filter(|(_, value)| !has(value, SEALED_ELEMENT));
        clear.for_each(|(at, value)| visit(&at.to_string(), value));
    } else {
        let clear = members(raw).filter(|(key, _)| key != SEALED_MEMBERS);
        clear.for_each(|(key, value)| visit(&key, value));
    }
}

fn holds_sealed(raw: &[u8]) -> bool {
    match raw.first() {
        Some(b'[') => elements(raw).any(holds_sealed),
        Some(b'{') => {
            has(raw, SEALED_MEMBERS)
                || has(raw, SEALED_ELEMENT)
                || members(raw).any(|(_, value)| holds_sealed(value))
        }
        _ => false,
    }
}

fn has(raw: &[u8], wanted: &str) -> bool {
    raw.first() == Some(&b'{') && members(raw).any(|(key, _)| key == wanted)
}

/// Whether the steps lead to a sealed value, around it or into it.
fn leads(steps: &[Option<String>], one: &Disclosed<'_>) -> bool {
    let mut steps = steps.iter();
    for token in tokens(one.path) {
        match steps.next() {
            None => return true,
            Some(step) if step.as_ref().is_none_or(|step| *step == token) => {}
            Some(_) => return false,
        }
    }
    let rest = steps.as_slice();
    let inside = |value: &[u8]| {
        let mut found = Vec::new();
        find(value, rest, String::new(), &mut found);
        !found.is_empty()
    };
    rest.is_empty() || Disclosure::parse(one.encoded).is_ok_and(|opens| inside(&opens.value_json))
}

/// The keys of an RFC 6901 pointer.
fn tokens(path: &str) -> impl Iterator<Item = String> {
    path.split('/').skip(1).map(|token| token.replace("~1", "/").replace("~0", "~"))
}

fn token(key: &str) -> String {
    let mut path = String::new();
    push_token(&mut path, key);
    path
}

fn text(raw: &[u8], path: &str) -> String {
    pointer(raw, path).and_then(string_value).unwrap_or_default().into_owned()
}

#[cfg(test)]
mod tests;
