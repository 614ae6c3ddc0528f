//! The pages beside those of entries: who may do what, and files to take away.

use axum::http::StatusCode;
use axum::response::Response;
use maud::html;

use super::frame::{Page, Section, bare, frame};
use super::pages::{known, missing, sign_in, who};
use super::{embedded, page};
use crate::call::Call;

/// `GET /ui/access`: oneself, and as far as the API tells this reader, everyone else.
pub(crate) fn access(call: &Call) -> Response {
    let Some(who) = who(call) else { return sign_in(call) };
    let body = html! {
        div #access aria-busy="true" {
            h1 { "Access" }
            p .muted role="status" { "Reading who may do what …" }
        }
    };
    let page_ = Page { title: "Access", module: "access.js", who: Some(who), log: None, body };
    page(StatusCode::OK, frame(&page_))
}

/// `GET /ui/logs/{log}/export`: what a query finds, verified in the page and put into a file.
pub(crate) fn export(call: &Call) -> Response {
    let Some(who) = who(call) else { return sign_in(call) };
    let info = match known(call) {
        Ok(info) => info,
        Err(status) => return missing(who, status),
    };
    let name = info.name.as_str();
    let formats = [
        (
            "proofs",
            "With proofs",
            "for graven verify and sdk/verify, offline and for ever; at most 256 entries a file",
        ),
        (
            "ndjson",
            "NDJSON",
            "a line for each entry: its index, header and event, as the log has them",
        ),
        (
            "csv",
            "CSV",
            "a row for each entry, for spreadsheets; the whole event is its last column",
        ),
        (
            "parquet",
            "Parquet",
            "the same rows in columns with types, for DuckDB, Spark and their like",
        ),
    ];
    let body = html! {
        h1 { "Export" }
        form #export data-log=(name) {
            label { "Query" input name="q" spellcheck="false" autocomplete="off" placeholder="everything"; }
            fieldset { legend { "As" }
                @for (at, (value, title, what)) in formats.iter().enumerate() {
                    label .choice { input type="radio" name="format" value=(value) checked[at == 0];
                        span { strong { (title) } " " span .muted { (what) } } }
                }
            }
            button .primary { "Make the file" }
        }
        div #made role="status" {}
        section aria-labelledby="whole" {
            h2 #whole { "The whole log" }
            p { "With every entry, its tiles and checkpoint, from outside of this browser; it takes the right to export:" }
            pre { code { "graven export --log " (name) " --format tiles --output FOLDER" } }
        }
    };
    let title = format!("{name}: export");
    let section = Some((name, Section::Export));
    page(
        StatusCode::OK,
        frame(&Page { title: &title, module: "export.js", who: Some(who), log: section, body }),
    )
}

/// `GET /ui/view`: what a view link shows. The link stands behind `#` of the address, which browsers send to nobody.
pub(crate) fn view(call: &Call) -> Response {
    let body = html! {
        div #view aria-busy="true" { p .muted role="status" { "Reading …" } }
        noscript { p .notice.bad { "This view checks proofs and draws entries itself, and needs JavaScript for that." } }
    };
    embedded(call, bare("Activity", "viewer.js", &body))
}
