//! The adversarial corpus (T27): every way to spoil a log, its checkpoints and its proofs that could
//! be thought of, spoilt at every place. Each case is refused, as what it is and where it is.

#![expect(clippy::unwrap_used, reason = "a test that can't go on panics")]

mod checkpoints;
mod entries;
mod files;
mod heads;
mod proofs;
#[path = "../support/mod.rs"]
mod support;

use graven_merkle::LeafIndex;
use graven_verify::{Fault, FaultKind, KeySource};
use support::{Log, verify};

/// The least number of cases: a generator that went empty must not go unseen.
const CASES_MIN: usize = 1_500;

/// In which way a case is refused, and the first bad index where one can be named.
type Expected = (FaultKind, Option<u64>);

/// All cases so far, and those with another verdict than the expected one.
#[derive(Default)]
struct Corpus {
    cases: usize,
    wrong: Vec<String>,
}

impl Corpus {
    /// A case with its verdict.
    fn case<T>(&mut self, what: impl Into<String>, found: Result<T, Fault>, expected: Expected) {
        self.cases += 1;
        self.judge(&what.into(), found, expected);
    }

    /// A whole log by its own keys, in one run and in runs of five: one case, however it is run.
    fn log(&mut self, what: impl Into<String>, log: &Log, expected: Expected) {
        self.cases += 1;
        let what = what.into();
        for run_entries in [5, usize::MAX] {
            let found = verify(log, run_entries, &KeySource::FromLog, |_| Ok(()));
            self.judge(&format!("{what}, runs of {run_entries}"), found, expected);
        }
    }

    fn judge<T>(&mut self, what: &str, found: Result<T, Fault>, (kind, index): Expected) {
        let found = found.map(drop);
        let is_right = found
            .as_ref()
            .is_err_and(|fault| fault.kind == kind && fault.index == index.map(LeafIndex));
        if !is_right {
            self.wrong.push(format!("{what}: expected {kind} at {index:?}, found {found:?}"));
        }
    }
}

#[test]
fn all_are_refused_for_what_they_are() {
    let mut corpus = Corpus::default();
    entries::add(&mut corpus);
    checkpoints::add(&mut corpus);
    heads::add(&mut corpus);
    proofs::add(&mut corpus);
    files::add(&mut corpus);
    assert!(corpus.wrong.is_empty(), "{:#?}", corpus.wrong);
    assert!(corpus.cases >= CASES_MIN, "only {} cases were generated", corpus.cases);
}
