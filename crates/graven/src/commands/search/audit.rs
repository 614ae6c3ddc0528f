//! Whether a search gave all that there is: the log is read again and asked entry by entry, by what the query means and without
//! the index.
//!
//! What it shows is that the answer's entries, from index 0 on, were read whole, are those of a signed checkpoint, and are the
//! answer or are not. Of a reader who may not read all of the log it shows nothing, and cannot be asked for.

use client::{ClientError, Search};
use env::{Clock, SystemClock};
use graven_entry::Entry;
use graven_verify::{Entries, ExpectedTile};
use index::Doc;
use index::query::{Ast, fixed_at, matches, parse};
use serde_json::{Value, json};
use server::limits::SEARCH_RESULTS_MAX;

use crate::connect::Connection;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::verify::{Asked, LogReport, Sink, check_into};

/// Results of a search that is audited; one with more is to be narrowed.
const AUDIT_RESULTS_MAX: u64 = 100_000;
/// Entries of each kind that are named; the rest is counted.
const AUDIT_NAMED_MAX: usize = 20;

/// A query that means the same now and later, here and at the server.
pub(super) struct Question {
    query: Ast,
    now_ns: u64,
}

impl Question {
    /// `None` where it is no query here; the server says why.
    pub(super) fn read(text: &str) -> Option<Question> {
        let now_ns = SystemClock.wall_ns();
        parse(text).ok().map(|query| Question { query: fixed_at(query, now_ns), now_ns })
    }

    pub(super) fn text(&self) -> String {
        self.query.to_string()
    }
}

/// What came of it.
pub(super) struct Audited {
    /// How many entries, from index 0 on, were asked.
    through: u64,
    /// How many of them the answer is of.
    indexed_through: u64,
    /// How many of them the query finds.
    matching: u64,
    /// How many the server says that it finds.
    total: u64,
    left_out: Strays,
    invented: Strays,
    report: LogReport,
}

/// Entries that should not be where they are, or are not where they should be.
#[derive(Default)]
struct Strays {
    count: u64,
    /// The first of them.
    named: Vec<u64>,
}

/// Compares what is read with what was found, in index order.
struct Comparison<'a> {
    question: &'a Question,
    /// Entries from here on are not what the answer is of.
    end: u64,
    /// What was found and not met yet, from the last index to the first.
    found: Vec<u64>,
    matching: u64,
    left_out: Strays,
    invented: Strays,
}

/// Reads the log that `answer` is of and compares. What does not verify is a failure: nothing can be said then.
pub(super) fn run(
    context: &Context,
    connection: &Connection,
    question: &Question,
    (ask, answer): (Search, &Value),
) -> Result<Audited, Failure> {
    let number = |key: &str| answer[key].as_u64().unwrap_or_default();
    let (total, indexed_through) = (number("total"), number("indexed_through"));
    if total > AUDIT_RESULTS_MAX {
        let message = format!("the query finds {total} entries");
        return Err(Failure::usage(message).hint(format!(
            "An audit is of at most {AUDIT_RESULTS_MAX}: narrow it by `since:` and `until:`."
        )));
    }
    let found = all_found(connection, ask, answer)?;
    let mut comparison = Comparison::new(question, indexed_through, found);
    let (client, log) = (connection.client.clone(), connection.log.as_str());
    let keys = client.trusted(log).cloned();
    let asked = Asked { keys, ..Asked::default() };
    let (mut report, _) = check_into(context, client, log, &asked, &mut comparison)?;
    if let Some(fault) = &report.fault {
        let message = format!("the log does not hold: {}: {}", fault.what, fault.detail);
        return Err(Failure::bad(message).hint("So nothing can be said about the search."));
    }
    report.keys_from = report.keys_from.map(|_| connection.keys_from.clone());
    Ok(comparison.finish(total, report))
}

/// The indexes of all results, the pages after `answer` read from where it ends; newest first.
fn all_found(
    connection: &Connection,
    mut ask: Search,
    answer: &Value,
) -> Result<Vec<u64>, ClientError> {
    let mut found = Vec::new();
    (ask.facets, ask.wait, ask.limit) = (None, None, SEARCH_RESULTS_MAX);
    take(answer, &mut found);
    ask.cursor = answer["next"].as_str().map(str::to_owned);
    while ask.cursor.is_some() && found.len() as u64 <= AUDIT_RESULTS_MAX {
        let page = connection.client.search(&connection.log, &ask)?;
        take(&page, &mut found);
        ask.cursor = page["next"].as_str().map(str::to_owned);
    }
    found.sort_unstable_by_key(|index| std::cmp::Reverse(*index));
    Ok(found)
}

fn take(page: &Value, found: &mut Vec<u64>) {
    let results = page["results"].as_array().into_iter().flatten();
    found.extend(results.filter_map(|result| result["index"].as_u64()));
}

impl<'a> Comparison<'a> {
    /// `found` from the last index to the first.
    fn new(question: &'a Question, end: u64, found: Vec<u64>) -> Self {
        let (left_out, invented) = (Strays::default(), Strays::default());
        Comparison { question, end, found, matching: 0, left_out, invented }
    }

    /// Takes in the entry that comes next in the order of indexes.
    fn meet(&mut self, index: u64, is_match: bool) {
        self.matching += u64::from(is_match);
        let mut times_found = 0;
        while self.found.pop_if(|found| *found <= index).is_some() {
            times_found += 1;
        }
        match (is_match, times_found) {
            (true, 1) | (false, 0) => {}
            (true, 0) => self.left_out.add(index),
            _ => self.invented.add(index),
        }
    }

    fn finish(mut self, total: u64, report: LogReport) -> Audited {
        let through = self.end.min(report.size.unwrap_or_default());
        // The answer is of no entry from `end` on; what is before that and was not read is not judged.
        while let Some(index) = self.found.pop() {
            if index >= self.end {
                self.invented.add(index);
            }
        }
        let Comparison { end, matching, left_out, invented, .. } = self;
        Audited { through, indexed_through: end, matching, total, left_out, invented, report }
    }
}

impl Sink for Comparison<'_> {
    fn entries(&mut self, first: u64, entries: &Entries) -> Result<(), Failure> {
        for (index, bytes) in (first..self.end).zip(entries.iter()) {
            let entry = Entry::parse(bytes)
                .map_err(|error| Failure::caused(Exit::Bad, format!("entry {index}"), &error))?;
            let Question { query, now_ns } = self.question;
            let is_match = matches(&Doc::new(&entry), query, *now_ns);
            self.meet(index, is_match);
        }
        Ok(())
    }

    fn tiles(&mut self, _tiles: &[ExpectedTile]) -> Result<(), Failure> {
        Ok(())
    }
}

impl Strays {
    fn add(&mut self, index: u64) {
        self.count += 1;
        if self.named.len() < AUDIT_NAMED_MAX {
            self.named.push(index);
        }
    }

    fn text(&self) -> String {
        let named: Vec<String> = self.named.iter().map(ToString::to_string).collect();
        let more = if self.count > named.len() as u64 { ", …" } else { "" };
        match self.count {
            0 => "nothing".to_owned(),
            count => format!("{count} (index {}{more})", named.join(", ")),
        }
    }

    fn to_json(&self) -> Value {
        json!({ "count": self.count, "first": self.named })
    }
}

impl Audited {
    /// Whether the answer is what the query finds in the entries that were read.
    pub(super) fn is_good(&self) -> bool {
        let is_whole = self.through == self.indexed_through;
        let total_holds = !is_whole || self.total == self.matching;
        self.left_out.count == 0 && self.invented.count == 0 && total_holds
    }

    pub(super) fn text(&self) -> String {
        let Audited { through, matching, total, report, .. } = self;
        let size = report.size.unwrap_or_default();
        let mut lines = vec![
            format!("audit        {through} entries from index 0 on, read whole"),
            format!(
                "  verified   against the signed checkpoint of size {size}; key {}",
                report.key_words()
            ),
            format!("  found      {matching} by the query's meaning, {total} by the index"),
            format!("  left out   {}", self.left_out.text()),
            format!("  invented   {}", self.invented.text()),
        ];
        lines.push(format!("  not shown  {}", self.not_shown().join(", ")));
        lines.join("\n")
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "ok": self.is_good(),
            "from": 0,
            "through": self.through,
            "size": self.report.size,
            "root": self.report.root,
            "keys_used": self.report.keys_used,
            "matching": self.matching,
            "left_out": self.left_out.to_json(),
            "invented": self.invented.to_json(),
            "not_shown": self.not_shown(),
        })
    }

    /// What an audit that is good does not say.
    fn not_shown(&self) -> Vec<String> {
        let mut all = vec![format!("anything of entries from {} on", self.through)];
        all.extend(self.report.not_checked.iter().cloned());
        all
    }
}

#[cfg(test)]
mod tests;
