//! The roots that are stated for sizes of a log, and those that its entries have.

use std::collections::BTreeMap;

use graven_merkle::{EMPTY_ROOT, Frontier, Hash, LeafIndex, TreeSize};

use crate::fault::{Fault, FaultKind};
use crate::limits::ROOTS_MAX;
use crate::run_tree::RunTree;

/// Roots by size.
#[derive(Clone, Debug, Default)]
pub(crate) struct Roots {
    /// Statements about sizes that are still to come.
    ahead: BTreeMap<TreeSize, Vec<Statement>>,
    /// Roots of sizes that were asked for and passed.
    pub(crate) passed: BTreeMap<TreeSize, Hash>,
    count: usize,
}

/// What someone says of a size.
#[derive(Clone, Debug)]
struct Statement {
    /// None where only the root is wanted.
    root: Option<Hash>,
    /// Who says so, for people.
    what: String,
    /// Whether it was seen before, so that another root is a fork.
    is_remembered: bool,
}

impl Roots {
    /// Compares a statement now, where the size was passed, or when it is.
    pub(crate) fn state(
        &mut self,
        now: &Frontier,
        size: TreeSize,
        root: Option<Hash>,
        (what, is_remembered): (&str, bool),
    ) -> Result<(), Fault> {
        let statement = Statement { root, what: what.to_owned(), is_remembered };
        if size <= now.size() {
            let Some(found) = self.root_at(now, size) else {
                let detail = format!(
                    "the root of {size} entries, which {what} states, was not kept; {} are read \
                     already, so begin anew",
                    now.size()
                );
                return Err(Fault::of_log(FaultKind::SizeMismatch, detail));
            };
            self.passed.insert(size, found);
            return statement.check(size, &found);
        }
        if self.count >= ROOTS_MAX {
            let detail = format!("more than {ROOTS_MAX} roots are stated");
            return Err(Fault::of_log(FaultKind::LimitExceeded, detail));
        }
        self.count += 1;
        self.ahead.entry(size).or_default().push(statement);
        Ok(())
    }

    /// The root at a size, where it is known.
    pub(crate) fn root_at(&self, now: &Frontier, size: TreeSize) -> Option<Hash> {
        if size == now.size() {
            return Some(now.root());
        }
        if size.0 == 0 {
            return Some(EMPTY_ROOT);
        }
        self.passed.get(&size).copied()
    }

    /// Moves `edge` over a run, and compares the statements about sizes that it passes.
    pub(crate) fn pass(&mut self, edge: &mut Frontier, run: &RunTree) -> Result<(), Fault> {
        let end = TreeSize(run.end());
        let later = end.0.checked_add(1).map(|next| self.ahead.split_off(&TreeSize(next)));
        let due = std::mem::replace(&mut self.ahead, later.unwrap_or_default());
        for (size, statements) in due {
            advance(edge, run, size)?;
            let found = edge.root();
            self.passed.insert(size, found);
            statements.iter().try_for_each(|statement| statement.check(size, &found))?;
        }
        advance(edge, run, end)
    }

    /// The fault of the smallest size that was stated and that the log does not have; what was
    /// remembered comes first.
    pub(crate) fn check_reached(&self, size: TreeSize) -> Result<(), Fault> {
        let stated =
            || self.ahead.iter().flat_map(|(size, all)| all.iter().map(move |one| (size, one)));
        let missing = stated()
            .find(|(_, statement)| statement.is_remembered)
            .or_else(|| stated().find(|(_, statement)| statement.root.is_some()));
        let Some((stated, statement)) = missing else { return Ok(()) };
        let what = &statement.what;
        if statement.is_remembered {
            let detail = format!("the log had {stated} entries ({what}), it has {size} now");
            return Err(Fault::of_log(FaultKind::Rollback, detail));
        }
        let detail = format!("{what} states {stated} entries, there are {size}");
        Err(Fault::at(LeafIndex(size.0), FaultKind::MissingEntry, detail))
    }
}

impl Statement {
    fn check(&self, size: TreeSize, found: &Hash) -> Result<(), Fault> {
        let Some(stated) = self.root.filter(|root| root != found) else { return Ok(()) };
        let kind = if self.is_remembered { FaultKind::Fork } else { FaultKind::RootMismatch };
        Err(root_fault(kind, size, &stated, found, &self.what))
    }
}

/// The fault of a root that is not as stated.
///
/// It names the last entry below it: that one is changed for sure, since each entry holds the hash
/// of the one before; those before it may be too.
pub(crate) fn root_fault(
    kind: FaultKind,
    size: TreeSize,
    stated: &Hash,
    found: &Hash,
    what: &str,
) -> Fault {
    let index = size.0.checked_sub(1).map(LeafIndex);
    let detail = format!(
        "{what} states root {stated} for {size} entries, the entries give {found}: this entry is \
         not the one that was stated, and perhaps others before it"
    );
    Fault { index, kind, detail }
}

fn advance(edge: &mut Frontier, run: &RunTree, size: TreeSize) -> Result<(), Fault> {
    if run.advance(edge, size) {
        return Ok(());
    }
    let detail = format!("the run ends at {}, {size} entries are needed", run.end());
    Err(Fault::of_log(FaultKind::SizeMismatch, detail))
}
