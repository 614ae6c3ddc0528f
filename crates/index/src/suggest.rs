//! Completion: names of fields and values of a field that occur in what the asker may see.

use std::borrow::Cow;
use std::collections::BTreeSet;

use tantivy::{DocSet, TERMINATED};

use crate::compile::CompileError;
use crate::doc::texts_of;
use crate::index::Index;
use crate::limits::{SUGGEST_SCAN, SUGGEST_SCAN_MAX, SUGGESTIONS_MAX};
use crate::query::{Ast, Field, QueryError, Test};
use crate::schema::{AUTH, GRADE, STREAM, Texts, WRITER, path_key};
use crate::search::SearchError;
use crate::snapshot::Snapshot;

/// What to complete.
#[derive(Clone, Copy, Debug)]
pub enum Suggest<'a> {
    /// The name of a path of events that begins so.
    Path(&'a str),
    /// A value of a field that begins so.
    Value {
        /// The field's name, as in a query.
        field: &'a str,
        /// What is typed of the value.
        begin: &'a str,
    },
}

impl Index {
    /// At most [`SUGGESTIONS_MAX`] completions in order, only such as occur in an entry within `scope`.
    pub fn suggest(
        &self,
        what: Suggest<'_>,
        scope: &Ast,
        now_ns: u64,
    ) -> Result<Vec<String>, SearchError> {
        self.reading(|snapshot| match what {
            Suggest::Path(begin) => {
                let test = |path: &str| Ast::Field(Field::Path(path.to_owned()), Test::Exists);
                let is_path = |path: &str| !path.starts_with('\0');
                let each = [Texts::behind(&path_key(""), begin)];
                snapshot.complete((&each, begin), (scope, now_ns), &|path| {
                    is_path(path).then(|| test(path))
                })
            }
            Suggest::Value { field, begin } => {
                let Some(field) = Field::named(field) else { return Ok(Vec::new()) };
                let Some(path) = path_of(&field) else { return Ok(Vec::new()) };
                let each = texts_of(&path).iter().flat_map(|path| Texts::at(path, begin));
                let each: Vec<Texts> = each.collect();
                // A name that is too long to be found as a whole is no value.
                snapshot.complete((&each, begin), (scope, now_ns), &|value| {
                    let test = || Test::Equals(value.to_owned());
                    (!value.contains('\0')).then(|| Ast::Field(field.clone(), test()))
                })
            }
        })
    }
}

impl Index {
    /// At most [`SUGGESTIONS_MAX`] names of fields that begin so, as a query writes them: those of the language in order, then
    /// paths of events within `scope`.
    pub fn names(&self, begin: &str, scope: &Ast, now_ns: u64) -> Result<Vec<String>, SearchError> {
        let known: BTreeSet<&str> =
            Field::known().filter(|known| known.starts_with(begin)).collect();
        let mut names: Vec<String> = known.into_iter().map(str::to_owned).collect();
        let begin = begin.strip_prefix("event.").unwrap_or(begin);
        for path in self.suggest(Suggest::Path(begin), scope, now_ns)? {
            let name = Field::name_of(&path);
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names.truncate(SUGGESTIONS_MAX);
        Ok(names)
    }
}

/// Where a field's strings stand in the index.
fn path_of(field: &Field) -> Option<&str> {
    Some(match field {
        Field::Writer => WRITER,
        Field::Auth => AUTH,
        Field::Grade => GRADE,
        Field::Stream => STREAM,
        Field::Path(path) => path,
        Field::Time | Field::Received | Field::Index | Field::Seq => return None,
    })
}

impl Snapshot {
    /// The first of these texts, which begin as asked, for which `test` holds for an entry within the scope.
    fn complete(
        &self,
        (each, begin): (&[Texts], &str),
        (scope, now_ns): (&Ast, u64),
        test: &dyn Fn(&str) -> Option<Ast>,
    ) -> Result<Vec<String>, CompileError> {
        let scan = if *scope == Ast::All { SUGGEST_SCAN } else { SUGGEST_SCAN_MAX };
        let mut found = BTreeSet::new();
        // The first text that a segment may have and that was not looked at.
        let mut end: Option<String> = None;
        let readers = self.searcher.segment_readers().iter();
        for (reader, texts) in readers.flat_map(|reader| each.iter().map(move |one| (reader, one)))
        {
            let index = reader.inverted_index(self.fields.values)?;
            let mut terms = index.terms().range().ge(&texts.from).into_stream()?;
            let mut seen = 0;
            while terms.advance() {
                let Some(text) = texts.text(terms.key()).map(Cow::into_owned) else { break };
                seen += 1;
                if seen > scan {
                    end = Some(end.map_or(text.clone(), |end| end.min(text)));
                    break;
                }
                found.insert(text);
            }
        }
        let mut kept = Vec::new();
        for text in found {
            if kept.len() == SUGGESTIONS_MAX {
                return Ok(kept);
            }
            if end.as_ref().is_some_and(|end| text >= *end) {
                break;
            }
            let Some(test) = test(&text) else { continue };
            if *scope == Ast::All || self.has_any((&test, scope, now_ns))? {
                kept.push(text);
            }
        }
        match end {
            Some(_) if kept.len() < SUGGESTIONS_MAX => {
                let message = format!("over {scan} values begin with `{begin}`; give more of it");
                Err(CompileError::Query(QueryError::limit(0, message)))
            }
            _ => Ok(kept),
        }
    }

    fn has_any(&self, search: (&Ast, &Ast, u64)) -> Result<bool, CompileError> {
        let weight = self.weight(search)?;
        for reader in self.searcher.segment_readers() {
            if weight.scorer(reader, 1.0)?.doc() != TERMINATED {
                return Ok(true);
            }
        }
        Ok(false)
    }
}
