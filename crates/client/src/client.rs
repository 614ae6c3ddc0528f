//! The client: one method a route.

use std::collections::BTreeMap;

use append::{Appended, Batch, Code, Refusal, StreamHead};
use graven_merkle::{Hash, LeafIndex, TilePath, TreeSize, leaf_hash};
use graven_verify::Results;
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use ureq::http::HeaderValue;

use crate::answer::{
    self, KeyChange, LogInfo, Malformed, NewLog, NewToken, OfSubject, Revealed, RoleChange, Search,
};
use crate::limits::LIST_PAGES_MAX;
use crate::path::{escape, log_path};
use crate::tail::Tail;
use crate::transport::{ClientTls, Request, Transport};
use crate::{ClientError, LogKeys, body, check};

/// The headers that say whom a blob is about and how sensitive it is: both seal it.
const SUBJECT: &str = "graven-subject";
const CLASS: &str = "graven-class";

/// A server, as a producer, a reader or an auditor sees it. Every call blocks its thread; a clone shares the
/// connections.
#[derive(Clone, Debug)]
pub struct Client {
    transport: Transport,
    keys: BTreeMap<String, LogKeys>,
}

/// An entry with its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProvedEntry {
    /// The entry's exact bytes.
    pub entry: Vec<u8>,
    /// Its C2SP tlog-proof.
    pub proof: Vec<u8>,
    /// Whether the proof was checked against keys that the client was told to trust.
    pub is_verified: bool,
}

/// What a search found, with its proof.
#[derive(Clone, Debug, PartialEq)]
pub struct ProvedResults {
    /// The server's answer; each of its results says what its entry says.
    pub answer: Value,
    /// The entries with one proof for all of them.
    pub results: Results,
    /// Whether the proof was checked against keys that the client was told to trust.
    pub is_verified: bool,
}

impl Client {
    /// A client of the server at `url`, such as `http://127.0.0.1:7070`, with this bearer token.
    pub fn new(url: &str, token: Option<&str>) -> Result<Client, ClientError> {
        Client::with_tls(url, token, &ClientTls::default())
    }

    /// The same, with certificates to trust the server by, or one to show.
    pub fn with_tls(
        url: &str,
        token: Option<&str>,
        tls: &ClientTls<'_>,
    ) -> Result<Client, ClientError> {
        Ok(Client { transport: Transport::new(url, token, tls)?, keys: BTreeMap::new() })
    }

    /// From now on, answers about `log` have to hold against these keys.
    pub fn trust(&mut self, log: &str, keys: LogKeys) {
        self.keys.insert(log.to_owned(), keys);
    }

    /// The keys that are trusted for `log`.
    pub fn trusted(&self, log: &str) -> Option<&LogKeys> {
        self.keys.get(log)
    }

    /// The server's URL, without a slash at its end.
    pub fn url(&self) -> &str {
        self.transport.url()
    }

    /// Appends a batch. A repetition after a broken connection happens only where the events have ids or a `seq`.
    pub fn append(&self, log: &str, batch: &Batch) -> Result<Appended, ClientError> {
        let body = body::of(batch).map_err(ClientError::Refused)?;
        let proof = if batch.proof { "&proof=true" } else { "" };
        let request = Request {
            path: format!("{}/events?ack={}{proof}", log_path(log), batch.ack),
            body: Some((body.media_type, &body.bytes)),
            headers: &[],
            repeatable: body::is_repeatable(batch),
        };
        let answer = self.transport.send(&request)?;
        let ack_reached = answer.status.as_u16() != 202;
        let value = answer::json(&answer.body).map_err(|why| unexpected(&request, why))?;
        let appended = answer::appended(&value, batch.events.len(), ack_reached)
            .map_err(|why| unexpected(&request, why))?;
        if let Some(keys) = self.keys.get(log) {
            self.check_appended(log, batch, &appended, keys)?;
        }
        Ok(appended)
    }

    /// The server's logs, by name.
    pub fn logs(&self) -> Result<Vec<LogInfo>, ClientError> {
        self.pages("/api/v1/logs", |value| {
            answer::list(value, "logs")?.iter().map(answer::log_info).collect()
        })
    }

    /// One log.
    pub fn log(&self, log: &str) -> Result<LogInfo, ClientError> {
        self.get_json(&log_path(log), answer::log_info)
    }

    /// Creates a log.
    pub fn create_log(&self, new: &NewLog) -> Result<LogInfo, ClientError> {
        self.post_json("/api/v1/logs", &new.to_json(), answer::log_info)
    }

    /// The exact bytes of an entry. Nothing is proved; see [`Client::proved_entry`].
    pub fn entry(&self, log: &str, index: LeafIndex) -> Result<Vec<u8>, ClientError> {
        self.get(&format!("{}/entries/{index}", log_path(log)))
    }

    /// The tlog-proof of an entry, as it came. Nothing is proved; see [`Client::proved_entry`].
    pub fn proof(&self, log: &str, index: LeafIndex) -> Result<Vec<u8>, ClientError> {
        self.get(&format!("{}/entries/{index}/proof", log_path(log)))
    }

    /// An entry and its proof, which are checked against each other and the log's keys where they are known.
    pub fn proved_entry(&self, log: &str, index: LeafIndex) -> Result<ProvedEntry, ClientError> {
        let entry = self.entry(log, index)?;
        let proof = self.proof(log, index)?;
        let keys = self.keys.get(log);
        if let Some(keys) = keys {
            check::entry(&entry, index, &proof, keys)?;
        }
        Ok(ProvedEntry { entry, proof, is_verified: keys.is_some() })
    }

    /// The consistency proof between two sizes of a log, as it came.
    pub fn consistency(
        &self,
        log: &str,
        old: TreeSize,
        new: TreeSize,
    ) -> Result<Vec<Hash>, ClientError> {
        let path = format!("{}/consistency?old={old}&new={new}", log_path(log));
        self.get_json(&path, |value| answer::hashes(value, "proof"))
    }

    /// Asks for the proof that `new` is the tree of `old` grown, and checks it.
    pub fn check_growth(
        &self,
        log: &str,
        old: &graven_note::Checkpoint,
        new: &graven_note::Checkpoint,
    ) -> Result<(), ClientError> {
        let proof = self.consistency(log, old.size, new.size)?;
        check::consistency(old, new, &proof)
    }

    /// The newest published checkpoint, a signed note; its signature is checked where the keys are known.
    pub fn checkpoint(&self, log: &str) -> Result<Vec<u8>, ClientError> {
        let note = self.get(&format!("/log/{log}/checkpoint"))?;
        if let Some(keys) = self.keys.get(log) {
            check::checkpoint(&note, keys)?;
        }
        Ok(note)
    }

    /// The bytes of a tile or an entry bundle. What they prove is for `graven-verify` to say.
    pub fn tile(&self, log: &str, path: &TilePath) -> Result<Vec<u8>, ClientError> {
        self.get(&format!("/log/{log}/{path}"))
    }

    /// All streams of a log with their heads, by name.
    pub fn streams(&self, log: &str) -> Result<Vec<(String, StreamHead)>, ClientError> {
        self.pages(&format!("{}/streams", log_path(log)), |value| {
            answer::list(value, "streams")?.iter().map(answer::named_stream_head).collect()
        })
    }

    /// What a producer resumes a stream from; `None` where it has no event yet.
    pub fn stream(&self, log: &str, stream: &str) -> Result<Option<StreamHead>, ClientError> {
        let path = format!("{}/streams/{}", log_path(log), escape(stream));
        match self.get_json(&path, answer::stream_head) {
            Err(ClientError::Refused(refusal)) if refusal.code == Code::NotFound => Ok(None),
            result => result.map(Some),
        }
    }

    /// Changes a stream's keys, from the first on of which it takes only what they signed. Answers with the log.
    pub fn change_stream_key(&self, log: &str, change: &KeyChange) -> Result<LogInfo, ClientError> {
        let path = format!("{}/keys", log_path(log));
        self.post_json(&path, &change.to_json(), answer::log_info)
    }

    /// Has the log announce new keys by its old ones. Answers with the log.
    pub fn rotate_key(&self, log: &str) -> Result<LogInfo, ClientError> {
        let body = serde_json::json!({ "rotate": true });
        self.post_json(&format!("{}/keys", log_path(log)), &body, answer::log_info)
    }

    /// The log's audit policy, as the server shows it: `{"log","version","policy"}`.
    pub fn audit_policy(&self, log: &str) -> Result<Value, ClientError> {
        self.get_json(&format!("{}/policy", log_path(log)), |value| Ok(value.clone()))
    }

    /// Gives the log another audit policy, the JSON of it. Answers with it as [`Client::audit_policy`].
    pub fn set_audit_policy(&self, log: &str, policy: &[u8]) -> Result<Value, ClientError> {
        self.post_bytes(&format!("{}/policy", log_path(log)), policy, |value| Ok(value.clone()))
    }

    /// What the log's audit policy would make of an event that is handed in as `event`, `stream` or `signed`.
    pub fn explain(&self, log: &str, event: &[u8], how: &str) -> Result<Value, ClientError> {
        let path = format!("{}/explain?as={}", log_path(log), escape(how));
        self.post_bytes(&path, event, |value| Ok(value.clone()))
    }

    /// The policies that narrow what roles give, and their schema: `{"policies","schema"}`.
    pub fn policies(&self) -> Result<Value, ClientError> {
        self.get_json("/api/v1/policies", |value| Ok(value.clone()))
    }

    /// Sets a Cedar policy, or without a text takes it away.
    pub fn change_policy(&self, id: &str, text: Option<&str>) -> Result<Value, ClientError> {
        let body = serde_json::json!({ "text": text, "remove": text.is_none() });
        let path = format!("/api/v1/policies/{}", escape(id));
        self.post_json(&path, &body, |value| Ok(value.clone()))
    }

    /// Ends a request undone: another's that the caller may approve, or its own.
    pub fn deny(&self, number: u64) -> Result<Value, ClientError> {
        let path = format!("/api/v1/approvals/{number}/deny");
        self.post_json(&path, &serde_json::json!({}), |value| Ok(value.clone()))
    }

    /// A log's saved queries, and how each goes: `{"queries"}`.
    pub fn queries(&self, log: &str) -> Result<Value, ClientError> {
        self.get_json(&format!("{}/queries", log_path(log)), |value| Ok(value.clone()))
    }

    /// Saves, changes or removes a query, as the body says. Answers with it, its secret among the rest.
    pub fn change_query(&self, log: &str, name: &str, body: &Value) -> Result<Value, ClientError> {
        let path = format!("{}/queries/{}", log_path(log), escape(name));
        self.post_json(&path, body, |value| Ok(value.clone()))
    }

    /// Sends a saved query's webhook once: `{"delivered","why"}`.
    pub fn test_query(&self, log: &str, name: &str) -> Result<Value, ClientError> {
        let path = format!("{}/queries/{}/test", log_path(log), escape(name));
        self.post_json(&path, &serde_json::json!({}), |value| Ok(value.clone()))
    }

    /// What waits for a second person: the caller's requests and those that it may approve.
    pub fn approvals(&self) -> Result<Value, ClientError> {
        self.get_json("/api/v1/approvals", |value| Ok(value.clone()))
    }

    /// Approves another's request. Answers with it.
    pub fn approve(&self, number: u64) -> Result<Value, ClientError> {
        let path = format!("/api/v1/approvals/{number}/approve");
        self.post_json(&path, &serde_json::json!({}), |value| Ok(value.clone()))
    }

    /// Makes a principal with a role and a token. The answer alone holds the token.
    pub fn create_token(&self, new: &NewToken) -> Result<Value, ClientError> {
        self.post_json("/api/v1/tokens", &new.to_json(), |value| Ok(value.clone()))
    }

    /// All principals by name, as the server shows them.
    pub fn tokens(&self) -> Result<Vec<Value>, ClientError> {
        self.pages("/api/v1/tokens", |value| answer::list(value, "tokens").map(<[Value]>::to_vec))
    }

    /// Revokes a principal's token for ever. Answers with the principal.
    pub fn revoke_token(&self, principal: &str) -> Result<Value, ClientError> {
        let path = format!("/api/v1/tokens/{}/revoke", escape(principal));
        self.post_json(&path, &serde_json::json!({}), |value| Ok(value.clone()))
    }

    /// Gives a principal a role, or takes it. Answers with the principal.
    pub fn change_role(&self, principal: &str, change: &RoleChange) -> Result<Value, ClientError> {
        let path = format!("/api/v1/tokens/{}/roles", escape(principal));
        self.post_json(&path, &change.to_json(), |value| Ok(value.clone()))
    }

    /// A principal's second factors.
    pub fn factors(&self, principal: &str) -> Result<Vec<Value>, ClientError> {
        let path = format!("/api/v1/tokens/{}/factors", escape(principal));
        self.get_json(&path, |value| answer::list(value, "factors").map(<[Value]>::to_vec))
    }

    /// Begins a secret for codes, for the client's own principal: `{"entry","secret","uri"}`.
    pub fn start_totp(&self, principal: &str) -> Result<Value, ClientError> {
        let path = format!("/api/v1/tokens/{}/factors", escape(principal));
        self.post_json(&path, &serde_json::json!({ "kind": "totp" }), |value| Ok(value.clone()))
    }

    /// Finishes it by its first code. Answers with the factor.
    pub fn finish_totp(
        &self,
        principal: &str,
        entry: u64,
        code: &str,
    ) -> Result<Value, ClientError> {
        let path = format!("/api/v1/tokens/{}/factors/finish", escape(principal));
        let body = serde_json::json!({ "entry": entry, "code": code });
        self.post_json(&path, &body, |value| Ok(value.clone()))
    }

    /// Takes another principal's second factor away, which ends the sessions that began with it.
    pub fn remove_factor(&self, principal: &str, factor: &str) -> Result<Value, ClientError> {
        let (principal, factor) = (escape(principal), escape(factor));
        let path = format!("/api/v1/tokens/{principal}/factors/{factor}/remove");
        self.post_json(&path, &serde_json::json!({}), |value| Ok(value.clone()))
    }

    /// Opens one sealed value of an entry: RFC 6901 `path` in the opened event. The server records who asked, and why.
    pub fn reveal(
        &self,
        log: &str,
        index: LeafIndex,
        path: &str,
        reason: &str,
    ) -> Result<Revealed, ClientError> {
        let body = serde_json::json!({ "path": path, "reason": reason });
        let route = format!("{}/entries/{index}/reveal", log_path(log));
        self.post_json(&route, &body, answer::revealed)
    }

    /// Appends an event with a blob's digest, and the blob beside it; both sealed if it is said whom it is about, and its class.
    pub fn add_blob(
        &self,
        log: &str,
        media_type: &str,
        bytes: &[u8],
        about: Option<(&str, &str)>,
    ) -> Result<Appended, ClientError> {
        let path = format!("{}/blobs", log_path(log));
        let headers = match about {
            None => Vec::new(),
            Some((subject, class)) => vec![header(SUBJECT, subject)?, header(CLASS, class)?],
        };
        let body = Some((media_type, bytes));
        let request = Request { path, body, headers: &headers, repeatable: false };
        let answer = self.transport.send(&request)?;
        let ack_reached = answer.status.as_u16() != 202;
        let appended =
            answer::json(&answer.body).and_then(|value| answer::appended(&value, 1, ack_reached));
        appended.map_err(|why| unexpected(&request, why))
    }

    /// The blob of an entry that has this SHA-256 in hexadecimal; other bytes are an error.
    pub fn blob(&self, log: &str, index: LeafIndex, digest: &str) -> Result<Vec<u8>, ClientError> {
        let route = format!("{}/entries/{index}/blobs/{}", log_path(log), escape(digest));
        let bytes = self.get(&route)?;
        let found =
            Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        if found == digest {
            return Ok(bytes);
        }
        let what = format!("a blob of entry {index}");
        Err(ClientError::unproved(what, "it does not have the digest that was asked for"))
    }

    /// Does something about a subject, for a reason: `erase`, `hold`, `release` or `show`. The answer as it came.
    pub fn subject(&self, what: &str, subject: &str, reason: &str) -> Result<Value, ClientError> {
        let body = serde_json::json!({ "subject": subject, "reason": reason });
        let route = format!("/api/v1/subjects/{}", escape(what));
        self.post_json(&route, &body, |value| Ok(value.clone()))
    }

    /// A page of what a query finds, as the server answers it. Nothing is proved.
    pub fn search(&self, log: &str, search: &Search) -> Result<Value, ClientError> {
        let (query, limit) = (escape(&search.query), search.limit);
        let facets = escape(search.facets.as_deref().unwrap_or_default());
        let mut path = format!("{}/search?q={query}&limit={limit}", log_path(log));
        path.push_str(&format!("&facets={facets}&histogram=false"));
        if let Some(cursor) = &search.cursor {
            path.push_str(&format!("&cursor={}", escape(cursor)));
        }
        if let Some(index) = search.wait {
            path.push_str(&format!("&wait={index}"));
        }
        if search.proofs {
            path.push_str("&proofs=true");
        }
        let read = |value: &Value| {
            answer::list(value, "results")?;
            answer::number(value, "total")?;
            answer::number(value, "indexed_through").map(|_| value.clone())
        };
        match &search.subject {
            Some(OfSubject { subject, reason }) => {
                let body = serde_json::json!({ "subject": subject, "reason": reason });
                self.post_json(&path, &body, read)
            }
            None => self.get_json(&path, read),
        }
    }

    /// What a SQL statement gives, as the server answers it; asked once the entry `wait` is in the columns. Nothing is proved.
    pub fn sql(&self, log: &str, query: &str, wait: Option<u64>) -> Result<Value, ClientError> {
        let wait = wait.map_or_else(String::new, |index| format!("?wait={index}"));
        let path = format!("{}/sql{wait}", log_path(log));
        self.post_json(&path, &serde_json::json!({ "query": query }), |value| {
            answer::list(value, "columns")?;
            answer::list(value, "rows")?;
            answer::number(value, "indexed_through").map(|_| value.clone())
        })
    }

    /// What a route of the log that takes a query says (`history`, `asof`, ...), as the server answers it. Nothing is proved.
    pub fn ask(
        &self,
        log: &str,
        route: &str,
        query: &[(&str, String)],
    ) -> Result<Value, ClientError> {
        self.get_json(&ask_path(log, route, query), |value| Ok(value.clone()))
    }

    /// The same as the bytes that came: numbers keep their text.
    pub fn ask_bytes(
        &self,
        log: &str,
        route: &str,
        query: &[(&str, String)],
    ) -> Result<Vec<u8>, ClientError> {
        self.get(&ask_path(log, route, query))
    }

    /// The same, with one proof for the results, which is checked where the keys are known.
    pub fn proved_search(&self, log: &str, search: &Search) -> Result<ProvedResults, ClientError> {
        let answer = self.search(log, &Search { proofs: true, ..search.clone() })?;
        let request = Request::get(format!("{}/search", log_path(log)));
        let results = answer::results(&answer).map_err(|why| unexpected(&request, why))?;
        let keys = self.keys.get(log);
        let shown = answer["results"].as_array().map(Vec::as_slice).unwrap_or_default();
        check::results(&results, shown, keys)?;
        Ok(ProvedResults { answer, results, is_verified: keys.is_some() })
    }

    /// Follows a log from an index on: all of it, or what a query finds.
    pub fn tail(&self, log: &str, from: LeafIndex, query: Option<&str>) -> Tail {
        Tail::new(self.transport.clone(), log_path(log), from, query)
    }

    /// The body of a GET under the server's URL, such as `/metrics` or `/api/v1/openapi.json`.
    pub fn get(&self, path: &str) -> Result<Vec<u8>, ClientError> {
        Ok(self.transport.send(&Request::get(path))?.body)
    }

    fn get_json<T>(
        &self,
        path: &str,
        read: impl FnOnce(&Value) -> Result<T, Malformed>,
    ) -> Result<T, ClientError> {
        let request = Request::get(path);
        let answer = self.transport.send(&request)?;
        let value = answer::json(&answer.body).and_then(|value| read(&value));
        value.map_err(|why| unexpected(&request, why))
    }

    /// All pages of a list; each says in `next` where the next one starts.
    fn pages<T>(
        &self,
        path: &str,
        read: impl Fn(&Value) -> Result<Vec<T>, Malformed>,
    ) -> Result<Vec<T>, ClientError> {
        let mut all = Vec::new();
        let mut query = String::new();
        for _ in 0..LIST_PAGES_MAX {
            let (items, next) = self.get_json(&format!("{path}{query}"), |value| {
                let next = value.get("next").and_then(Value::as_str).map(str::to_owned);
                Ok((read(value)?, next))
            })?;
            all.extend(items);
            match next {
                Some(after) => query = format!("?after={}", escape(&after)),
                None => return Ok(all),
            }
        }
        let request = Request::get(path);
        Err(unexpected(&request, format!("more than {LIST_PAGES_MAX} pages")))
    }

    fn post_json<T>(
        &self,
        path: &str,
        body: &Value,
        read: impl FnOnce(&Value) -> Result<T, Malformed>,
    ) -> Result<T, ClientError> {
        self.post_bytes(path, body.to_string().as_bytes(), read)
    }

    fn post_bytes<T>(
        &self,
        path: &str,
        body: &[u8],
        read: impl FnOnce(&Value) -> Result<T, Malformed>,
    ) -> Result<T, ClientError> {
        let body = Some(("application/json", body));
        let request = Request { path: path.to_owned(), body, headers: &[], repeatable: false };
        let answer = self.transport.send(&request)?;
        let value = answer::json(&answer.body).and_then(|value| read(&value));
        value.map_err(|why| unexpected(&request, why))
    }

    fn check_appended(
        &self,
        log: &str,
        batch: &Batch,
        appended: &Appended,
        keys: &LogKeys,
    ) -> Result<(), ClientError> {
        for read_back in check::appended(batch, appended, keys)? {
            let (receipt, event) = (read_back.receipt, read_back.event);
            let entry = self.entry(log, receipt.index)?;
            if leaf_hash(&entry) != receipt.leaf_hash || !check::holds_event(&entry, event)? {
                let what = format!("receipt of entry {}", receipt.index);
                return Err(ClientError::unproved(
                    what,
                    "the entry is not the event that was sent",
                ));
            }
        }
        Ok(())
    }
}

fn ask_path(log: &str, route: &str, query: &[(&str, String)]) -> String {
    let query: Vec<String> =
        query.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    format!("{}/{route}?{}", log_path(log), query.join("&"))
}

fn unexpected(request: &Request, why: Malformed) -> ClientError {
    ClientError::Unexpected { request: request.name(), why }
}

/// A text as a header, in UTF-8; one with control characters is none.
fn header(name: &'static str, text: &str) -> Result<(&'static str, HeaderValue), ClientError> {
    let value = HeaderValue::from_bytes(text.as_bytes());
    let value =
        value.map_err(|_| Refusal::new(Code::BadQuery, "control characters; leave them out"));
    value.map(|value| (name, value)).map_err(|refusal| ClientError::Refused(refusal.in_field(name)))
}
