//! The policy: which logs, which witnesses, and how many of them (C2SP `tlog-policy`).

use std::collections::BTreeSet;
use std::fmt;

use crate::checkpoint::Checkpoint;
use crate::key::{Algorithm, KeyError, KeyId, KeyName};
use crate::limits::{POLICY_BYTES_MAX, POLICY_GROUPS_MAX, POLICY_LOGS_MAX, POLICY_WITNESSES_MAX};
use crate::lines::parse_decimal;
use crate::note::Note;
use crate::note_error::NoteError;
use crate::verifier::VerifierKey;

/// The quorum's name for no cosignature at all.
const NONE: &[u8] = b"none";

/// The rule by which a checkpoint counts: signed by one of these logs, and cosigned by a quorum of
/// these witnesses.
///
/// Invariants, hence the private fields: names are unique, groups name only what was defined
/// before them, no two keys of one kind are the same or share name and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Quorum,
}

/// A name inside of a policy. It has no meaning outside, and is bytes: UTF-8 is usual, not sure.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyName(Vec<u8>);

/// A `log` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyLog {
    /// The log's key; its name is the log's origin.
    pub key: VerifierKey,
    /// Where to reach the log, where stated (what is not UTF-8 in it is replaced).
    pub url: Option<String>,
}

/// A `witness` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyWitness {
    /// What the policy calls it.
    pub name: PolicyName,
    /// The key that it cosigns with.
    pub key: VerifierKey,
    /// Its submission prefix, where stated (what is not UTF-8 in it is replaced).
    pub url: Option<String>,
}

/// Whose cosignatures a policy asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Quorum {
    /// Nobody's.
    None,
    /// Those of the witness or the group with this name.
    Of(PolicyName),
}

/// What a policy says of a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyVerdict {
    /// Whether the policy accepts the checkpoint: a listed log signed it, the quorum is reached,
    /// and no signature by a listed key is wrong.
    pub satisfied: bool,
    /// Whether a listed log of the checkpoint's origin signed. True where the policy lists no log:
    /// then the caller must know the log's key from elsewhere.
    pub log_signed: bool,
    /// Whether enough witnesses cosigned.
    pub quorum_reached: bool,
    /// The witnesses that cosigned, in the policy's order.
    pub cosigned_by: Vec<PolicyName>,
    /// The witnesses that did not, in the policy's order.
    pub missing: Vec<PolicyName>,
    /// The signatures by listed keys that are wrong.
    pub failed: Vec<FailedSignature>,
    /// The earliest time of a cosignature, in POSIX seconds; `None` where none states a time.
    pub oldest_timestamp_s: Option<u64>,
    /// The latest time of a cosignature, in POSIX seconds; `None` where none states a time.
    pub newest_timestamp_s: Option<u64>,
}

/// A signature line that claims a listed key and is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailedSignature {
    /// The key's name.
    pub name: KeyName,
    /// The key's id.
    pub id: KeyId,
    /// What is wrong.
    pub error: NoteError,
}

/// Why a policy is refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy is refused at line {line}")]
pub struct PolicyError {
    /// The line's number, from 1; the last one's for what is missing in the whole.
    pub line: usize,
    /// What is wrong with it.
    #[source]
    pub kind: PolicyErrorKind,
}

/// What can be wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyErrorKind {
    /// The policy is larger than [`POLICY_BYTES_MAX`].
    #[error("policy has {size_bytes} bytes, at most {POLICY_BYTES_MAX} are allowed")]
    TooLarge {
        /// The policy's size.
        size_bytes: usize,
    },
    /// A control character other than tab and line feed.
    #[error("byte {byte:#04x} is not allowed, of control characters only tab and line feed are")]
    ControlCharacter {
        /// The byte.
        byte: u8,
    },
    /// The last line is cut off.
    #[error("last line is not ended by a line feed, add one")]
    NoFinalNewline,
    /// A line with another first word.
    #[error("line starts with {word:?}, it must be log, witness, group, quorum or a # comment")]
    Keyword {
        /// The first word.
        word: PolicyName,
    },
    /// A `log` line with too few or too many words.
    #[error("line is not of the form 'log <vkey> [<url>]'")]
    LogForm,
    /// A `witness` line with too few or too many words.
    #[error("line is not of the form 'witness <name> <vkey> [<url>]'")]
    WitnessForm,
    /// A `group` line with too few words.
    #[error("line is not of the form 'group <name> all|any|<k> <member>...'")]
    GroupForm,
    /// A `quorum` line with too few or too many words.
    #[error("line is not of the form 'quorum <name>|none'")]
    QuorumForm,
    /// A key that is not UTF-8.
    #[error("verifier key is not UTF-8")]
    KeyNotUtf8,
    /// A key that is refused.
    #[error("verifier key is refused")]
    Key(#[source] KeyError),
    /// A log's key of a type that only cosigners use.
    #[error("log's key is for {algorithm}, logs sign with Ed25519 or ML-DSA-44")]
    LogAlgorithm {
        /// The key's algorithm.
        algorithm: Algorithm,
    },
    /// A witness's key of a type without a timestamp.
    #[error("witness's key is for {algorithm}, witnesses use Ed25519 cosignature or ML-DSA-44")]
    WitnessAlgorithm {
        /// The key's algorithm.
        algorithm: Algorithm,
    },
    /// Two logs, or two witnesses, with one public key.
    #[error("public key is already that of {name}, list it once")]
    DuplicateKey {
        /// The name of the first key.
        name: KeyName,
    },
    /// Two logs, or two witnesses, whose different keys have one name and id.
    #[error("another key has the same name {name} and id {id}")]
    AmbiguousKeys {
        /// The shared name.
        name: KeyName,
        /// The shared id.
        id: KeyId,
    },
    /// A name that is already defined.
    #[error("name {name:?} is already taken by another witness or group")]
    NameTaken {
        /// The name.
        name: PolicyName,
    },
    /// The predefined name `none` where it can't stand.
    #[error("name none is predefined, it can stand in a quorum line only")]
    NameReserved,
    /// A name that no line before defines.
    #[error("name {name:?} is not defined on any line before")]
    NameUnknown {
        /// The name.
        name: PolicyName,
    },
    /// A name that is a member of two groups, or of one twice.
    #[error("name {name:?} is already a member of a group, it can be one only once")]
    MemberTwice {
        /// The name.
        name: PolicyName,
    },
    /// A threshold that is no number, or that the group can't reach or need not.
    #[error("threshold {threshold:?} is not all, any or a decimal from 1 to the {members} members")]
    Threshold {
        /// The word in its place.
        threshold: PolicyName,
        /// How many members the group has.
        members: usize,
    },
    /// A second `quorum` line.
    #[error("a quorum line stands already on a line before")]
    SecondQuorum,
    /// No `quorum` line.
    #[error("policy has no quorum line, add 'quorum none' to ask for no cosignature")]
    NoQuorum,
    /// More logs, witnesses or groups than are supported.
    #[error("policy has more than {max} {what}")]
    TooMany {
        /// What there is too much of.
        what: &'static str,
        /// How many are allowed.
        max: usize,
    },
}

/// A `group` line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    name: PolicyName,
    /// From 1 to the number of members.
    threshold: usize,
    members: Vec<PolicyName>,
}

/// What the lines read so far define.
#[derive(Default)]
struct Builder {
    logs: Vec<PolicyLog>,
    witnesses: Vec<PolicyWitness>,
    groups: Vec<Group>,
    quorum: Option<Quorum>,
    names: BTreeSet<PolicyName>,
    members: BTreeSet<PolicyName>,
}

impl Policy {
    /// The policy that `text` states. It is bytes, since C2SP leaves open what non-ASCII ones mean.
    pub fn parse(text: impl AsRef<[u8]>) -> Result<Policy, PolicyError> {
        let text = text.as_ref();
        if text.len() > POLICY_BYTES_MAX {
            let kind = PolicyErrorKind::TooLarge { size_bytes: text.len() };
            return Err(PolicyError { line: 1, kind });
        }
        let mut builder = Builder::default();
        let mut line = 0;
        for text in text.split_inclusive(|&byte| byte == b'\n') {
            line += 1;
            builder.read_line(text).map_err(|kind| PolicyError { line, kind })?;
        }
        let Builder { logs, witnesses, groups, quorum, .. } = builder;
        let quorum =
            quorum.ok_or(PolicyError { line: line.max(1), kind: PolicyErrorKind::NoQuorum })?;
        Ok(Policy { logs, witnesses, groups, quorum })
    }

    /// The logs that the policy accepts; empty where it leaves them open.
    pub fn logs(&self) -> &[PolicyLog] {
        &self.logs
    }

    /// The witnesses, in the order of their lines.
    pub fn witnesses(&self) -> &[PolicyWitness] {
        &self.witnesses
    }

    /// Whose cosignatures are asked for.
    pub fn quorum(&self) -> &Quorum {
        &self.quorum
    }

    /// What the policy says of a checkpoint and its note; nothing good where the note holds another
    /// text than the checkpoint's.
    ///
    /// A cosignature counts whatever its time: whoever needs a fresh one looks at the timestamps.
    pub fn evaluate(&self, note: &Note, checkpoint: &Checkpoint) -> PolicyVerdict {
        let is_its_note = note.text() == checkpoint.to_text();
        let mut failed = Vec::new();
        let mut has_signed = |key: &VerifierKey| match find_signature(note, key) {
            Some(Ok(timestamp_s)) if is_its_note => Some(timestamp_s),
            Some(Err(error)) => {
                failed.push(FailedSignature { name: key.name().clone(), id: key.id(), error });
                None
            }
            _ => None,
        };
        let mut log_signed = self.logs.is_empty() && is_its_note;
        for log in self.logs.iter().filter(|log| log.key.name().as_str() == checkpoint.origin) {
            // No short cut: every listed key's line is checked, for a wrong one refuses the note.
            log_signed |= has_signed(&log.key).is_some();
        }
        let mut cosigned_by = Vec::new();
        let mut missing = Vec::new();
        let mut timestamps_s = Vec::new();
        for witness in &self.witnesses {
            match has_signed(&witness.key) {
                Some(timestamp_s) => {
                    cosigned_by.push(witness.name.clone());
                    timestamps_s.extend(timestamp_s.filter(|&timestamp_s| timestamp_s != 0));
                }
                None => missing.push(witness.name.clone()),
            }
        }
        let quorum_reached = is_its_note && self.is_quorum(&cosigned_by);
        PolicyVerdict {
            satisfied: log_signed && quorum_reached && failed.is_empty(),
            log_signed,
            quorum_reached,
            cosigned_by,
            missing,
            failed,
            oldest_timestamp_s: timestamps_s.iter().min().copied(),
            newest_timestamp_s: timestamps_s.iter().max().copied(),
        }
    }

    /// Whether these witnesses are a quorum.
    fn is_quorum(&self, cosigned_by: &[PolicyName]) -> bool {
        let mut witnessed: BTreeSet<&PolicyName> = cosigned_by.iter().collect();
        // A group names only what stands before it, so one pass in order is enough.
        for group in &self.groups {
            let count = group.members.iter().filter(|name| witnessed.contains(name)).count();
            if count >= group.threshold {
                witnessed.insert(&group.name);
            }
        }
        match &self.quorum {
            Quorum::None => true,
            Quorum::Of(name) => witnessed.contains(name),
        }
    }
}

impl PolicyName {
    /// The name's bytes: at least one, without white space.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// What is not UTF-8 is replaced.
impl fmt::Display for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for PolicyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&String::from_utf8_lossy(&self.0), f)
    }
}

impl Builder {
    /// Takes in one line, with its line feed.
    fn read_line(&mut self, line: &[u8]) -> Result<(), PolicyErrorKind> {
        let line = line.strip_suffix(b"\n").ok_or(PolicyErrorKind::NoFinalNewline)?;
        if let Some(&byte) = line.iter().find(|&&byte| byte.is_ascii_control() && byte != b'\t') {
            return Err(PolicyErrorKind::ControlCharacter { byte });
        }
        let words: Vec<&[u8]> = line
            .split(|byte| matches!(byte, b' ' | b'\t'))
            .filter(|word| !word.is_empty())
            .collect();
        match words.as_slice() {
            [] => Ok(()),
            [word, ..] if word.starts_with(b"#") => Ok(()),
            [b"log", words @ ..] => self.read_log(words),
            [b"witness", words @ ..] => self.read_witness(words),
            [b"group", words @ ..] => self.read_group(words),
            [b"quorum", words @ ..] => self.read_quorum(words),
            [word, ..] => Err(PolicyErrorKind::Keyword { word: name(word) }),
        }
    }

    fn read_log(&mut self, words: &[&[u8]]) -> Result<(), PolicyErrorKind> {
        let (key, url) = match words {
            [key] => (parse_key(key)?, None),
            [key, url] => (parse_key(key)?, Some(url_text(url))),
            _ => return Err(PolicyErrorKind::LogForm),
        };
        let algorithm = key.algorithm();
        if algorithm == Algorithm::Ed25519Cosignature {
            return Err(PolicyErrorKind::LogAlgorithm { algorithm });
        }
        check_new_key(self.logs.iter().map(|log| &log.key), &key)?;
        check_count(self.logs.len(), "logs", POLICY_LOGS_MAX)?;
        self.logs.push(PolicyLog { key, url });
        Ok(())
    }

    fn read_witness(&mut self, words: &[&[u8]]) -> Result<(), PolicyErrorKind> {
        let (witness, key, url) = match words {
            [witness, key] => (witness, parse_key(key)?, None),
            [witness, key, url] => (witness, parse_key(key)?, Some(url_text(url))),
            _ => return Err(PolicyErrorKind::WitnessForm),
        };
        let algorithm = key.algorithm();
        if algorithm == Algorithm::Ed25519 {
            return Err(PolicyErrorKind::WitnessAlgorithm { algorithm });
        }
        check_new_key(self.witnesses.iter().map(|witness| &witness.key), &key)?;
        check_count(self.witnesses.len(), "witnesses", POLICY_WITNESSES_MAX)?;
        let name = self.define(witness)?;
        self.witnesses.push(PolicyWitness { name, key, url });
        Ok(())
    }

    fn read_group(&mut self, words: &[&[u8]]) -> Result<(), PolicyErrorKind> {
        let [group, threshold, members @ ..] = words else {
            return Err(PolicyErrorKind::GroupForm);
        };
        if members.is_empty() {
            return Err(PolicyErrorKind::GroupForm);
        }
        check_count(self.groups.len(), "groups", POLICY_GROUPS_MAX)?;
        let threshold = parse_threshold(threshold, members.len())?;
        // The members come first, so that a group can't have itself as one.
        let members = members.iter().map(|word| self.enlist(word)).collect::<Result<_, _>>()?;
        let name = self.define(group)?;
        self.groups.push(Group { name, threshold, members });
        Ok(())
    }

    fn read_quorum(&mut self, words: &[&[u8]]) -> Result<(), PolicyErrorKind> {
        let [word] = words else { return Err(PolicyErrorKind::QuorumForm) };
        if self.quorum.is_some() {
            return Err(PolicyErrorKind::SecondQuorum);
        }
        self.quorum = Some(match *word {
            NONE => Quorum::None,
            word => Quorum::Of(self.find(word)?),
        });
        Ok(())
    }

    /// The new name of a witness or group.
    fn define(&mut self, word: &[u8]) -> Result<PolicyName, PolicyErrorKind> {
        if word == NONE {
            return Err(PolicyErrorKind::NameReserved);
        }
        let name = name(word);
        if self.names.insert(name.clone()) {
            Ok(name)
        } else {
            Err(PolicyErrorKind::NameTaken { name })
        }
    }

    /// A name that is defined.
    fn find(&self, word: &[u8]) -> Result<PolicyName, PolicyErrorKind> {
        let name = name(word);
        if self.names.contains(&name) {
            Ok(name)
        } else {
            Err(PolicyErrorKind::NameUnknown { name })
        }
    }

    /// A name that is defined and becomes a member of its first and only group.
    fn enlist(&mut self, word: &[u8]) -> Result<PolicyName, PolicyErrorKind> {
        if word == NONE {
            return Err(PolicyErrorKind::NameReserved);
        }
        let name = self.find(word)?;
        if self.members.insert(name.clone()) {
            Ok(name)
        } else {
            Err(PolicyErrorKind::MemberTwice { name })
        }
    }
}

/// What the key's line in the note is worth; `None` where the key has no line.
fn find_signature(note: &Note, key: &VerifierKey) -> Option<Result<Option<u64>, NoteError>> {
    let line = note.signatures().iter().find(|line| line.is_by(key.name(), key.id()))?;
    Some(key.verify_note(note.text(), line))
}

fn name(word: &[u8]) -> PolicyName {
    PolicyName(word.to_vec())
}

fn url_text(word: &[u8]) -> String {
    String::from_utf8_lossy(word).into_owned()
}

fn parse_key(word: &[u8]) -> Result<VerifierKey, PolicyErrorKind> {
    let vkey = std::str::from_utf8(word).map_err(|_| PolicyErrorKind::KeyNotUtf8)?;
    vkey.parse().map_err(PolicyErrorKind::Key)
}

/// The threshold of a group of so many members.
fn parse_threshold(word: &[u8], members: usize) -> Result<usize, PolicyErrorKind> {
    let threshold = match word {
        b"all" => Some(members),
        b"any" => Some(1),
        _ => std::str::from_utf8(word)
            .ok()
            .and_then(parse_decimal)
            .and_then(|number| usize::try_from(number).ok()),
    };
    threshold
        .filter(|number| (1..=members).contains(number))
        .ok_or_else(|| PolicyErrorKind::Threshold { threshold: name(word), members })
}

fn check_count(count: usize, what: &'static str, max: usize) -> Result<(), PolicyErrorKind> {
    if count >= max { Err(PolicyErrorKind::TooMany { what, max }) } else { Ok(()) }
}

/// Refuses a key that is, or can be taken for, one of its kind that is already listed.
fn check_new_key<'a>(
    mut listed: impl Iterator<Item = &'a VerifierKey>,
    key: &VerifierKey,
) -> Result<(), PolicyErrorKind> {
    let clash = listed.find_map(|other| {
        if other.public_key() == key.public_key() {
            Some(PolicyErrorKind::DuplicateKey { name: other.name().clone() })
        } else if other.name() == key.name() && other.id() == key.id() {
            Some(PolicyErrorKind::AmbiguousKeys { name: key.name().clone(), id: key.id() })
        } else {
            None
        }
    });
    clash.map_or(Ok(()), Err)
}
