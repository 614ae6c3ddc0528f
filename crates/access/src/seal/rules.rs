//! Which fields of an event are sensitive: rules as an operator writes them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use graven_entry::push_token;
use serde::Deserialize;
use serde_json::Value;

use crate::Class;
use crate::sealed_limits::{SEAL_RULE_TOKENS_MAX, SEAL_RULES_BYTES_MAX, SEAL_RULES_MAX};

/// Fields of the event itself that must stay: without them it is none, or another.
const KEPT: [&str; 5] = ["actor", "action", "id", "time", "*"];

/// What is done about a value that looks sensitive and that no rule names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFinding {
    /// It is counted.
    #[default]
    Flag,
    /// It is sealed.
    Seal,
    /// The event is refused.
    Refuse,
}

/// What is sensitive in one log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogSealing {
    /// Its rules.
    pub rules: SealRules,
    /// What is done about values that look sensitive beside them.
    pub unsealed: OnFinding,
    /// All of it as it is recorded: JSON without white space.
    pub text: String,
}

/// What is sensitive in each log; a log that is not named has no rules, and nothing is looked for in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealPolicy {
    /// By the log's name.
    pub logs: BTreeMap<String, LogSealing>,
}

/// The rules of one log, in their order: the first that matches a value counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SealRules {
    pub(super) rules: Vec<Rule>,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    /// Actions that it is for: the whole name, or what stands before a final `*`; all without it.
    pub(super) action: Option<String>,
    pub(super) path: Pattern,
    pub(super) treatment: Treatment,
    /// Where the subject's id stands; for a pseudonym without it the value is its own.
    pub(super) subject: Option<Pattern>,
}

/// What is done to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    Seal(Class),
    Pseudonym,
}

/// Steps from the event to a value; none of a step's name takes every one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub(crate) steps: Vec<Option<String>>,
    /// The steps before the first star, as an RFC 6901 pointer; and how many they are.
    pub(super) start: (String, usize),
    /// It names digests, which are no values.
    pub(super) names_digest: bool,
}

/// Why rules are refused.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// Longer than an entry can tell.
    #[error(
        "the rules of one log have {size_bytes} bytes; at most {SEAL_RULES_BYTES_MAX} are allowed"
    )]
    TooLarge {
        /// Their length.
        size_bytes: usize,
    },
    /// Not the JSON of a list of rules.
    #[error("the rules are not a list of {{path, class, subject, action}}")]
    Form(#[source] serde_json::Error),
    /// One of them means nothing that can be done. Rules are counted from 0.
    #[error("rule {number}: {why}")]
    Rule {
        /// Which one.
        number: usize,
        /// What is wrong.
        why: &'static str,
    },
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    path: String,
    class: String,
    subject: Option<String>,
    action: Option<String>,
}

/// A log's part of the policy as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLog {
    #[serde(default)]
    rules: Vec<Written>,
    #[serde(default)]
    unsealed: OnFinding,
}

impl SealPolicy {
    /// Reads `{"<log>":{"rules":[…],"unsealed":"flag"}}`; `unsealed` is `flag`, `seal` or `refuse`.
    pub fn parse(json: &[u8]) -> Result<SealPolicy, RuleError> {
        // Twice: the first reading refuses what is named twice, the second keeps the text.
        let written: BTreeMap<String, WrittenLog> =
            serde_json::from_slice(json).map_err(RuleError::Form)?;
        let texts: BTreeMap<String, Value> =
            serde_json::from_slice(json).map_err(RuleError::Form)?;
        let mut logs = BTreeMap::new();
        for ((log, WrittenLog { rules, unsealed }), text) in written.into_iter().zip(texts.values())
        {
            let text = text.to_string();
            check_size(text.as_bytes())?;
            logs.insert(log, LogSealing { rules: SealRules::read(rules)?, unsealed, text });
        }
        Ok(SealPolicy { logs })
    }
}

impl SealRules {
    /// Reads a JSON list of `{"path":…,"class":…,"subject":…,"action":…}`. A path is dotted (`changes.*.iban`), or an RFC 6901
    /// pointer where a key holds a dot; `*` takes every member or element of one level. In `subject` the n-th `*` is what the
    /// n-th one of `path` took.
    pub fn parse(json: &[u8]) -> Result<SealRules, RuleError> {
        check_size(json)?;
        SealRules::read(serde_json::from_slice(json).map_err(RuleError::Form)?)
    }

    fn read(written: Vec<Written>) -> Result<SealRules, RuleError> {
        if written.len() > SEAL_RULES_MAX {
            return Err(RuleError::Rule { number: SEAL_RULES_MAX, why: "too many rules" });
        }
        let rules = written.into_iter().enumerate().map(|(number, written)| {
            Rule::read(written).map_err(|why| RuleError::Rule { number, why })
        });
        Ok(SealRules { rules: rules.collect::<Result<_, _>>()? })
    }
}

impl Rule {
    fn read(written: Written) -> Result<Rule, &'static str> {
        let path = Pattern::parse(&written.path)?;
        if let [first] = path.steps.as_slice()
            && KEPT.contains(&first.as_deref().unwrap_or("*"))
        {
            return Err("an event needs its actor, action, id and time; name a field inside");
        }
        let subject = written.subject.as_deref().map(Pattern::parse).transpose()?;
        let treatment = match written.class.as_str() {
            "pseudonym" => Treatment::Pseudonym,
            class => Treatment::Seal(
                Class::parse(class).ok_or("the class is pii, phi, pan, secret or pseudonym")?,
            ),
        };
        let (asked, stars) = (subject.as_ref().map_or(0, Pattern::stars), path.stars());
        if asked > stars {
            return Err("subject has more `*` than path");
        }
        if subject.is_none() && treatment != Treatment::Pseudonym {
            return Err("a sealed value needs a subject: where the id of whom it is about stands");
        }
        Ok(Rule { action: written.action, path, treatment, subject })
    }

    /// Whether the rule is for events of this action.
    pub(super) fn is_for(&self, action: &str) -> bool {
        self.action.as_deref().is_none_or(|pattern| match pattern.strip_suffix('*') {
            Some(start) => action.starts_with(start),
            None => action == pattern,
        })
    }
}

fn check_size(json: &[u8]) -> Result<(), RuleError> {
    match json.len() {
        size_bytes if size_bytes > SEAL_RULES_BYTES_MAX => Err(RuleError::TooLarge { size_bytes }),
        _ => Ok(()),
    }
}

impl Pattern {
    pub(crate) fn parse(text: &str) -> Result<Pattern, &'static str> {
        let tokens: Vec<String> = match text.strip_prefix('/') {
            Some(pointer) => pointer
                .split('/')
                .map(|token| token.replace("~1", "/").replace("~0", "~"))
                .collect(),
            None => text.split('.').map(str::to_owned).collect(),
        };
        if tokens.iter().any(String::is_empty) {
            return Err("a path is dotted, such as data.patient.*, without empty steps");
        }
        if tokens.len() > SEAL_RULE_TOKENS_MAX {
            return Err("a path has more steps than an event has levels");
        }
        let named = tokens.iter().take_while(|token| *token != "*");
        let mut start = (String::new(), named.clone().count());
        named.for_each(|token| push_token(&mut start.0, token));
        let steps = tokens.into_iter().map(|token| (token != "*").then_some(token));
        let steps: Vec<Option<String>> = steps.collect();
        let names_digest = steps.iter().flatten().any(|name| name == "_sd" || name == "...");
        Ok(Pattern { steps, start, names_digest })
    }

    /// The path with what another pattern's stars have taken in the places of its own, as an RFC 6901 pointer.
    pub(super) fn filled(&self, taken: &[String]) -> Cow<'_, str> {
        let (start, named) = &self.start;
        let mut path = Cow::Borrowed(start.as_str());
        let mut taken = taken.iter();
        for step in &self.steps[*named..] {
            let star = || taken.next().map_or("*", String::as_str);
            push_token(path.to_mut(), step.as_deref().unwrap_or_else(star));
        }
        path
    }

    fn stars(&self) -> usize {
        self.steps.iter().filter(|step| step.is_none()).count()
    }
}
