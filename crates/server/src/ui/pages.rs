//! The pages: what each frames, and for whom.

use access::Right;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use log::{LogHandle, LogInfo};
use maud::{Markup, html};

use super::frame::{Page, Section, frame};
use super::page;
use crate::call::{Call, parse_number};
use crate::limits::LIST_ITEMS_MAX;

/// A log with no more entries than this has none but its opening.
const OPENING_ENTRIES: u64 = 1;

/// `GET /ui/`: the logs; on a server without events, how the first one comes.
pub(crate) fn overview(call: &Call) -> Response {
    let Some(who) = who(call) else { return sign_in(call) };
    let mut logs: Vec<LogInfo> = call.shared.cell.logs().iter().map(LogHandle::info).collect();
    logs.retain(|info| call.may(Right::ListLogs, info.name.as_str()));
    let more = logs.len().saturating_sub(LIST_ITEMS_MAX);
    logs.truncate(LIST_ITEMS_MAX);
    let is_new = |info: &LogInfo| info.name.as_str() == "main" && info.size.0 <= OPENING_ENTRIES;
    let first = logs.iter().find(|info| is_new(info));
    let body = html! {
        @if let Some(info) = first { (first_run(info)) }
        section aria-labelledby="logs" {
            h1 #logs { "Logs" }
            @if logs.is_empty() {
                p .empty { "No log is yours to list. An owner gives roles: " code { "graven token create --role reader" } "." }
            } @else {
                ul .cards { @for info in &logs { (card(info)) } }
            }
            @if more > 0 { p { (more) " more; " code { "graven log list" } " names them all." } }
        }
    };
    let title = if first.is_some() { "First event" } else { "Logs" };
    let page_ = Page { title, module: "overview.js", who: Some(who), log: None, body };
    page(StatusCode::OK, frame(&page_))
}

fn card(info: &LogInfo) -> Markup {
    let name = info.name.as_str();
    html! {
        li .card {
            h2 { a href={ "/ui/logs/" (name) } { (name) } }
            p .muted { (info.size.0) @if info.size.0 == 1 { " entry" } @else { " entries" }
                @if info.public { " · public" } @if info.ended.is_some() { " · ended" } }
            p .origin { (info.origin.as_str()) }
            p .seen.muted data-origin=(info.origin.as_str()) {}
        }
    }
}

/// Three commands, and where the first event arrives.
fn first_run(info: &LogInfo) -> Markup {
    html! {
        section .first-run data-log=(info.name.as_str()) data-from=(info.size.0) aria-labelledby="first" {
            h1 #first { "Put the first event in" }
            p { "Three commands. What arrives is shown here at once." }
            ol .commands {
                li { p { "A token for the writer, shown once. Run it where the data directory is:" }
                    pre { code { "graven token create billing-api --role writer" } } }
                li { p { "Hand the token to the writer:" }
                    pre { code { "export GRAVEN_TOKEN=graven_…" } } }
                li { p { "Append:" }
                    pre { code #append-command {
                        "echo '{\"actor\":{\"type\":\"user\",\"id\":\"42\"},\"action\":\"invoice.update\"}' |\n  graven append --url http://127.0.0.1:7070 --log "
                        (info.name.as_str())
                    } } }
            }
            p #arrival .notice role="status" { "Waiting for the first event …" }
        }
    }
}

/// `GET /ui/logs/{log}/{index}`: one entry.
pub(crate) fn entry(call: &Call) -> Response {
    let Some(who) = who(call) else { return sign_in(call) };
    let index = parse_number("index", call.param("index").unwrap_or_default()).ok();
    let known = known(call).and_then(|info| Ok((info, index.ok_or(StatusCode::NOT_FOUND)?)));
    let (info, index) = match known {
        Ok(known) => known,
        Err(status) => return missing(who, status),
    };
    let name = info.name.as_str();
    let body = html! {
        (neighbours(&info, index))
        article #entry data-log=(name) data-index=(index) aria-busy="true" {
            p .muted role="status" { "Reading and checking entry " (index) " …" }
        }
    };
    let title = format!("{name} {index}");
    let section = Some((name, Section::Explore));
    page(
        StatusCode::OK,
        frame(&Page { title: &title, module: "entry.js", who: Some(who), log: section, body }),
    )
}

/// The ways to the entries beside this one.
fn neighbours(info: &LogInfo, index: u64) -> Markup {
    let href = |index: u64| format!("/ui/logs/{}/{index}", info.name);
    html! {
        nav .neighbours aria-label="Neighbours" {
            @if let Some(before) = index.checked_sub(1) {
                a href=(href(before)) rel="prev" aria-keyshortcuts="k" { "← " (before) }
            }
            @if index + 1 < info.size.0 {
                a href=(href(index + 1)) rel="next" aria-keyshortcuts="j" { (index + 1) " →" }
            }
        }
    }
}

/// `GET /ui/logs/{log}/integrity`: what is known of the log's proofs, here and in this browser.
pub(crate) fn integrity(call: &Call) -> Response {
    let Some(who) = who(call) else { return sign_in(call) };
    let info = match known(call) {
        Ok(info) => info,
        Err(status) => return missing(who, status),
    };
    let name = info.name.as_str();
    let body = html! {
        div #integrity data-log=(name) aria-busy="true" {
            h1 { "Integrity" }
            p .muted role="status" { "Reading and checking the newest checkpoint …" }
        }
    };
    let title = format!("{name}: integrity");
    let section = Some((name, Section::Integrity));
    page(
        StatusCode::OK,
        frame(&Page { title: &title, module: "integrity.js", who: Some(who), log: section, body }),
    )
}

/// What whoever is not signed in gets on every page; signed in, they go on where they wanted to.
pub(super) fn sign_in(call: &Call) -> Response {
    let gate = &call.shared.gate;
    let body = html! {
        section .sign-in {
            h1 { "Sign in" }
            p #problem .notice.bad role="alert" hidden {}
            @if gate.sign_in.public().is_ok() {
                button #by-passkey .primary type="button" { "Sign in with a passkey" }
                p .or { "or" }
            }
            form #by-code {
                label { "Token" input name="token" type="password" autocomplete="current-password" required spellcheck="false"; }
                label { "Code of your authenticator app"
                    input name="totp" inputmode="numeric" autocomplete="one-time-code" pattern="[0-9]{6}" maxlength="6" required; }
                button .primary { "Sign in" }
            }
            @if gate.has_issuer() {
                details { summary { "With a token of your company's issuer" }
                    form #by-issuer {
                        label { "ID token" textarea name="id_token" rows="4" required spellcheck="false" {} }
                        button .primary { "Sign in" }
                    }
                }
            }
            details { summary { "No code yet?" }
                p { "An owner makes you a token; you add your authenticator app to it, once:" }
                pre { code { "graven token create audrey --role auditor\nGRAVEN_TOKEN=graven_… graven token factor add audrey --totp" } }
                p .muted { "A token alone does not sign you in: a browser's session needs a second factor." }
            }
        }
    };
    let page_ = Page { title: "Sign in", module: "signin.js", who: None, log: None, body };
    let mut response = page(StatusCode::UNAUTHORIZED, frame(&page_));
    let scheme = HeaderValue::from_static("Bearer realm=\"graven\"");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
    response
}

/// The page in the place of one that is not there, or not for this reader.
pub(super) fn missing(who: &str, status: StatusCode) -> Response {
    let body = html! {
        h1 { "Nothing here" }
        p { "There is no such page, or it is not yours to know. " a href="/ui/" { "The logs" } " are here." }
    };
    page(
        status,
        frame(&Page {
            title: "Nothing here",
            module: "overview.js",
            who: Some(who),
            log: None,
            body,
        }),
    )
}

/// Who is signed in.
pub(super) fn who(call: &Call) -> Option<&str> {
    call.principal().ok().map(|principal| principal.id.as_str())
}

/// The log that the path names; else why it is not shown. That a public one exists is no secret.
pub(super) fn known(call: &Call) -> Result<LogInfo, StatusCode> {
    let name = call.param("log").unwrap_or_default();
    let info = call.shared.cell.log(name).ok_or(StatusCode::NOT_FOUND)?.info();
    if call.may(Right::ListLogs, name) {
        return Ok(info);
    }
    Err(if info.public { StatusCode::FORBIDDEN } else { StatusCode::NOT_FOUND })
}
