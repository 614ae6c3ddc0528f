//! Which of a resource's entries its state is made of: the last that ended it, and since then the last that touched each field.
//!
//! The index says so by itself, in one pass over the resource's marks. No entry is read that does not show in the state.

use std::collections::BTreeMap;
use std::ops::Range;

use tantivy::DocId;
use tantivy::columnar::StrColumn;
use tantivy::query::Weight;

use crate::compile::CompileError;
use crate::limits::STATE_TOUCHED_MAX;
use crate::marks::Mark;
use crate::query::{Ast, Field, QueryError, Test};
use crate::schema::ENDS;
use crate::search::Matches;
use crate::snapshot::Snapshot;

/// What stands of a resource's entries.
#[derive(Debug, Default)]
pub(super) struct Standing {
    /// Entries that name it.
    pub(super) versions: usize,
    /// The last that ended it.
    pub(super) ended: Option<u64>,
    /// The last that counts.
    pub(super) last: Option<u64>,
    /// Whether one since the end began it.
    pub(super) is_begun: bool,
    /// Digests since the end.
    pub(super) hidden: u64,
    /// The last that touched each field since the end, by the field's key, and whether it set it.
    pub(super) fields: BTreeMap<String, (u64, bool)>,
}

impl Snapshot {
    /// What stands of the entries that a query finds within a range of indexes.
    pub(super) fn standing(
        &self,
        (query, scope): (&Ast, &Ast),
        range: &Range<u64>,
    ) -> Result<Standing, CompileError> {
        let weight = self.weight((query, scope, 0))?;
        let ends = Ast::Field(Field::Path(ENDS.to_owned()), Test::Exists);
        let ends = self.compiled((&Ast::And(vec![ends, query.clone()]), scope, 0))?;
        let ends = Matches::new(&*ends, &self.searcher)?;
        let ended = self.newest(&ends, range.end, 1)?.first().copied();
        let ended = ended.filter(|index| range.contains(index));
        let mut standing = Standing { ended, last: ended, ..Standing::default() };
        for place in 0..self.segments.len() {
            self.add_segment(&*weight, place, (range, &mut standing))?;
        }
        Ok(standing)
    }

    fn add_segment(
        &self,
        weight: &dyn Weight,
        place: usize,
        (range, standing): (&Range<u64>, &mut Standing),
    ) -> Result<(), CompileError> {
        let segment = &self.segments[place];
        let since = standing.ended.map_or(range.start, |ended| ended.saturating_add(1));
        let [open, end] = [since, range.start].map(|at| segment.first_below(&segment.index, at));
        let mut docs = self.below(weight, place, range.end)?;
        let mut marks = segment.marks().map(Marks::new);
        while docs.doc() < end {
            standing.versions += 1;
            if docs.doc() < open {
                let index = segment.index.first(docs.doc()).unwrap_or_default();
                match &mut marks {
                    Some(marks) => marks.add(docs.doc(), index, standing)?,
                    None => standing.last = standing.last.max(Some(index)),
                }
            }
            docs.advance();
        }
        Ok(())
    }
}

/// The marks of one segment, read from the newest entry on.
struct Marks<'a> {
    column: &'a StrColumn,
    /// What each says, by its number there.
    said: Vec<Said>,
}

#[derive(Clone, Copy)]
enum Said {
    Unread,
    /// Nothing that a newer entry has not said.
    Nothing,
    Void,
    Hides(u64),
}

impl<'a> Marks<'a> {
    fn new(column: &'a StrColumn) -> Marks<'a> {
        Marks { column, said: vec![Said::Unread; column.num_terms()] }
    }

    /// Adds what an entry does.
    fn add(&mut self, doc: DocId, index: u64, standing: &mut Standing) -> Result<(), CompileError> {
        let mut counts = true;
        for ord in self.column.ords().values_for_doc(doc) {
            let said = match self.said.get(ord as usize) {
                Some(Said::Unread) => self.read(ord, index, standing)?,
                Some(said) => *said,
                None => Said::Nothing,
            };
            match said {
                Said::Hides(count) => standing.hidden += count,
                Said::Void => counts = false,
                Said::Nothing | Said::Unread => {}
            }
        }
        if counts {
            standing.last = standing.last.max(Some(index));
        }
        Ok(())
    }

    /// Reads a mark that no newer entry of the segment has.
    fn read(
        &mut self,
        ord: u64,
        index: u64,
        standing: &mut Standing,
    ) -> Result<Said, CompileError> {
        let mut text = String::new();
        self.column.ord_to_str(ord, &mut text)?;
        let said = match Mark::read(&text) {
            Some(Mark::Void) => Said::Void,
            Some(Mark::Hides(count)) => Said::Hides(count),
            Some(Mark::Begins) => {
                standing.is_begun = true;
                Said::Nothing
            }
            Some(Mark::Sets(field)) => {
                standing.is_begun = true;
                standing.touch(field, (index, true))?;
                Said::Nothing
            }
            Some(Mark::Removes(field)) => {
                standing.touch(field, (index, false))?;
                Said::Nothing
            }
            None => Said::Nothing,
        };
        self.said[ord as usize] = said;
        Ok(said)
    }
}

impl Standing {
    fn touch(&mut self, field: String, by: (u64, bool)) -> Result<(), CompileError> {
        let newest = self.fields.entry(field).or_insert(by);
        *newest = by.max(*newest);
        if self.fields.len() > STATE_TOUCHED_MAX {
            let message = format!(
                "the resource's entries touch over {STATE_TOUCHED_MAX} different fields, which is the limit; read its history instead"
            );
            return Err(CompileError::Query(QueryError::limit(0, message)));
        }
        Ok(())
    }
}
