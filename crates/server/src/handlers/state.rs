//! The state of a resource: its history, what it was at a moment, in what two moments differ, who last set what; and what an
//! actor, a session or a trace did, in the order of the log.

use std::cell::Cell;
use std::sync::Arc;

use access::Slice;
use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use graven_entry::write_json_string;
use graven_merkle::{LeafIndex, TreeSize};
use index::query::{Ast, Field, Test, parse};
use index::state::{
    Ask, At, Change, Difference, Effect, Folded, Life, Setter, State, StateError, Version,
};
use index::{Index, Walk};
use log::{LogHandle, ReadError};

use super::search::{Failed, View, finder, push_result, ready, refusal, refused, run, within};
use crate::call::Call;
use crate::json::{self, push, push_comma};
use crate::limits::{SEARCH_RESULTS_DEFAULT, SEARCH_RESULTS_MAX};
use crate::narrowing::may_see;
use crate::refusal::bad_query;

/// Which part of a state is answered.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// Each field's value.
    Values,
    /// Each field's value with the entry that set it.
    Setters,
}

/// `GET …/history`: the entries that name a resource, oldest first, a page of them.
pub(crate) async fn history(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let target = target(call)?;
    let (from, limit) = (from(call)?, limit(call)?);
    let query = named(&target);
    asked(call, (log, query), move |index, seen| {
        let ask = Ask { target: &target, scope: seen.scope(), from, at: None };
        let history = index.history(&ask, limit, &|indexes| seen.entries(indexes))?;
        let mut out = Vec::with_capacity(256 + history.versions.len() * 512);
        push_target(&mut out, &target);
        out.extend_from_slice(b",\"versions\":[");
        for (place, version) in history.versions.iter().enumerate() {
            push_comma(&mut out, place);
            push_version(&mut out, version);
        }
        out.push(b']');
        push_end(&mut out, history.indexed_through, history.next);
        Ok((history.versions.len() as u64, out))
    })
    .await
}

/// `GET …/asof`: the state of a resource at a moment.
pub(crate) async fn as_of(call: &mut Call) -> Result<Response, Refusal> {
    state(call, Shape::Values).await
}

/// `GET …/blame`: the same, with who last set each field.
pub(crate) async fn blame(call: &mut Call) -> Result<Response, Refusal> {
    state(call, Shape::Setters).await
}

async fn state(call: &mut Call, shape: Shape) -> Result<Response, Refusal> {
    let log = call.log()?;
    let target = target(call)?;
    let (at, from) = (moment(call, "at")?, from(call)?);
    let query = named(&target);
    asked(call, (log, query), move |index, seen| {
        let ask = Ask { target: &target, scope: seen.scope(), from, at };
        let folded = index.state(&ask, &|indexes| seen.entries(indexes))?;
        let mut out = Vec::with_capacity(1_024);
        push_target(&mut out, &target);
        push_at(&mut out, "at", at);
        push_state(&mut out, &folded, (shape, from));
        push_through(&mut out, folded.indexed_through);
        Ok((folded.versions as u64, out))
    })
    .await
}

/// `GET …/diff`: in what the states of a resource at two moments differ, and by which entries.
pub(crate) async fn diff(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let target = target(call)?;
    let a = moment(call, "a")?.ok_or_else(|| bad_query("a", "the earlier moment is missing"))?;
    let b = moment(call, "b")?;
    check_order(a, b)?;
    let query = named(&target);
    asked(call, (log, query), move |index, seen| {
        let from = LeafIndex(0);
        let ask = Ask { target: &target, scope: seen.scope(), from, at: b };
        let compared = index.compare(&ask, a, &|indexes| seen.entries(indexes))?;
        let mut out = Vec::with_capacity(1_024);
        push_target(&mut out, &target);
        push_at(&mut out, "a", Some(a));
        push_at(&mut out, "b", b);
        push_differences(&mut out, &compared.differences);
        push_through(&mut out, compared.indexed_through);
        Ok((compared.versions as u64, out))
    })
    .await
}

/// `GET …/timeline`: what was done by an actor, in a session, under a trace, or what a query finds, oldest first.
pub(crate) async fn timeline(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let query = timeline_query(call)?;
    let (from, limit) = (from(call)?, limit(call)?);
    let now_ns = call.shared.gate.now().unix_ns();
    asked(call, (log, query.to_string()), move |index, seen| {
        let range = from.0..u64::MAX;
        let walk = Walk { query: &query, scope: seen.scope(), now_ns, range, limit };
        let walked = index.walk(&walk).map_err(Failed::Search)?;
        let mut out = Vec::with_capacity(256 + walked.results.len() * 1_024);
        out.extend_from_slice(b"{\"results\":[");
        let entries = seen.entries(&walked.results).map_err(Failed::Read)?;
        for (place, (index, entry)) in walked.results.iter().zip(entries).enumerate() {
            push_comma(&mut out, place);
            push_result(&mut out, *index, &entry, false).map_err(Failed::Read)?;
        }
        out.push(b']');
        push_end(&mut out, walked.indexed_through, walked.next);
        Ok((walked.results.len() as u64, out))
    })
    .await
}

/// Lets `work` answer from the log's index, within the limits of a search, and has it told in `system` as `query`.
async fn asked(
    call: &mut Call,
    (log, query): (LogHandle, String),
    work: impl FnOnce(&Index, &Seen) -> Result<(u64, Vec<u8>), Failed> + Send + 'static,
) -> Result<Response, Refusal> {
    let view = View::of(call)?;
    let is_narrowed = !matches!(view.slice, Slice::Free);
    let shared = Arc::clone(&call.shared);
    let wait = call.query_number("wait")?.map(LeafIndex);
    let finder = finder(&shared, &log)?;
    let index = ready(&shared, &finder, wait).await?;
    let run = run(&shared, move || {
        let seen = Seen { log, view, hidden: Cell::new(None) };
        let answered = work(&index, &seen);
        seen.hidden.get().map_or(answered, |index| Err(Failed::Hidden(index)))
    });
    let found = within(shared.limits.search_time, run).await?;
    let (results, mut body) = found.map_err(|failed| refusal(call, &finder, failed))?;
    if is_narrowed {
        // Of what they may see this is the state; nobody is to take it for the whole.
        body.truncate(body.len() - b"}\n".len());
        body.extend_from_slice(b",\"narrowed\":true}\n");
    }
    call.show_search(results, query);
    Ok(json::response(StatusCode::OK, body))
}

/// A log as its reader may see it.
struct Seen {
    log: LogHandle,
    view: View,
    /// An entry that the index found and policies hide.
    hidden: Cell<Option<LeafIndex>>,
}

impl Seen {
    fn scope(&self) -> &Ast {
        &self.view.scope
    }

    fn entries(&self, indexes: &[LeafIndex]) -> Result<Vec<Vec<u8>>, ReadError> {
        let entries = self.log.entries_unlinked(indexes)?;
        let mut all = indexes.iter().zip(&entries);
        let hidden = all.find(|(_, entry)| !may_see(&self.view.slice, entry));
        let Some((index, _)) = hidden else { return Ok(entries) };
        self.hidden.set(Some(*index));
        Err(ReadError::Unavailable("a policy hides it".to_owned()))
    }
}

impl From<StateError> for Failed {
    fn from(error: StateError) -> Failed {
        match error {
            StateError::Search(error) => Failed::Search(error),
            StateError::Read(error) => Failed::Read(error),
            StateError::OverLimit(_) => {
                let refusal = Refusal::new(Code::QueryLimit, error.to_string());
                Failed::Refused(refusal.in_field("target"))
            }
        }
    }
}

fn target(call: &Call) -> Result<String, Refusal> {
    let target = call.query("target").filter(|target| !target.is_empty());
    let detail = "the resource is missing: `type/id`, or the id of one without a type";
    target.map(str::to_owned).ok_or_else(|| bad_query("target", detail))
}

fn from(call: &Call) -> Result<LeafIndex, Refusal> {
    Ok(LeafIndex(call.query_number("from")?.unwrap_or(0)))
}

fn limit(call: &Call) -> Result<usize, Refusal> {
    let limit = call.query_number("limit")?.unwrap_or(SEARCH_RESULTS_DEFAULT);
    if limit == 0 || limit > SEARCH_RESULTS_MAX {
        let detail = format!(
            "{limit} entries asked for in one page; it holds 1 to {SEARCH_RESULTS_MAX}: go on with `from`"
        );
        return Err(Refusal::new(Code::QueryLimit, detail).in_field("limit"));
    }
    Ok(limit as usize)
}

fn moment(call: &Call, name: &str) -> Result<Option<At>, Refusal> {
    let read = |text: &str| text.parse::<At>().map_err(|error| refused(name, text, &error));
    call.query(name).map(read).transpose()
}

/// Two moments of which the first is not the later one.
fn check_order(a: At, b: Option<At>) -> Result<(), Refusal> {
    let in_order = match (a, b) {
        (_, None) => true,
        (At::Index(a), Some(At::Index(b))) => a <= b,
        (At::Time(a), Some(At::Time(b))) => a <= b,
        _ => {
            return Err(bad_query(
                "b",
                "one moment is an index and the other a time; give both alike",
            ));
        }
    };
    if in_order {
        Ok(())
    } else {
        Err(bad_query("b", "it is before `a`; give the earlier one first"))
    }
}

/// What finds the entries of a resource.
fn named(target: &str) -> String {
    field("target", target).to_string()
}

fn field(path: &str, value: &str) -> Ast {
    Ast::Field(Field::Path(path.to_owned()), Test::Equals(value.to_owned()))
}

/// All that the parameters ask for at once.
fn timeline_query(call: &Call) -> Result<Ast, Refusal> {
    const FIELDS: [(&str, &str); 3] =
        [("actor", "actor.id"), ("session", "actor.session"), ("trace", "context.trace_id")];
    let given = FIELDS.into_iter().filter_map(|(name, path)| Some(field(path, call.query(name)?)));
    let mut all: Vec<Ast> = given.collect();
    if let Some(text) = call.query("q") {
        all.push(parse(text).map_err(|error| refused("q", text, &error))?);
    }
    match (all.len(), all.pop()) {
        (_, None) => Err(bad_query("actor", "give `actor`, `session`, `trace` or `q`")),
        (1, Some(one)) => Ok(one),
        (_, Some(last)) => {
            all.push(last);
            Ok(Ast::And(all))
        }
    }
}

fn push_target(out: &mut Vec<u8>, target: &str) {
    out.extend_from_slice(b"{\"target\":");
    write_json_string(out, target);
}

/// A moment: an index as a number, a time as text, `null` for now.
fn push_at(out: &mut Vec<u8>, name: &str, at: Option<At>) {
    match at {
        None => push(out, format_args!(",\"{name}\":null")),
        Some(At::Index(index)) => push(out, format_args!(",\"{name}\":{index}")),
        Some(time) => push(out, format_args!(",\"{name}\":\"{time}\"")),
    }
}

fn push_through(out: &mut Vec<u8>, through: TreeSize) {
    push(out, format_args!(",\"indexed_through\":{through}}}\n"));
}

fn push_end(out: &mut Vec<u8>, through: TreeSize, next: Option<LeafIndex>) {
    match next {
        Some(next) => push(out, format_args!(",\"next\":{next}")),
        None => out.extend_from_slice(b",\"next\":null"),
    }
    push_through(out, through);
}

/// `"index","time","actor","action","grade"`, the actor as it was written.
fn push_setter(out: &mut Vec<u8>, by: &Setter) {
    push(out, format_args!("\"index\":{},\"time\":\"{}\",\"actor\":", by.index, by.time));
    out.extend_from_slice(&by.actor);
    out.extend_from_slice(b",\"action\":");
    write_json_string(out, &by.action);
    push(out, format_args!(",\"grade\":\"{}\"", by.grade.as_str()));
}

fn push_version(out: &mut Vec<u8>, version: &Version) {
    out.push(b'{');
    push_setter(out, &version.by);
    if let Some(outcome) = &version.outcome {
        out.extend_from_slice(b",\"outcome\":");
        write_json_string(out, outcome);
    }
    push(out, format_args!(",\"counts\":{},\"ends\":{}", version.counts, version.ends));
    push(out, format_args!(",\"hidden\":{},\"changes\":{{", version.hidden));
    for (place, change) in version.changes.iter().enumerate() {
        push_comma(out, place);
        push_change(out, change);
    }
    out.extend_from_slice(b"}}");
}

/// A field of `changes`: what was before, if it is told, and after it, `null` where it was taken away. `{}` is a change
/// that cannot be read.
fn push_change(out: &mut Vec<u8>, change: &Change) {
    write_json_string(out, &change.field);
    out.extend_from_slice(b":{");
    let after = match &change.effect {
        Effect::Set(value) => Some(("after", &value[..])),
        Effect::Sealed(value) => Some(("sealed", &value[..])),
        Effect::Removed => Some(("after", &b"null"[..])),
        Effect::Unread => None,
    };
    let before = change.before.as_ref().map(|value| ("before", &value[..]));
    for (place, (name, value)) in before.into_iter().chain(after).enumerate() {
        push_comma(out, place);
        push(out, format_args!("\"{name}\":"));
        out.extend_from_slice(value);
    }
    out.push(b'}');
}

/// `"exists","last","hidden","entries"` and the fields; of a stretch also what it does to those before it.
fn push_state(out: &mut Vec<u8>, folded: &Folded, (shape, from): (Shape, LeafIndex)) {
    let state = &folded.state;
    let exists = match state.life {
        Life::Unsaid => "null",
        Life::Begun => "true",
        Life::Ended => "false",
    };
    push(out, format_args!(",\"exists\":{exists},\"last\":"));
    match &state.last {
        Some(by) => {
            out.push(b'{');
            push_setter(out, by);
            out.push(b'}');
        }
        None => out.extend_from_slice(b"null"),
    }
    push(out, format_args!(",\"hidden\":{},\"entries\":{}", state.hidden, folded.versions));
    push_fields(out, state, shape);
    if from.0 > 0 {
        push(out, format_args!(",\"cleared\":{},\"removed\":[", state.ended.is_some()));
        for (place, name) in state.removed().enumerate() {
            push_comma(out, place);
            write_json_string(out, name);
        }
        out.push(b']');
    }
}

fn push_fields(out: &mut Vec<u8>, state: &State, shape: Shape) {
    out.extend_from_slice(match shape {
        Shape::Values => b",\"state\":{",
        Shape::Setters => b",\"fields\":{",
    });
    for (place, (name, value, by)) in state.values().enumerate() {
        push_comma(out, place);
        write_json_string(out, name);
        out.push(b':');
        if shape == Shape::Values {
            out.extend_from_slice(value);
            continue;
        }
        out.extend_from_slice(b"{\"value\":");
        out.extend_from_slice(value);
        out.push(b',');
        push_setter(out, by);
        out.push(b'}');
    }
    out.push(b'}');
}

/// `"fields":{"<name>":{"before"?,"after"?,"index",…}}`: a side without the field has no value.
fn push_differences(out: &mut Vec<u8>, differences: &[Difference]) {
    out.extend_from_slice(b",\"fields\":{");
    for (place, difference) in differences.iter().enumerate() {
        push_comma(out, place);
        write_json_string(out, &difference.field);
        out.extend_from_slice(b":{");
        for (name, value) in [("before", &difference.before), ("after", &difference.after)] {
            if let Some(value) = value {
                push(out, format_args!("\"{name}\":"));
                out.extend_from_slice(value);
                out.push(b',');
            }
        }
        push_setter(out, &difference.by);
        out.push(b'}');
    }
    out.push(b'}');
}
