//! Every route once: it drives the router, access, the query's check and the contract.

use std::pin::Pin;
use std::sync::Arc;

use access::Right;
use append::{Code, Refusal};
use axum::Router;
use axum::extract::Request;
use axum::http::HeaderValue;
use axum::response::Response;
use axum::routing::MethodRouter;
use serde_json::Value;

use crate::call::Answer;
use crate::dispatch::{Target, dispatch};
use crate::handlers::{
    approvals, blobs, entries, events, factors, keys, logs, pages, policies, queries, scope,
    sealed, search, session, sql, state, streams, subjects, tail, tiles, tokens, views,
};
use crate::record::Recorded;
use crate::route::{Access, Doc, Method, Param, Route};
use crate::shared::Shared;
use crate::ui;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";
const BYTES: &str = "application/octet-stream";
const HTML: &str = "text/html";

/// A page, or the way to sign in, or that there is no such page.
const UI: &[(u16, &str, &str)] =
    &[(200, HTML, "Text"), (401, HTML, "Text"), (403, HTML, "Text"), (404, HTML, "Text")];
const SESSION: &[(u16, &str, &str)] = &[(200, JSON, "Session")];
const ELSEWHERE: &[(u16, &str, &str)] = &[(303, TEXT, "Text")];
const DONE: &[(u16, &str, &str)] = &[(200, JSON, "Any")];

const PAGE: &[Param] = &[
    optional("after", "string", "only what comes after this name"),
    optional("limit", "integer", "items of this page, 1 to 1000"),
];

const SEARCH: &[Param] = &[
    optional("q", "string", "the query (docs/search.md); without it everything"),
    optional("limit", "integer", "results of this page, 0 to 256; 100 without it"),
    optional("cursor", "string", "`next` of the page before"),
    optional(
        "facets",
        "string",
        "fields whose values are counted, with commas between them; without it the first page counts the usual ones",
    ),
    optional("histogram", "boolean", "whether to count by time; without it the first page does"),
    optional("wait", "integer", "wait until the entry of this index can be found, at most 10 s"),
    optional(
        "proofs",
        "boolean",
        "whether to give the results' entries, and one proof for all of them",
    ),
];

const SUGGEST: &[Param] = &[
    optional("field", "string", "whose values; without it names of fields"),
    optional("begin", "string", "how they begin"),
];

const FROM: Param = optional("from", "integer", "the first index; `next` of the page before");
const WAIT: Param =
    optional("wait", "integer", "wait until the entry of this index can be found, at most 10 s");
const PAGE_LIMIT: Param =
    optional("limit", "integer", "entries of this page, 1 to 256; 100 without it");
const TARGET: Param =
    required("target", "string", "the resource: `type/id`, or the id of one without a type");
const AT: Param =
    optional("at", "string", "an index, with its entry, or a time of the log; now without it");

const HISTORY: &[Param] = &[TARGET, FROM, PAGE_LIMIT, WAIT];
const STATE: &[Param] = &[TARGET, AT, FROM, WAIT];
const DIFF: &[Param] = &[
    TARGET,
    required("a", "string", "the earlier moment, as `at` of `asof`"),
    optional("b", "string", "the later one, of the same kind; now without it"),
    WAIT,
];
const TIMELINE: &[Param] = &[
    optional("actor", "string", "the actor's id; one of these four has to be there"),
    optional("session", "string", "the session's id"),
    optional("trace", "string", "the trace's id"),
    optional("q", "string", "a query (docs/search.md)"),
    FROM,
    PAGE_LIMIT,
    WAIT,
];

const APPEND: Doc = Doc {
    id: "append",
    summary: "append one event, many, or a batch; all or nothing",
    query: &[
        optional("ack", "ack", "the ack level to wait for"),
        optional("proof", "boolean", "whether each receipt comes with its header and tlog-proof"),
    ],
    body: &[
        (JSON, "Event"),
        ("application/x-ndjson", "Lines"),
        ("application/vnd.graven.batch", "Lines"),
    ],
    answers: &[(200, JSON, "Appended"), (202, JSON, "Appended")],
    refusals: &[
        Code::BadJson,
        Code::BadEvent,
        Code::BadAttestation,
        Code::AckUnavailable,
        Code::TooLarge,
        Code::UnsupportedType,
        Code::NotFound,
        Code::Conflict,
        Code::SeqGap,
        Code::SeqRecorded,
        Code::Timeout,
        Code::Busy,
        Code::DiskFull,
        Code::Unavailable,
    ],
};

/// All routes of the server.
pub(crate) static ROUTES: [Route; 75] = [
    Route {
        method: Method::Post,
        path: "/api/v1/logs",
        access: Access::Needs(Right::CreateLog),
        recorded: Recorded::Always("graven.config"),
        handler: |call| Box::pin(logs::create(call)),
        doc: Doc {
            id: "createLog",
            summary: "create a log with its own keys",
            query: &[],
            body: &[(JSON, "CreateLog")],
            answers: &[(201, JSON, "Log")],
            refusals: &[
                Code::BadJson,
                Code::TooLarge,
                Code::UnsupportedType,
                Code::Exists,
                Code::Timeout,
                Code::DiskFull,
                Code::Unavailable,
            ],
        },
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs",
        access: Access::AnyPrincipal,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| Box::pin(logs::list(call)),
        doc: read("listLogs", "list the logs by name", PAGE, &[(200, JSON, "Logs")]),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}",
        access: Access::Needs(Right::ListLogs),
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| Box::pin(logs::show(call)),
        doc: read("showLog", "show one log", &[], &[(200, JSON, "Log")]),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/logs/{log}/events",
        access: Access::Needs(Right::Append),
        recorded: Recorded::Refusals("graven.append"),
        handler: |call| Box::pin(events::append(call)),
        doc: APPEND,
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/streams",
        access: Access::Needs(Right::ReadStreams),
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| Box::pin(streams::list(call)),
        doc: read("listStreams", "list the streams by name", PAGE, &[(200, JSON, "Streams")]),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/streams/{*stream}",
        access: Access::Needs(Right::ReadStreams),
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(streams::show(call)),
        doc: read("showStream", "what a producer resumes from", &[], &[(200, JSON, "Stream")]),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/entries/{index}",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.read"),
        handler: |call| Box::pin(entries::entry(call)),
        doc: read("getEntry", "the entry's raw bytes", &[], &[(200, TEXT, "Text")]),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/entries/{index}/proof",
        access: Access::Needs(Right::ReadProofs),
        recorded: Recorded::Always("graven.proof"),
        handler: |call| Box::pin(entries::proof(call)),
        doc: read(
            "getProof",
            "the entry's tlog-proof against the newest checkpoint",
            &[],
            &[(200, TEXT, "Text")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/logs/{log}/blobs",
        access: Access::Needs(Right::Append),
        recorded: Recorded::Refusals("graven.append"),
        handler: |call| Box::pin(blobs::add(call)),
        doc: Doc {
            id: "addBlob",
            summary: "append an event with length, media type and SHA-256 of the body, and the body beside it; \
                sealed, where the headers Graven-Subject and Graven-Class say whom it is about",
            query: &[],
            body: &[("*/*", "Bytes")],
            ..APPEND
        },
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/entries/{index}/blobs/{digest}",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.read"),
        handler: |call| Box::pin(blobs::get(call)),
        doc: read(
            "getBlob",
            "the blob of this SHA-256 (hexadecimal) that the entry names",
            &[],
            &[(200, BYTES, "Bytes")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/logs/{log}/entries/{index}/reveal",
        access: Access::Needs(Right::Reveal),
        recorded: Recorded::Refusals("graven.reveal"),
        handler: |call| Box::pin(sealed::reveal(call)),
        doc: Doc {
            id: "reveal",
            summary: "open one sealed value of an entry; `system` says who and why before it goes out",
            query: &[],
            body: &[(JSON, "Reveal")],
            answers: &[(200, JSON, "Revealed")],
            refusals: &[
                Code::ApprovalNeeded,
                Code::BadJson,
                Code::BadEvent,
                Code::TooLarge,
                Code::UnsupportedType,
                Code::NotFound,
                Code::Expired,
                Code::Timeout,
                Code::DiskFull,
                Code::Unavailable,
            ],
        },
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/consistency",
        access: Access::Needs(Right::ReadProofs),
        recorded: Recorded::Always("graven.proof"),
        handler: |call| Box::pin(entries::consistency(call)),
        doc: read(
            "getConsistency",
            "the consistency proof between two sizes (RFC 9162 section 2.1.4)",
            &[
                required("old", "integer", "the smaller tree size"),
                required("new", "integer", "the larger tree size"),
            ],
            &[(200, JSON, "Consistency")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/search",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.search"),
        handler: |call| Box::pin(search::search(call)),
        doc: Doc {
            id: "search",
            summary: "the newest entries that a query finds, and how many it finds in all",
            query: SEARCH,
            body: &[],
            answers: &[(200, JSON, "Found")],
            refusals: &[
                Code::BadQuery,
                Code::QueryLimit,
                Code::NotFound,
                Code::Busy,
                Code::DiskFull,
                Code::Unavailable,
            ],
        },
    },
    Route {
        method: Method::Post,
        path: "/api/v1/logs/{log}/search",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.search"),
        handler: |call| Box::pin(search::search_subject(call)),
        doc: Doc {
            id: "searchSubject",
            summary: "the same of the entries of one subject, by its id or its pseudonym; takes the right `find_subject` too",
            query: SEARCH,
            body: &[(JSON, "OfSubject")],
            answers: &[(200, JSON, "Found")],
            refusals: &[
                Code::ApprovalNeeded,
                Code::BadJson,
                Code::BadEvent,
                Code::BadQuery,
                Code::QueryLimit,
                Code::TooLarge,
                Code::UnsupportedType,
                Code::NotFound,
                Code::Timeout,
                Code::Busy,
                Code::DiskFull,
                Code::Unavailable,
            ],
        },
    },
    Route {
        method: Method::Post,
        path: "/api/v1/logs/{log}/sql",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.search"),
        handler: |call| Box::pin(sql::sql(call)),
        doc: Doc {
            id: "sql",
            summary: "the rows of one SQL statement that reads (docs/sql.md)",
            query: &[WAIT],
            body: &[(JSON, "Statement")],
            answers: &[(200, JSON, "Rows")],
            refusals: &[
                Code::BadJson,
                Code::BadQuery,
                Code::QueryLimit,
                Code::TooLarge,
                Code::UnsupportedType,
                Code::NotFound,
                Code::Timeout,
                Code::Busy,
                Code::DiskFull,
                Code::Unavailable,
            ],
        },
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/suggest",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.search"),
        handler: |call| Box::pin(search::suggest(call)),
        doc: find(
            "suggest",
            "names of fields, or values of one, that begin as asked; at most 20",
            SUGGEST,
            &[(200, JSON, "Suggestions")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/history",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.search"),
        handler: |call| Box::pin(state::history(call)),
        doc: find(
            "history",
            "the entries that name a resource, oldest first, and what each did to it",
            HISTORY,
            &[(200, JSON, "History")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/asof",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.search"),
        handler: |call| Box::pin(state::as_of(call)),
        doc: find("asof", "the state of a resource at a moment", STATE, &[(200, JSON, "AsOf")]),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/diff",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.search"),
        handler: |call| Box::pin(state::diff(call)),
        doc: find(
            "diff",
            "the fields in which a resource differs between two moments",
            DIFF,
            &[(200, JSON, "Diff")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/blame",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.search"),
        handler: |call| Box::pin(state::blame(call)),
        doc: find(
            "blame",
            "the state of a resource with the entry that set each field",
            STATE,
            &[(200, JSON, "Blame")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/timeline",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.search"),
        handler: |call| Box::pin(state::timeline(call)),
        doc: find(
            "timeline",
            "what an actor did, or what happened in a session or a trace, oldest first",
            TIMELINE,
            &[(200, JSON, "Timeline")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/tail",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.read"),
        handler: |call| at_once(tail::tail(call)),
        doc: Doc {
            id: "tail",
            summary: "entries as server-sent events: id is the index, data an EntryLine; \
                an id without data says that what is before it, and was not sent, is left out; \
                resumes after Last-Event-ID; a last `event: error` carries a Problem",
            query: &[
                optional("from", "integer", "the first index; without it the next one"),
                optional("q", "string", "only what this query finds (docs/search.md)"),
            ],
            body: &[],
            answers: &[(200, "text/event-stream", "Text")],
            refusals: &[
                Code::BadQuery,
                Code::QueryLimit,
                Code::NotFound,
                Code::Busy,
                Code::DiskFull,
                Code::Unavailable,
            ],
        },
    },
    Route {
        method: Method::Post,
        path: "/api/v1/logs/{log}/views",
        access: Access::Needs(Right::ReadEntries),
        recorded: Recorded::Always("graven.view"),
        handler: |call| Box::pin(views::create(call)),
        doc: Doc {
            id: "createView",
            summary: "make a view link: for a short time, and of this log only the entries whose field is this string",
            query: &[],
            body: &[(JSON, "CreateView")],
            answers: &[(201, JSON, "View")],
            refusals: &[
                Code::BadJson,
                Code::TooLarge,
                Code::UnsupportedType,
                Code::NotFound,
                Code::Timeout,
                Code::DiskFull,
            ],
        },
    },
    Route {
        method: Method::Get,
        path: "/api/v1/view",
        access: Access::AnyPrincipal,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(views::show(call)),
        doc: Doc {
            refusals: &[Code::NotFound],
            ..read(
                "showView",
                "what the view link that asks shows",
                &[],
                &[(200, JSON, "ViewLink")],
            )
        },
    },
    Route {
        method: Method::Post,
        path: "/api/v1/logs/{log}/keys",
        access: Access::Needs(Right::ManageKeys),
        recorded: Recorded::Always("graven.config"),
        handler: |call| Box::pin(keys::change(call)),
        doc: Doc {
            id: "changeKey",
            summary: "add, rotate or revoke a stream's key, or rotate the log's keys",
            query: &[],
            body: &[(JSON, "ChangeKey")],
            answers: &[(200, JSON, "Log")],
            refusals: &[
                Code::BadJson,
                Code::BadEvent,
                Code::BadAttestation,
                Code::ApprovalNeeded,
                Code::TooLarge,
                Code::UnsupportedType,
                Code::NotFound,
                Code::Conflict,
                Code::Exists,
                Code::Timeout,
                Code::DiskFull,
                Code::Unavailable,
            ],
        },
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/policy",
        access: Access::Needs(Right::ReadPolicy),
        recorded: Recorded::Always("graven.list"),
        handler: |call| at_once(scope::show(call)),
        doc: read("showPolicy", "the log's audit policy", &[], &[(200, JSON, "LogPolicy")]),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/logs/{log}/policy",
        access: Access::Needs(Right::ManagePolicy),
        recorded: Recorded::Refusals("graven.policy"),
        handler: |call| Box::pin(scope::set(call)),
        doc: change(
            "setPolicy",
            "give the log another audit policy: what it takes of which events",
            &[(JSON, "AuditPolicy")],
            &[(200, JSON, "LogPolicy")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/logs/{log}/explain",
        access: Access::Needs(Right::ReadPolicy),
        recorded: Recorded::Always("graven.list"),
        handler: |call| Box::pin(scope::explain(call)),
        doc: Doc {
            id: "explainEvent",
            summary: "what the log's audit policy would make of an event, and by which rule",
            query: &[optional("as", "string", "how it is handed in: event, stream or signed")],
            body: &[(JSON, "Event")],
            answers: &[(200, JSON, "Explanation")],
            refusals: &[
                Code::BadEvent,
                Code::TooLarge,
                Code::UnsupportedType,
                Code::NotFound,
                Code::Timeout,
                Code::DiskFull,
            ],
        },
    },
    Route {
        method: Method::Post,
        path: "/api/v1/tokens",
        access: Access::Needs(Right::Grant),
        recorded: Recorded::Refusals("graven.grant"),
        handler: |call| Box::pin(tokens::create(call)),
        doc: change(
            "createToken",
            "make a principal with a role and a token, shown once",
            &[(JSON, "CreateToken")],
            &[(201, JSON, "Token")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/tokens",
        access: Access::Needs(Right::Grant),
        recorded: Recorded::Always("graven.list"),
        handler: |call| at_once(tokens::list(call)),
        doc: Doc {
            id: "listTokens",
            summary: "list the principals by name, with roles, expiry and last use",
            query: PAGE,
            body: &[],
            answers: &[(200, JSON, "Tokens")],
            refusals: &[Code::DiskFull],
        },
    },
    Route {
        method: Method::Post,
        path: "/api/v1/tokens/{principal}/revoke",
        access: Access::Needs(Right::Grant),
        recorded: Recorded::Refusals("graven.grant"),
        handler: |call| Box::pin(tokens::revoke(call)),
        doc: change(
            "revokeToken",
            "revoke a principal's token for ever",
            &[],
            &[(200, JSON, "Token")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/tokens/{principal}/roles",
        access: Access::Needs(Right::Grant),
        recorded: Recorded::Refusals("graven.grant"),
        handler: |call| Box::pin(tokens::change_role(call)),
        doc: change(
            "changeRole",
            "give a principal a role, or take one",
            &[(JSON, "ChangeRole")],
            &[(200, JSON, "Token")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/session",
        access: Access::Open,
        recorded: Recorded::Refusals("graven.login"),
        handler: |call| Box::pin(session::sign_in(call)),
        doc: sign_in(
            "signIn",
            "begin a session by a token and a code; the answer sets its cookie",
            &[(JSON, "SignIn")],
            SESSION,
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/session",
        access: Access::AnyPrincipal,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(session::show(call)),
        doc: Doc {
            refusals: &[],
            ..read("showSession", "who asks: roles, factors, until when", &[], SESSION)
        },
    },
    Route {
        method: Method::Delete,
        path: "/api/v1/session",
        access: Access::AnyPrincipal,
        recorded: Recorded::Refusals("graven.login"),
        handler: |call| at_once(session::end(call)),
        doc: Doc {
            refusals: &[Code::NotFound],
            ..read("endSession", "end the session", &[], DONE)
        },
    },
    Route {
        method: Method::Get,
        path: "/api/v1/session/oidc",
        access: Access::Open,
        recorded: Recorded::Refusals("graven.login"),
        handler: |call| Box::pin(session::leave(call)),
        doc: Doc {
            refusals: &[Code::Busy, Code::Unavailable],
            ..page("leaveForIssuer", "send a browser to the issuer, to sign in", ELSEWHERE)
        },
    },
    Route {
        method: Method::Get,
        path: "/api/v1/session/oidc/callback",
        access: Access::Open,
        recorded: Recorded::Refusals("graven.login"),
        handler: |call| Box::pin(session::come_back(call)),
        doc: Doc {
            id: "comeBack",
            summary: "begin a session by what the issuer says; the answer sets its cookie",
            query: &[
                optional("state", "string", "what the browser was sent with"),
                optional("code", "string", "what the issuer gives a token for"),
                optional("iss", "string", "the issuer (RFC 9207)"),
            ],
            body: &[],
            answers: ELSEWHERE,
            refusals: &[Code::BadQuery, Code::Unauthenticated, Code::Busy, Code::Unavailable],
        },
    },
    Route {
        method: Method::Post,
        path: "/api/v1/session/passkey/start",
        access: Access::Open,
        recorded: Recorded::Refusals("graven.login"),
        handler: |call| at_once(session::start(call)),
        doc: sign_in("startPasskey", "a challenge for a passkey (WebAuthn Level 2)", &[], DONE),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/session/passkey/finish",
        access: Access::Open,
        recorded: Recorded::Refusals("graven.login"),
        handler: |call| Box::pin(session::finish(call)),
        doc: sign_in(
            "finishPasskey",
            "begin a session by a passkey's answer; the answer sets its cookie",
            &[(JSON, "Any")],
            SESSION,
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/tokens/{principal}/factors",
        access: Access::OwnOr(Right::Grant),
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(factors::list(call)),
        doc: Doc {
            refusals: &[Code::NotFound],
            ..read(
                "listFactors",
                "list a principal's second factors",
                &[],
                &[(200, JSON, "Factors")],
            )
        },
    },
    Route {
        method: Method::Post,
        path: "/api/v1/tokens/{principal}/factors",
        access: Access::OwnOr(Right::Grant),
        recorded: Recorded::Refusals("graven.factor"),
        handler: |call| Box::pin(factors::start(call)),
        doc: change(
            "startFactor",
            "begin a second factor of one's own: a secret for codes, or a challenge for a passkey",
            &[(JSON, "StartFactor")],
            &[(200, JSON, "StartedFactor")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/tokens/{principal}/factors/finish",
        access: Access::OwnOr(Right::Grant),
        recorded: Recorded::Refusals("graven.factor"),
        handler: |call| Box::pin(factors::finish(call)),
        doc: change(
            "finishFactor",
            "finish a second factor of one's own by its first code, or with the passkey",
            &[(JSON, "FinishFactor")],
            &[(200, JSON, "Factor")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/tokens/{principal}/factors/{factor}/remove",
        access: Access::OwnOr(Right::Grant),
        recorded: Recorded::Refusals("graven.factor"),
        handler: |call| Box::pin(factors::remove(call)),
        doc: change("removeFactor", "remove a second factor", &[], DONE),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/subjects/erase",
        access: Access::Needs(Right::Erase),
        recorded: Recorded::Refusals("graven.erasure"),
        handler: |call| Box::pin(subjects::erase(call)),
        doc: of_subject(
            "eraseSubject",
            "destroy a subject's key and what was sealed under it, for ever",
            &[(200, JSON, "Erased")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/subjects/hold",
        access: Access::Needs(Right::Hold),
        recorded: Recorded::Refusals("graven.hold"),
        handler: |call| Box::pin(subjects::hold(call)),
        doc: of_subject(
            "holdSubject",
            "put a subject under legal hold: it is not erased",
            &[(200, JSON, "Subject")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/subjects/release",
        access: Access::Needs(Right::Hold),
        recorded: Recorded::Refusals("graven.hold"),
        handler: |call| Box::pin(subjects::release(call)),
        doc: of_subject("releaseSubject", "end a subject's legal hold", &[(200, JSON, "Subject")]),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/subjects/show",
        access: Access::Needs(Right::FindSubject),
        recorded: Recorded::Refusals("graven.subject"),
        handler: |call| Box::pin(subjects::show(call)),
        doc: of_subject(
            "showSubject",
            "the pseudonym that stands for an id",
            &[(200, JSON, "Subject")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/policies",
        access: Access::Needs(Right::ReadPolicy),
        recorded: Recorded::Always("graven.list"),
        handler: |call| at_once(Ok(policies::list(call))),
        doc: Doc {
            id: "listPolicies",
            summary: "the Cedar policies that narrow what roles give, and their schema",
            query: &[],
            body: &[],
            answers: &[(200, JSON, "Policies")],
            refusals: &[Code::DiskFull],
        },
    },
    Route {
        method: Method::Post,
        path: "/api/v1/policies/{policy}",
        access: Access::Needs(Right::Grant),
        recorded: Recorded::Refusals("graven.policy"),
        handler: |call| Box::pin(policies::change(call)),
        doc: change(
            "changePolicy",
            "set a Cedar policy, or take it away",
            &[(JSON, "ChangePolicy")],
            &[(200, JSON, "Policy")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/logs/{log}/queries",
        access: Access::Needs(Right::ManageQueries),
        recorded: Recorded::Always("graven.list"),
        handler: |call| at_once(queries::list(call)),
        doc: read(
            "listQueries",
            "a log's saved queries, and how each goes",
            &[],
            &[(200, JSON, "Queries")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/logs/{log}/queries/{query}",
        access: Access::Needs(Right::ManageQueries),
        recorded: Recorded::Refusals("graven.query"),
        handler: |call| Box::pin(queries::change(call)),
        doc: change(
            "changeQuery",
            "save a query that a webhook tells of, draw its secret anew, or take it away",
            &[(JSON, "ChangeQuery")],
            &[(200, JSON, "SavedQuery")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/logs/{log}/queries/{query}/test",
        access: Access::Needs(Right::ManageQueries),
        recorded: Recorded::Always("graven.query.test"),
        handler: |call| Box::pin(queries::test(call)),
        doc: change(
            "testQuery",
            "send a saved query's webhook once, to see whether it arrives",
            &[],
            &[(200, JSON, "Tested")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/approvals",
        access: Access::AnyPrincipal,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(approvals::list(call)),
        doc: page(
            "listApprovals",
            "what waits for a second person: one's own requests, and those that one may approve",
            &[(200, JSON, "Approvals")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/approvals/{approval}/approve",
        access: Access::AnyPrincipal,
        recorded: Recorded::Refusals("graven.approval"),
        handler: |call| Box::pin(approvals::approve(call)),
        doc: change(
            "approve",
            "approve another's request; it needs the right that the request needs",
            &[],
            &[(200, JSON, "Approval")],
        ),
    },
    Route {
        method: Method::Post,
        path: "/api/v1/approvals/{approval}/deny",
        access: Access::AnyPrincipal,
        recorded: Recorded::Refusals("graven.approval"),
        handler: |call| Box::pin(approvals::deny(call)),
        doc: change(
            "deny",
            "end a request undone: another's that one may approve, or one's own",
            &[],
            &[(200, JSON, "Approval")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/api/v1/openapi.json",
        access: Access::AnyPrincipal,
        recorded: Recorded::Refusals("graven.list"),
        handler: |_| at_once(Ok(pages::contract(crate::openapi::text(&ROUTES)))),
        doc: page("getContract", "this document", &[(200, JSON, "Any")]),
    },
    Route {
        method: Method::Get,
        path: "/healthz",
        access: Access::Open,
        recorded: Recorded::Refusals("graven.list"),
        handler: |_| at_once(Ok(pages::healthz())),
        doc: page("healthz", "the process answers", &[(200, TEXT, "Text")]),
    },
    Route {
        method: Method::Get,
        path: "/readyz",
        access: Access::Open,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(pages::readyz(call)),
        doc: Doc {
            id: "readyz",
            summary: "appends are taken",
            query: &[],
            body: &[],
            answers: &[(200, TEXT, "Text")],
            refusals: &[Code::Unavailable],
        },
    },
    Route {
        method: Method::Get,
        path: "/metrics",
        access: Access::Needs(Right::ReadMetrics),
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| Box::pin(pages::metrics(call)),
        doc: page("metrics", "counters in the Prometheus text format", &[(200, TEXT, "Text")]),
    },
    Route {
        method: Method::Get,
        path: "/log/{log}/checkpoint",
        access: Access::PublicLog(Right::ReadProofs),
        recorded: Recorded::Always("graven.proof"),
        handler: |call| Box::pin(tiles::checkpoint(call)),
        doc: read(
            "getCheckpoint",
            "the published checkpoint (C2SP tlog-checkpoint)",
            &[],
            &[(200, TEXT, "Text")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/log/{log}/tile/{*tile}",
        access: Access::PublicLog(Right::ReadProofs),
        recorded: Recorded::Always("graven.proof"),
        handler: |call| Box::pin(tiles::hashes(call)),
        doc: read(
            "getHashTile",
            "a hash tile, <level>/<index>[.p/<width>] (C2SP tlog-tiles)",
            &[],
            &[(200, BYTES, "Bytes")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/log/{log}/tile/entries/{*tile}",
        access: Access::PublicLog(Right::Export),
        recorded: Recorded::Always("graven.export"),
        handler: |call| Box::pin(tiles::entries(call)),
        doc: read(
            "getEntryBundle",
            "an entry bundle, <index>[.p/<width>] (C2SP tlog-tiles)",
            &[],
            &[(200, BYTES, "Bytes")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/",
        access: Access::Open,
        recorded: Recorded::Refusals("graven.list"),
        handler: |_| at_once(Ok(ui::home())),
        doc: page("home", "leads to the web UI", &[(303, HTML, "Text")]),
    },
    Route {
        method: Method::Get,
        path: "/ui/",
        access: Access::Page,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(Ok(ui::overview(call))),
        doc: page("uiOverview", "web UI: the logs", UI),
    },
    Route {
        method: Method::Get,
        path: "/ui/logs/{log}",
        access: Access::Page,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(Ok(ui::explore(call))),
        doc: page("uiLog", "web UI: find a log's entries", UI),
    },
    Route {
        method: Method::Get,
        path: "/ui/logs/{log}/{index}",
        access: Access::Page,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(Ok(ui::entry(call))),
        doc: page("uiEntry", "web UI: one entry", UI),
    },
    Route {
        method: Method::Get,
        path: "/ui/logs/{log}/resource",
        access: Access::Page,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(Ok(ui::resource(call))),
        doc: page("uiResource", "web UI: the states of a resource", UI),
    },
    Route {
        method: Method::Get,
        path: "/ui/logs/{log}/timeline",
        access: Access::Page,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(Ok(ui::timeline(call))),
        doc: page("uiTimeline", "web UI: what an actor did, a session or a trace", UI),
    },
    Route {
        method: Method::Get,
        path: "/ui/logs/{log}/queries",
        access: Access::Page,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(Ok(ui::queries(call))),
        doc: page("uiQueries", "web UI: saved queries, and what they fired", UI),
    },
    Route {
        method: Method::Get,
        path: "/ui/logs/{log}/integrity",
        access: Access::Page,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(Ok(ui::integrity(call))),
        doc: page("uiIntegrity", "web UI: a log's proofs", UI),
    },
    Route {
        method: Method::Get,
        path: "/ui/logs/{log}/export",
        access: Access::Page,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(Ok(ui::export(call))),
        doc: page("uiExport", "web UI: what a query finds, as a file", UI),
    },
    Route {
        method: Method::Get,
        path: "/ui/access",
        access: Access::Page,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(Ok(ui::access(call))),
        doc: page("uiAccess", "web UI: who may do what", UI),
    },
    Route {
        method: Method::Get,
        path: "/ui/view",
        access: Access::Open,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(Ok(ui::view(call))),
        doc: page(
            "uiView",
            "web UI: what a view link shows, to be embedded",
            &[(200, HTML, "Text")],
        ),
    },
    Route {
        method: Method::Get,
        path: "/ui/assets/{version}/{file}",
        access: Access::Open,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(ui::asset(call)),
        doc: Doc {
            refusals: &[Code::NotFound],
            ..page("uiAsset", "web UI: a file that its pages load", &[(200, "*/*", "Bytes")])
        },
    },
    Route {
        method: Method::Get,
        path: "/docs/errors/{code}",
        access: Access::Open,
        recorded: Recorded::Refusals("graven.list"),
        handler: |call| at_once(pages::error(call)),
        doc: Doc {
            id: "getErrorPage",
            summary: "what an error code means; the `type` of problem documents",
            query: &[],
            body: &[],
            answers: &[(200, TEXT, "Text")],
            refusals: &[Code::NotFound],
        },
    },
];

/// The router over [`ROUTES`]; whatever it finds or misses goes through [`dispatch`].
pub(crate) fn router(shared: &Arc<Shared>) -> Router {
    let mut router = Router::new();
    let mut paths: Vec<&'static str> = ROUTES.iter().map(|route| route.path).collect();
    paths.sort_unstable();
    paths.dedup();
    for path in paths {
        let mut methods = MethodRouter::new();
        for route in ROUTES.iter().filter(|route| route.path == path) {
            methods = methods.on(route.method.filter(), handler(shared, Target::Route(route)));
        }
        let wrong_method = Target::WrongMethod(allow(path));
        router = router.route(path, methods.fallback(handler(shared, wrong_method)));
    }
    router.fallback(handler(shared, Target::Unknown))
}

/// The API's contract as an OpenAPI 3.1 document.
pub fn openapi() -> Value {
    crate::openapi::document(&ROUTES)
}

/// The routes' names, under which requests are counted.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    ROUTES.iter().map(|route| route.doc.id)
}

fn handler(
    shared: &Arc<Shared>,
    target: Target,
) -> impl Fn(Request) -> AnswerFuture + Clone + Send + Sync + 'static {
    let shared = Arc::clone(shared);
    move |request| Box::pin(dispatch(Arc::clone(&shared), target.clone(), request))
}

type AnswerFuture = Pin<Box<dyn Future<Output = Response> + Send + 'static>>;

/// The methods of a path, for the `Allow` header.
fn allow(path: &str) -> HeaderValue {
    let mut names = Vec::new();
    for route in ROUTES.iter().filter(|route| route.path == path) {
        match route.method {
            Method::Get => names.extend(["GET", "HEAD"]),
            Method::Post => names.push("POST"),
            Method::Delete => names.push("DELETE"),
        }
    }
    HeaderValue::from_str(&names.join(", ")).expect("method names are plain ASCII")
}

/// The answer of a handler that waits for nothing.
fn at_once<'a>(result: Result<Response, Refusal>) -> Answer<'a> {
    Box::pin(std::future::ready(result))
}

const fn optional(name: &'static str, schema: &'static str, summary: &'static str) -> Param {
    Param { name, schema, is_required: false, summary }
}

const fn required(name: &'static str, schema: &'static str, summary: &'static str) -> Param {
    Param { name, schema, is_required: true, summary }
}

/// A read of a log.
const fn read(
    id: &'static str,
    summary: &'static str,
    query: &'static [Param],
    answers: &'static [(u16, &'static str, &'static str)],
) -> Doc {
    let refusals =
        &[Code::BadQuery, Code::NotFound, Code::Expired, Code::DiskFull, Code::Unavailable];
    Doc { id, summary, query, body: &[], answers, refusals }
}

/// What is found in a log's index, or made of what is.
const fn find(
    id: &'static str,
    summary: &'static str,
    query: &'static [Param],
    answers: &'static [(u16, &'static str, &'static str)],
) -> Doc {
    let refusals = &[
        Code::BadQuery,
        Code::QueryLimit,
        Code::NotFound,
        Code::Busy,
        Code::DiskFull,
        Code::Unavailable,
    ];
    Doc { id, summary, query, body: &[], answers, refusals }
}

/// A change of who may do what.
const fn change(
    id: &'static str,
    summary: &'static str,
    body: &'static [(&'static str, &'static str)],
    answers: &'static [(u16, &'static str, &'static str)],
) -> Doc {
    let refusals = &[
        Code::BadJson,
        Code::TooLarge,
        Code::UnsupportedType,
        Code::ApprovalNeeded,
        Code::NotFound,
        Code::Exists,
        Code::Timeout,
        Code::DiskFull,
        Code::Unavailable,
    ];
    Doc { id, summary, query: &[], body, answers, refusals }
}

/// A way into a session.
const fn sign_in(
    id: &'static str,
    summary: &'static str,
    body: &'static [(&'static str, &'static str)],
    answers: &'static [(u16, &'static str, &'static str)],
) -> Doc {
    let refusals = &[
        Code::BadJson,
        Code::Unauthenticated,
        Code::TooLarge,
        Code::UnsupportedType,
        Code::Timeout,
        Code::Busy,
        Code::Unavailable,
    ];
    Doc { id, summary, query: &[], body, answers, refusals }
}

/// Something done about a subject.
const fn of_subject(
    id: &'static str,
    summary: &'static str,
    answers: &'static [(u16, &'static str, &'static str)],
) -> Doc {
    let refusals = &[
        Code::ApprovalNeeded,
        Code::BadJson,
        Code::BadEvent,
        Code::TooLarge,
        Code::UnsupportedType,
        Code::NotFound,
        Code::Held,
        Code::Timeout,
        Code::DiskFull,
        Code::Unavailable,
    ];
    Doc { id, summary, query: &[], body: &[(JSON, "OfSubject")], answers, refusals }
}

/// A page about the server.
const fn page(
    id: &'static str,
    summary: &'static str,
    answers: &'static [(u16, &'static str, &'static str)],
) -> Doc {
    Doc { id, summary, query: &[], body: &[], answers, refusals: &[] }
}
