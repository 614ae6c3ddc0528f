//! Search: what a query finds in a log, newest first, with the entries as the log holds them now.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use access::{Asked, Right, Slice};
use append::{Code, Refusal};
use axum::http::StatusCode;
use axum::response::Response;
use graven_entry::{Entry, Time, with_causes, write_json_string};
use graven_merkle::LeafIndex;
use index::query::{Ast, Field, ID_PATHS, QueryError, QueryErrorKind, Test, parse};
use index::{
    Answer, Facet, Histogram, Index, IndexError, Page, Request, SearchError, Suggest, Want,
};
use log::{LogHandle, ManyProof, ReadError};
use tokio::time::timeout;

use super::{logged, subjects};
use crate::call::Call;
use crate::find::Finder;
use crate::gate::narrowed;
use crate::json::{self, push, push_comma};
use crate::limits::{SEARCH_RESULTS_DEFAULT, SEARCH_RESULTS_MAX};
use crate::narrowing::may_see;
use crate::narrowing::scope;
use crate::refusal::bad_query;
use crate::shared::Shared;
use crate::view;

/// What the first page counts where the request does not say.
const FACETS_DEFAULT: [Facet; 4] = [Facet::Action, Facet::Actor, Facet::Outcome, Facet::TargetType];

/// A request's parameters.
struct Search {
    query: Ast,
    limit: usize,
    page: Option<Page>,
    facets: Vec<Facet>,
    histogram: bool,
    /// With the results' entries and one proof for them.
    proofs: bool,
    /// Waited for until it is found.
    wait: Option<LeafIndex>,
    now_ns: u64,
}

/// What the caller may see of the log: to the index, and to an entry.
pub(super) struct View {
    pub(super) scope: Ast,
    pub(super) slice: Slice,
    /// What a view link shows.
    link: Ast,
}

/// A search without an answer.
pub(super) enum Failed {
    Refused(Refusal),
    Search(SearchError),
    Read(ReadError),
    /// The index found an entry that policies hide.
    Hidden(LeafIndex),
}

/// `GET …/search`: a page of what a query finds, how many there are in all, and on request how they are made up.
pub(crate) async fn search(call: &mut Call) -> Result<Response, Refusal> {
    let search = Search::of(call)?;
    let query = call.query("q").unwrap_or_default().to_owned();
    find(call, search, query).await
}

/// `POST …/search`: the same, of the entries that are of the subject in the body, by its id or by the pseudonym that stands for it
/// as long as its key lives. What is told of the query has the pseudonym alone.
pub(crate) async fn search_subject(call: &mut Call) -> Result<Response, Refusal> {
    let mut search = Search::of(call)?;
    authorise(call, Asked { right: Right::FindSubject, log: None, stream: None })?;
    let (subject, found) = subjects::of_body(call).await?;
    let told = Ast::And(vec![Ast::Word(found.pseudonym.clone()), search.query.clone()]).to_string();
    let of_id = |id: String| {
        ID_PATHS.map(|path| Ast::Field(Field::Path(path.to_owned()), Test::Equals(id.clone())))
    };
    let of_subject = [subject, found.pseudonym].into_iter().flat_map(of_id).collect();
    search.query = Ast::And(vec![Ast::Or(of_subject), search.query]);
    find(call, search, told).await
}

fn authorise(call: &mut Call, asked: Asked<'_>) -> Result<(), Refusal> {
    let authorised = call.shared.gate.authorise(&call.principal()?.id, &asked, false);
    authorised.inspect_err(|_| call.deny())
}

/// Answers a search, and has it told in `system` as `query`.
async fn find(call: &mut Call, search: Search, query: String) -> Result<Response, Refusal> {
    let log = call.log()?;
    let view = View::of(call)?;
    let shared = Arc::clone(&call.shared);
    if search.proofs {
        let name = log.name();
        let log = Some(name.as_str());
        authorise(call, Asked { right: Right::ReadProofs, log, stream: None })?;
    }
    let finder = finder(&shared, &log)?;
    let index = ready(&shared, &finder, search.wait).await?;
    let run = run(&shared, move || answer(&search, &view, &index, &log));
    let found = within(shared.limits.search_time, run).await?;
    let (results, body) = found.map_err(|failed| refusal(call, &finder, failed))?;
    call.show_search(results, query);
    Ok(json::response(StatusCode::OK, body))
}

/// `GET …/suggest`: the names of fields that begin so, or with `field` its values, as they occur in what the caller may see.
pub(crate) async fn suggest(call: &mut Call) -> Result<Response, Refusal> {
    let log = call.log()?;
    let view = View::of(call)?;
    let field = call.query("field").map(str::to_owned);
    let begin = call.query("begin").unwrap_or_default().to_owned();
    let asked = field.as_ref().map_or_else(String::new, |field| format!("{field}:"));
    let asked = format!("{asked}{begin}*");
    let shared = Arc::clone(&call.shared);
    let now_ns = shared.gate.now().unix_ns();
    let finder = finder(&shared, &log)?;
    let index = ready(&shared, &finder, None).await?;
    let run = run(&shared, move || {
        let found = match &field {
            None => index.names(&begin, &view.scope, now_ns),
            Some(field) => {
                let what = Suggest::Value { field, begin: &begin };
                index.suggest(what, &view.scope, now_ns)
            }
        };
        let found = found.map_err(Failed::Search)?;
        let mut out = b"{\"suggestions\":[".to_vec();
        for (place, text) in found.iter().enumerate() {
            push_comma(&mut out, place);
            write_json_string(&mut out, text);
        }
        out.extend_from_slice(b"]}\n");
        Ok((found.len() as u64, out))
    });
    let found = within(shared.limits.search_time, run).await?;
    let (results, body) = found.map_err(|failed| refusal(call, &finder, failed))?;
    call.show_search(results, asked);
    Ok(json::response(StatusCode::OK, body))
}

impl View {
    /// Where an index can be asked for it.
    pub(super) fn of(call: &Call) -> Result<View, Refusal> {
        let slice = call.slice(Right::ReadEntries)?;
        let Some(hidden) = slice.hidden() else {
            let detail = "a policy narrows what you may read of this log by a condition that an index cannot be asked; \
                read entries by index, or as a tail";
            return Err(narrowed(detail));
        };
        let link = call.view()?;
        Ok(View { scope: both(scope(&hidden), &link), slice, link })
    }
}

fn both(scope: Ast, link: &Ast) -> Ast {
    match (scope, link) {
        (scope, Ast::All) => scope,
        (Ast::All, link) => link.clone(),
        (scope, link) => Ast::And(vec![scope, link.clone()]),
    }
}

impl Search {
    fn of(call: &Call) -> Result<Search, Refusal> {
        let query = query(call)?;
        let limit = call.query_number("limit")?.unwrap_or(SEARCH_RESULTS_DEFAULT);
        if limit > SEARCH_RESULTS_MAX {
            let detail = format!(
                "{limit} results asked for in one page; the limit is {SEARCH_RESULTS_MAX}: go on with `cursor`"
            );
            return Err(Refusal::new(Code::QueryLimit, detail).in_field("limit"));
        }
        let page = call
            .query("cursor")
            .map(|text| Page::from_str(text).map_err(|error| refused("cursor", text, &error)));
        let is_first = call.query("cursor").is_none();
        let counted = match call.query("facets") {
            None if is_first => FACETS_DEFAULT.to_vec(),
            asked => facets(asked.unwrap_or_default())?,
        };
        Ok(Search {
            query,
            limit: limit as usize,
            page: page.transpose()?,
            facets: counted,
            histogram: flag(call, "histogram", is_first)?,
            proofs: flag(call, "proofs", false)?,
            wait: call.query_number("wait")?.map(LeafIndex),
            now_ns: call.shared.gate.now().unix_ns(),
        })
    }
}

/// What `q` asks for; without it everything.
pub(super) fn query(call: &Call) -> Result<Ast, Refusal> {
    let text = call.query("q").unwrap_or_default();
    parse(text).map_err(|error| refused("q", text, &error))
}

fn flag(call: &Call, name: &str, default: bool) -> Result<bool, Refusal> {
    match call.query(name) {
        None => Ok(default),
        Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(bad_query(name, "neither `true` nor `false`")),
    }
}

/// The facets that a list names, each once.
fn facets(text: &str) -> Result<Vec<Facet>, Refusal> {
    let mut facets = Vec::new();
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        let Some(facet) = Facet::ALL.into_iter().find(|facet| facet.name() == name) else {
            let all = Facet::ALL.map(Facet::name).join(", ");
            return Err(bad_query(
                "facets",
                &format!("no field that is counted; there are: {all}"),
            ));
        };
        if !facets.contains(&facet) {
            facets.push(facet);
        }
    }
    Ok(facets)
}

pub(super) fn finder(shared: &Shared, log: &LogHandle) -> Result<Arc<Finder>, Refusal> {
    let finders = shared.finders.as_ref().ok_or_else(|| {
        let detail = "this server was started without search; read entries by index, or as a tail";
        Refusal::new(Code::Unavailable, detail)
    })?;
    finders.of(log.name().as_str()).ok_or_else(|| unready("it is not followed yet"))
}

/// The index, once it is open and has taken the entry that is waited for, or the time for that is over.
pub(super) async fn ready(
    shared: &Shared,
    finder: &Finder,
    wait: Option<LeafIndex>,
) -> Result<Index, Refusal> {
    let time = shared.limits.search_wait;
    let mut opened = finder.index.clone();
    let opened = timeout(time, opened.wait_for(Option::is_some)).await;
    let index = opened.ok().and_then(Result::ok).and_then(|index| index.clone());
    let index = index.ok_or_else(|| unready("it is being opened"))?;
    if let Some(wait) = wait {
        // Whether it came: the answer says up to where it is searched.
        index.wait(wait, time).await;
    }
    Ok(index)
}

fn unready(why: &str) -> Refusal {
    let detail = format!("the search index of this log is not there: {why}; try again");
    Refusal::new(Code::Unavailable, detail)
}

/// What comes of a search in time. One that is late is let go of; it keeps its place until it ends.
pub(super) async fn within<T>(
    limit: Duration,
    search: impl Future<Output = T>,
) -> Result<T, Refusal> {
    timeout(limit, search).await.map_err(|_| {
        let detail = format!(
            "the search took longer than {} ms; narrow it by `since:` and `until:`, or leave facets and wildcards out",
            limit.as_millis()
        );
        Refusal::new(Code::QueryLimit, detail).in_field("q")
    })
}

/// Searches, on a thread that may take long over it; gives how many results there are, and the answer.
pub(super) async fn run(
    shared: &Shared,
    search: impl FnOnce() -> Result<(u64, Vec<u8>), Failed> + Send + 'static,
) -> Result<(u64, Vec<u8>), Failed> {
    let permit = Arc::clone(&shared.searches).try_acquire_owned().map_err(|_| {
        let detail = format!(
            "the server works on {} searches already; try again",
            shared.limits.searches_max
        );
        Failed::Refused(Refusal::new(Code::Busy, detail))
    })?;
    let work = move || {
        let found = search();
        drop(permit);
        found
    };
    shared.blocking(work).await.map_err(Failed::Refused)?
}

/// What a client is told of a search that failed; what somebody must look at is written down.
pub(super) fn refusal(call: &Call, finder: &Finder, failed: Failed) -> Refusal {
    match failed {
        Failed::Refused(refusal) => refusal,
        Failed::Read(error) => logged(call, &error),
        Failed::Hidden(index) => {
            tracing::error!(%index, "the search index found an entry that a policy hides; rebuild it: delete `derived/`");
            unready("it does not fit the policies on what you may read")
        }
        Failed::Search(SearchError::Query(error)) => {
            refused("q", call.query("q").unwrap_or_default(), &error)
        }
        Failed::Search(SearchError::Index(error)) => {
            tracing::error!(error = %with_causes(&error), "a search failed");
            if matches!(error, IndexError::Damaged) {
                finder.rebuild();
            }
            unready(&error.to_string())
        }
    }
}

fn answer(
    search: &Search,
    view: &View,
    index: &Index,
    log: &LogHandle,
) -> Result<(u64, Vec<u8>), Failed> {
    let want = Want { total: true, facets: &search.facets, histogram: search.histogram };
    let (query, scope, now_ns) = (&search.query, &view.scope, search.now_ns);
    let request = Request { query, scope, now_ns, limit: search.limit, page: search.page, want };
    let answer = index.search(&request).map_err(Failed::Search)?;
    let mut out = Vec::with_capacity(256 + answer.results.len() * 1_024);
    push(&mut out, format_args!("{{\"total\":{}", answer.total.unwrap_or_default()));
    push(&mut out, format_args!(",\"indexed_through\":{},\"results\":[", answer.indexed_through));
    let results = &answer.results;
    // An entry's links are for whoever checks it.
    let entries = if search.proofs {
        results.iter().map(|index| log.entry(*index)).collect()
    } else {
        log.entries_unlinked(results)
    };
    for (place, (index, entry)) in results.iter().zip(entries.map_err(Failed::Read)?).enumerate() {
        push_comma(&mut out, place);
        if !may_see(&view.slice, &entry) || view::check(&view.link, &entry).is_err() {
            return Err(Failed::Hidden(*index));
        }
        push_result(&mut out, *index, &entry, search.proofs).map_err(Failed::Read)?;
    }
    match &answer.next {
        Some(page) => push(&mut out, format_args!("],\"next\":\"{page}\"")),
        None => out.extend_from_slice(b"],\"next\":null"),
    }
    if search.proofs {
        let indexes: Vec<LeafIndex> = answer.results.iter().rev().copied().collect();
        push_proof(&mut out, &log.proof_of_many(&indexes).map_err(Failed::Read)?);
    }
    push_facets(&mut out, &answer);
    if let Some(histogram) = &answer.histogram {
        push_histogram(&mut out, histogram);
    }
    out.extend_from_slice(b"}\n");
    Ok((answer.results.len() as u64, out))
}

/// A result: `{"index","time","writer","grade","event"}`, the event as its bytes are; to be proved with `entry`, all its bytes
/// as a string.
pub(crate) fn push_result(
    out: &mut Vec<u8>,
    index: LeafIndex,
    bytes: &[u8],
    is_proved: bool,
) -> Result<(), ReadError> {
    let entry = Entry::parse(bytes)
        .map_err(|error| ReadError::Malformed { index, why: error.to_string() })?;
    let header = &entry.header;
    push(out, format_args!("{{\"index\":{index},\"time\":\"{}\",\"writer\":", header.time));
    write_json_string(out, header.writer.as_str());
    push(out, format_args!(",\"grade\":\"{}\",\"event\":", header.grade.as_str()));
    out.extend_from_slice(entry.event);
    if is_proved {
        out.extend_from_slice(b",\"entry\":");
        write_json_string(out, &String::from_utf8_lossy(bytes));
    }
    out.push(b'}');
    Ok(())
}

/// `"proof":{"checkpoint","hashes"}`: what of a result file is not the entries.
fn push_proof(out: &mut Vec<u8>, proof: &ManyProof) {
    out.extend_from_slice(b",\"proof\":{\"checkpoint\":");
    write_json_string(out, &proof.checkpoint);
    out.extend_from_slice(b",\"hashes\":");
    json::push_hashes(out, &proof.hashes);
    out.push(b'}');
}

/// `"facets":{"<field>":{"values":[{"value","count"}],"distinct","others"}}`, where some were asked for.
fn push_facets(out: &mut Vec<u8>, answer: &Answer) {
    if answer.facets.is_empty() {
        return;
    }
    out.extend_from_slice(b",\"facets\":{");
    for (place, facet) in answer.facets.iter().enumerate() {
        push_comma(out, place);
        push(out, format_args!("\"{}\":{{\"values\":[", facet.facet.name()));
        for (place, (value, count)) in facet.values.iter().enumerate() {
            push_comma(out, place);
            out.extend_from_slice(b"{\"value\":");
            write_json_string(out, value);
            push(out, format_args!(",\"count\":{count}}}"));
        }
        push(out, format_args!("],\"distinct\":{},\"others\":{}}}", facet.distinct, facet.others));
    }
    out.push(b'}');
}

/// `"histogram":[{"from","until","count"}]`: half-open intervals of one length, those without entries left out.
fn push_histogram(out: &mut Vec<u8>, histogram: &Histogram) {
    out.extend_from_slice(b",\"histogram\":[");
    for (place, bucket) in histogram.buckets.iter().enumerate() {
        push_comma(out, place);
        let (from, until) = (time(bucket.start_ms), time(bucket.start_ms + histogram.interval_ms));
        push(out, format_args!("{{\"from\":\"{from}\",\"until\":\"{until}\""));
        push(out, format_args!(",\"count\":{}}}", bucket.count));
    }
    out.push(b']');
}

fn time(ms: u64) -> Time {
    Time::from_unix_ns(ms.saturating_mul(1_000_000)).unwrap_or(Time::MAX)
}

/// A query at fault; its place as a byte of the parameter, its column in words.
pub(super) fn refused(parameter: &str, text: &str, error: &QueryError) -> Refusal {
    let code = match error.kind {
        QueryErrorKind::Bad => Code::BadQuery,
        QueryErrorKind::Limit => Code::QueryLimit,
    };
    let refusal = Refusal::new(code, error.to_string()).in_field(parameter);
    match error.column.checked_sub(1) {
        None => refusal,
        Some(before) => {
            let place = text.char_indices().nth(before).map_or(text.len(), |(place, _)| place);
            refusal.at_position(place)
        }
    }
}

#[cfg(test)]
#[path = "../tests/search_time.rs"]
mod tests;
