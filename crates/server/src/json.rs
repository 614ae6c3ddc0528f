//! The API's answers, written by hand into one buffer: no value trees on the way of an append.

use std::io::Write as _;

use append::{Appended, Receipt, StreamHead};
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use graven_entry::write_json_string;
use graven_merkle::{Hash, LeafIndex};
use log::LogInfo;

use crate::reveal::Revealed;

/// A log as it stands, and when it began.
pub(crate) struct CreatedLog {
    pub(crate) info: LogInfo,
    /// The time of entry 0, RFC 3339.
    pub(crate) created: String,
}

/// Bytes of a receipt without proof, about.
const RECEIPT_BYTES: usize = 180;
/// Bytes of a proof with its header, about.
const PROOF_BYTES: usize = 2_048;

/// A JSON answer that no cache may keep.
pub(crate) fn response(status: StatusCode, body: Vec<u8>) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// The answer to an append: `{"checkpoint":…,"receipts":[…],"dropped"?:[…]}`.
pub(crate) fn appended(appended: &Appended) -> Vec<u8> {
    let bytes = appended.checkpoint.len()
        + appended.receipts.len() * RECEIPT_BYTES
        + appended.proofs.len() * PROOF_BYTES;
    let mut out = Vec::with_capacity(64 + bytes);
    out.extend_from_slice(b"{\"checkpoint\":");
    write_json_string(&mut out, &appended.checkpoint);
    out.extend_from_slice(b",\"receipts\":[");
    let mut proofs = appended.proofs.iter();
    for (place, receipt) in appended.receipts.iter().enumerate() {
        push_comma(&mut out, place);
        push_receipt(&mut out, receipt);
        if let Some(proof) = proofs.next() {
            out.extend_from_slice(b",\"header\":");
            write_json_string(&mut out, &proof.header);
            out.extend_from_slice(b",\"proof\":");
            write_json_string(&mut out, &proof.proof);
        }
        out.push(b'}');
    }
    out.push(b']');
    if !appended.dropped.is_empty() {
        out.extend_from_slice(b",\"dropped\":[");
        for (place, dropped) in appended.dropped.iter().enumerate() {
            push_comma(&mut out, place);
            push(&mut out, format_args!("{{\"event\":{},\"rule\":", dropped.event));
            write_json_string(&mut out, &dropped.rule);
            out.push(b'}');
        }
        out.push(b']');
    }
    out.extend_from_slice(b"}\n");
    out
}

/// A log: `{"name","origin","public","size","root","created","vkeys","ended"?}`, with the keys that
/// count now first and those that once did after them.
pub(crate) fn push_log(out: &mut Vec<u8>, log: &CreatedLog) {
    let info = &log.info;
    out.extend_from_slice(b"{\"name\":");
    write_json_string(out, info.name.as_str());
    out.extend_from_slice(b",\"origin\":");
    write_json_string(out, info.origin.as_str());
    push(out, format_args!(",\"public\":{},\"size\":{}", info.public, info.size));
    push(out, format_args!(",\"root\":\"{}\",\"created\":", info.root));
    write_json_string(out, &log.created);
    out.extend_from_slice(b",\"vkeys\":[");
    let former = info.all_vkeys.iter().rev().filter(|vkey| !info.vkeys.contains(vkey));
    for (place, vkey) in info.vkeys.iter().chain(former).enumerate() {
        push_comma(out, place);
        write_json_string(out, vkey);
    }
    out.push(b']');
    if let Some(ended) = &info.ended {
        out.extend_from_slice(b",\"ended\":");
        write_json_string(out, ended);
    }
    out.push(b'}');
}

/// A stream: `{"stream"?,"next_seq","head","cursor"}`, the cursor null where none came.
pub(crate) fn push_stream(out: &mut Vec<u8>, name: Option<&str>, stream: &StreamHead) {
    out.push(b'{');
    if let Some(name) = name {
        out.extend_from_slice(b"\"stream\":");
        write_json_string(out, name);
        out.push(b',');
    }
    push(out, format_args!("\"next_seq\":{},\"head\":\"{}\"", stream.next_seq, stream.head));
    out.extend_from_slice(b",\"cursor\":");
    match &stream.cursor {
        Some(cursor) => write_json_string(out, cursor),
        None => out.extend_from_slice(b"null"),
    }
    out.push(b'}');
}

/// A page of a list: `{"<name>":[…],"next"?}`, where `next` is the `after` of the next page.
pub(crate) fn page<T>(
    name: &str,
    items: &[T],
    next: Option<&str>,
    push_item: impl Fn(&mut Vec<u8>, &T),
) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + items.len() * 256);
    push(&mut out, format_args!("{{\"{name}\":["));
    for (place, item) in items.iter().enumerate() {
        push_comma(&mut out, place);
        push_item(&mut out, item);
    }
    out.push(b']');
    if let Some(next) = next {
        out.extend_from_slice(b",\"next\":");
        write_json_string(&mut out, next);
    }
    out.extend_from_slice(b"}\n");
    out
}

/// A revealed value: `{"path","class","value","disclosure","proof","blob"?}`, the value as it was written.
pub(crate) fn revealed(revealed: &Revealed) -> Vec<u8> {
    let mut out = Vec::with_capacity(PROOF_BYTES);
    let opened = &revealed.opened;
    out.extend_from_slice(b"{\"path\":");
    write_json_string(&mut out, &opened.path);
    push(&mut out, format_args!(",\"class\":\"{}\",\"value\":", opened.class.as_str()));
    out.extend_from_slice(&revealed.value_json);
    push(&mut out, format_args!(",\"disclosure\":\"{}\",\"proof\":", opened.disclosure));
    write_json_string(&mut out, &revealed.proof);
    if let Some(blob) = &revealed.blob {
        push(&mut out, format_args!(",\"blob\":\"{}\"", STANDARD.encode(blob)));
    }
    out.extend_from_slice(b"}\n");
    out
}

/// A consistency proof: `{"old","new","proof":["<base64>"]}`.
pub(crate) fn consistency(old: u64, new: u64, proof: &[Hash]) -> Vec<u8> {
    let mut out = Vec::with_capacity(64 + proof.len() * 48);
    push(&mut out, format_args!("{{\"old\":{old},\"new\":{new},\"proof\":"));
    push_hashes(&mut out, proof);
    out.extend_from_slice(b"}\n");
    out
}

/// A list of hashes in base64.
pub(crate) fn push_hashes(out: &mut Vec<u8>, hashes: &[Hash]) {
    out.push(b'[');
    for (place, hash) in hashes.iter().enumerate() {
        push_comma(out, place);
        push(out, format_args!("\"{hash}\""));
    }
    out.push(b']');
}

/// An entry as a tail sends it: `{"index":i,"entry":"<its bytes as a JSON string>"}`.
pub(crate) fn push_entry(out: &mut Vec<u8>, index: LeafIndex, entry: &str) {
    push(out, format_args!("{{\"index\":{index},\"entry\":"));
    write_json_string(out, entry);
    out.push(b'}');
}

fn push_receipt(out: &mut Vec<u8>, receipt: &Receipt) {
    push(out, format_args!("{{\"index\":{},\"leaf_hash\":\"", receipt.index));
    push(out, format_args!("{}\",\"time\":\"", receipt.leaf_hash));
    out.extend_from_slice(receipt.time.as_bytes());
    push(out, format_args!("\",\"ack\":\"{}\"", receipt.ack.as_str()));
    if receipt.repeated {
        out.extend_from_slice(b",\"repeated\":true");
    }
}

/// What goes between members of a list.
pub(crate) fn push_comma(out: &mut Vec<u8>, place: usize) {
    if place > 0 {
        out.push(b',');
    }
}

/// Text as it stands.
pub(crate) fn push(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("memory takes what is written to it");
}
