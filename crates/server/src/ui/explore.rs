//! The pages that find: a log's entries by a query, the states of a resource, and what was done in order.

use axum::http::StatusCode;
use axum::response::Response;
use log::LogInfo;
use maud::{Markup, html};

use super::frame::{Page, Section, frame};
use super::page;
use super::pages::{known, missing, sign_in, who};
use crate::dispatch::Call;

/// What the time buttons say, and the term that each stands for.
const SPANS: [(&str, &str); 6] = [
    ("15 minutes", "15m"),
    ("Hour", "1h"),
    ("Day", "24h"),
    ("Week", "7d"),
    ("30 days", "30d"),
    ("All", ""),
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
