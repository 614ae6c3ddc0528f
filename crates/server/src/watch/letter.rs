//! What a webhook says: `{"type","timestamp","data":{…,"entries":[…]}}`, the entries as a search gives them.

use access::{Asked, Firing, QueryName, Right, Saved};
use graven_entry::Time;
use graven_merkle::LeafIndex;
use serde_json::json;
use zeroize::Zeroizing;

use super::{new_id, right_of};
use crate::handlers::search::push_result;
use crate::json::{push, push_comma};
use crate::limits::{WEBHOOK_ENTRIES_BYTES_MAX, WEBHOOK_OLD_SECRET_NS};
use crate::narrowing::may_see;
use crate::shared::Shared;
use crate::webhook::Letter;

/// Which letter.
pub(crate) enum Kind {
    /// A firing, in each attempt the same.
    Fired(Firing),
    /// That somebody wants to see one arrive.
    Test,
}

/// Writes a letter. Reads entries.
pub(crate) fn write(shared: &Shared, name: &QueryName, saved: &Saved, kind: Kind) -> Letter {
    let now = shared.gate.now();
    let (firing, word) = match kind {
        Kind::Fired(firing) => (firing, "graven.query.fired"),
        Kind::Test => (test(shared, saved, now), "graven.query.test"),
    };
    let origin = shared.cell.log(&name.log).map(|log| log.origin().to_string());
    let data = json!({
        "log": name.log, "origin": origin, "name": name.name, "query": saved.query,
        "when": saved.when.to_string(), "reason": firing.reason, "count": firing.count,
        "indexes": firing.indexes, "measured": firing.measured,
    });
    let head =
        json!({"type": word, "timestamp": firing.time.to_string(), "data": data}).to_string();
    // The last two brackets are closed again behind the entries, whose bytes are not made anew.
    let mut body = head.into_bytes();
    body.truncate(body.len() - 2);
    body.extend_from_slice(b",\"entries\":[");
    let shown = push_entries(&mut body, shared, (name, saved), &firing.indexes);
    push(&mut body, format_args!("],\"left_out\":{}}}}}", firing.indexes.len() - shown));
    let secret = |salt: &str| shared.gate.webhook_secret(salt);
    let old = saved
        .old_salt
        .as_ref()
        .filter(|(_, until)| now.unix_ns().saturating_sub(until.unix_ns()) < WEBHOOK_OLD_SECRET_NS);
    let salts = [Some(&saved.salt), old.map(|(salt, _)| salt)];
    Letter {
        url: saved.url.clone(),
        id: firing.id,
        time_s: now.unix_ns() / 1_000_000_000,
        body,
        secrets: salts.into_iter().flatten().map(|salt| secret(salt)).collect(),
    }
}

/// Entries that whoever saved the query may see now, as many as there is room for. How many.
fn push_entries(
    body: &mut Vec<u8>,
    shared: &Shared,
    (name, saved): (&QueryName, &Saved),
    indexes: &[u64],
) -> usize {
    let asked = Asked { right: right_of(&saved.when), log: Some(&name.log), stream: None };
    let may = shared.gate.authorise(&saved.owner, &asked, false).is_ok();
    let Some(log) = shared.cell.log(&name.log).filter(|_| may) else { return 0 };
    let slice = shared.gate.slice(&saved.owner, Right::ReadEntries, &name.log);
    let (start, mut shown) = (body.len(), 0);
    for index in indexes.iter().copied().map(LeafIndex) {
        let Ok(entry) = log.entry(index) else { continue };
        let has_room = body.len() - start + entry.len() <= WEBHOOK_ENTRIES_BYTES_MAX;
        if !has_room || !may_see(&slice, &entry) {
            continue;
        }
        let before = body.len();
        push_comma(body, shown);
        match push_result(body, index, &entry, false) {
            Ok(()) => shown += 1,
            Err(_) => body.truncate(before),
        }
    }
    shown
}

fn test(shared: &Shared, saved: &Saved, time: Time) -> Firing {
    let (id, reason) = (new_id(shared), "test".to_owned());
    Firing { id, reason, count: 0, indexes: Vec::new(), measured: None, next: saved.next, time }
}

/// A secret as whoever checks signatures gets it.
pub(crate) fn shown(secret: &Zeroizing<[u8; 32]>) -> Zeroizing<String> {
    use base64::Engine as _;
    let base64 = base64::engine::general_purpose::STANDARD.encode(&secret[..]);
    Zeroizing::new(format!("whsec_{base64}"))
}
