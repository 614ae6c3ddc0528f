//! The pages that find: a log's entries by a query, the states of a resource, and what was done in order.

use access::limits::QUERY_NAME_BYTES_MAX;
use access::{BUILT_IN, BuiltIn, Right};
use axum::http::StatusCode;
use axum::response::Response;
use log::LogInfo;
use maud::{Markup, html};

use super::frame::{Page, Section, frame};
use super::page;
use super::pages::{known, missing, sign_in, who};
use crate::call::Call;

/// What the time buttons say, and the term that each stands for.
const SPANS: [(&str, &str); 6] = [
    ("15 minutes", "15m"),
    ("Hour", "1h"),
    ("Day", "24h"),
    ("Week", "7d"),
    ("30 days", "30d"),
    ("All", ""),
];

/// Conditions that are offered; any other of the language is good, too (docs/search.md).
const CONDITIONS: [&str; 7] = [
    "each",
    "at least 5 in 10m",
    "none in 1h",
    "outside 07:00-19:00 mon-fri +01:00",
    "disk under 5G",
    "lag over 10000",
    "unverified in 24h",
];

/// `GET /ui/logs/{log}`: what a query finds in it; without search, its newest entries as they come.
pub(crate) fn explore(call: &Call) -> Response {
    let is_searched = call.shared.finders.is_some();
    let module = if is_searched { "explore.js" } else { "log.js" };
    framed(call, (Section::Explore, module), |info| {
        if is_searched { searched(info) } else { newest(info) }
    })
}

/// `GET /ui/logs/{log}/resource`: what it was, when, and by whom.
pub(crate) fn resource(call: &Call) -> Response {
    framed(call, (Section::Resource, "resource.js"), |info| {
        html! {
            div #resource data-log=(info.name.as_str()) {
                h1 { "Resource" }
                form #which .line role="search" {
                    label { "Resource, as `type/id`" input name="target" required spellcheck="false" autocapitalize="off" autocomplete="off"; }
                    button .primary { "Show" }
                }
                div #states {}
            }
        }
    })
}

/// `GET /ui/logs/{log}/timeline`: what an actor did, or what happened in a session or a trace, in order.
pub(crate) fn timeline(call: &Call) -> Response {
    framed(call, (Section::Timeline, "timeline.js"), |info| {
        html! {
            div #timeline data-log=(info.name.as_str()) {
                h1 { "Timeline" }
                form #which .line role="search" {
                    @for (name, label) in [("actor", "Actor"), ("session", "Session"), ("trace", "Trace"), ("q", "Query")] {
                        label { (label) input name=(name) spellcheck="false" autocapitalize="off" autocomplete="off"; }
                    }
                    button .primary { "Show" }
                }
                div #replay {}
            }
        }
    })
}

/// `GET /ui/logs/{log}/queries`: what is looked for in it all the time, whom that tells, and what became of it.
pub(crate) fn queries(call: &Call) -> Response {
    framed(call, (Section::Queries, "queries.js"), |info| {
        let name = info.name.as_str();
        html! {
            h1 { "Saved queries" }
            p { "A saved query is asked of each entry as it comes, and a webhook tells what it finds. Each time it fires that is an entry of the log "
                code { "system" } " first, so nothing that it found is lost." }
            div #queries .columns data-log=(name) {
                div #saved aria-busy="true" { p .muted role="status" { "Reading …" } }
                @if call.may(Right::ManageQueries, name) { aside { (save_form(name)) } }
            }
        }
    })
}

/// The form that saves a query, and those that are made already.
fn save_form(log: &str) -> Markup {
    let is_here = |made: &&BuiltIn| made.log.is_none_or(|of| of == log);
    let elsewhere = BUILT_IN.iter().filter(|made| !is_here(made));
    html! {
        section aria-labelledby="save-title" {
            h2 #save-title { "Save a query" }
            form #save .panel {
                label { "Name" input name="name" required pattern="[a-z0-9\\-]+" maxlength=(QUERY_NAME_BYTES_MAX) spellcheck="false" autocapitalize="off" autocomplete="off"; }
                label { "Query (empty: everything)" input .mono name="query" spellcheck="false" autocapitalize="off" autocomplete="off"; }
                label { "When" input name="when" value="each" list="conditions" required spellcheck="false" autocapitalize="off" autocomplete="off"; }
                datalist #conditions { @for condition in CONDITIONS { option value=(condition) {} } }
                label { "Webhook" input name="url" type="url" required spellcheck="false" autocomplete="off"; }
                label { "Begin at entry (empty: with what comes)" input name="from" type="number" min="0" step="1"; }
                p .actions { button .primary { "Save it" } button #another .quiet type="button" hidden { "Another one" } }
            }
        }
        section aria-labelledby="made-title" {
            h2 #made-title { "Made already" }
            ul .made {
                @for made in BUILT_IN.iter().filter(is_here) {
                    li { button .quiet type="button" data-name=(made.name) data-query=(made.query) data-when=(made.when) { (made.name) }
                        " " span .muted { (made.tells) } }
                }
                @for made in elsewhere {
                    @let of = made.log.unwrap_or_default();
                    li { a href={ "/ui/logs/" (of) "/queries?made=" (made.name) } { (made.name) } " "
                        span .muted { "of the log " (of) ": " (made.tells) } }
                }
            }
        }
    }
}

/// A page of a log, for who may know of it.
fn framed(
    call: &Call,
    (section, module): (Section, &str),
    body: impl FnOnce(&LogInfo) -> Markup,
) -> Response {
    let Some(who) = who(call) else { return sign_in(call) };
    let info = match known(call) {
        Ok(info) => info,
        Err(status) => return missing(who, status),
    };
    let (log, who) = (Some((info.name.as_str(), section)), Some(who));
    let body = body(&info);
    page(StatusCode::OK, frame(&Page { title: info.name.as_str(), module, who, log, body }))
}

fn searched(info: &LogInfo) -> Markup {
    html! {
        div #explore data-log=(info.name.as_str()) {
            h1 .unseen { "Explore " (info.name.as_str()) }
            form #query role="search" {
                label .unseen for="q" { "Query" }
                div .combo {
                    input #q name="q" type="search" role="combobox" aria-expanded="false" aria-controls="completions" aria-autocomplete="list"
                        aria-keyshortcuts="/" placeholder="actor:alice outcome:failure since:24h" spellcheck="false" autocapitalize="off" autocomplete="off";
                    ul #completions role="listbox" aria-label="Completions" hidden {}
                }
                button .primary { "Search" }
            }
            div #problem role="alert" hidden {}
            div .spans {
                div role="group" aria-label="Time" {
                    @for (label, span) in SPANS { button .quiet type="button" data-span=(span) { (label) } }
                }
                details #between { summary { "From … to" }
                    form .line {
                        label { "From" input name="since" type="datetime-local" step="1"; }
                        label { "To" input name="until" type="datetime-local" step="1"; }
                        button { "Apply" }
                    }
                }
                button #live .quiet type="button" aria-pressed="false" aria-keyshortcuts="l" { "Live" }
            }
            div #histogram {}
            p #summary role="status" { "Searching …" }
            div #away {}
            div .found {
                aside #facets aria-label="Narrow by" {}
                div #results aria-busy="true" {}
            }
        }
    }
}

fn newest(info: &LogInfo) -> Markup {
    html! {
        div #log data-log=(info.name.as_str()) data-size=(info.size.0) {
            h1 { "Entries" }
            p .notice { "This server was started without search (" code { "--search off" } "): these are the newest entries." }
            p #tail-state .muted role="status" { "Reading the newest entries …" }
            div #entries {}
        }
    }
}
