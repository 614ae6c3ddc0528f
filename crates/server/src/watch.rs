//! Saved queries at work: each is looked for by a task of its own, and told by webhooks (ADR 0016).
//!
//! ```text
//! entries -> query, reader's slice -> judge -> `graven.query.fired` in `system` -> webhook, again and again
//!         -> `graven.query.delivered` -> entries ...
//! ```
//!
//! A crash behind the first entry tells the same firing again, under the same id; one before it finds the same again.

mod check;
mod entries;
mod judge;
mod letter;
mod looked;
mod place;
pub(crate) mod watching;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use access::{Firing, Queries, QueryName, Right, Saved, When};
use append::Refusal;
use graven_entry::Time;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use crate::limits::{WATCH_RETRY, WEBHOOK_PAUSE_MAX};
use crate::shared::Shared;
use crate::watch::check::Check;
use crate::watch::entries::Entries;
use crate::watch::judge::Draft;
use crate::watch::looked::Looked;
use crate::webhook::Undelivered;

use letter::write as write_letter;
pub(crate) use letter::{Kind, shown};

/// What looks.
enum Looker {
    Entries(Box<Entries>),
    Check(Check),
}

/// The right that whoever saved a query needs for as long as it is looked for.
pub(crate) fn right_of(when: &When) -> Right {
    if when.is_check() { Right::ReadMetrics } else { Right::ReadEntries }
}

/// Watches for every saved query, until the server stops.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut stopping = shared.stopping.clone();
    let mut changed = shared.watching.changed.subscribe();
    let (mut tasks, mut running) = (JoinSet::new(), HashMap::new());
    while !*stopping.borrow() {
        changed.mark_unchanged();
        let names: BTreeSet<QueryName> =
            shared.gate.standing().queries.all().map(|(name, _)| name.clone()).collect();
        shared.watching.states().retain(|name, _| names.contains(name));
        for name in names {
            if !running.values().any(|other| *other == name) {
                let task = tasks.spawn(watch(Arc::clone(&shared), name.clone()));
                running.insert(task.id(), name);
            }
        }
        let ended = tokio::select! {
            Some(ended) = tasks.join_next_with_id() => Some(ended),
            _ = changed.changed() => None,
            _ = stopping.wait_for(|stops| *stops) => None,
        };
        match ended {
            None => {}
            Some(Ok((id, ()))) => drop(running.remove(&id)),
            Some(Err(error)) => {
                tracing::error!(%error, "a saved query's watcher broke off; it begins again");
                running.remove(&error.id());
                drop(timeout(WATCH_RETRY, stopping.wait_for(|stops| *stops)).await);
            }
        }
    }
    tasks.shutdown().await;
}

/// Watches for one query, as long as it is what it is.
async fn watch(shared: Arc<Shared>, name: QueryName) {
    let Some(first) = saved(&shared, &name) else { return };
    let mut changed = shared.watching.changed.subscribe();
    let mut looker = None;
    loop {
        changed.mark_unchanged();
        let Some(now) = saved(&shared, &name).filter(|now| now.revision == first.revision) else {
            return;
        };
        if let Some(firing) = now.pending {
            // Who has not looked yet did not find it: it was told before, how often is nowhere written.
            let before = if looker.is_none() { made_before(&shared, &firing) } else { 0 };
            tell(&shared, &name, (first.revision, firing), before).await;
            continue;
        }
        let looked = look(&shared, &name, &mut looker).await;
        let (until, size) = match looked {
            Looked::More => continue,
            Looked::Fires(draft, next) => {
                fire(&shared, &name, first.revision, (draft, next)).await;
                continue;
            }
            Looked::Nothing(until, size) => {
                shared.watching.set(&name, |state| state.stands = None);
                (until, size)
            }
            Looked::Stands(why) => {
                shared.watching.set(&name, |state| state.stands = Some(why));
                (Some(Instant::now() + WATCH_RETRY), None)
            }
        };
        let log = shared.cell.log(&name.log);
        let grown = async {
            match (log, size) {
                (Some(log), Some(size)) => drop(log.wait_past(graven_merkle::TreeSize(size)).await),
                _ => std::future::pending().await,
            }
        };
        let due = async {
            match until {
                Some(until) => sleep_until(until).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = grown => {}
            () = due => {}
            _ = changed.changed() => {}
        }
    }
}

/// Looks once, if whoever saved the query may still know what it finds.
async fn look(shared: &Arc<Shared>, name: &QueryName, looker: &mut Option<Looker>) -> Looked {
    let (Some(log), Some(saved)) = (shared.cell.log(&name.log), saved(shared, name)) else {
        return Looked::Stands("its log is not there".to_owned());
    };
    let right = right_of(&saved.when);
    let asked = access::Asked { right, log: Some(&name.log), stream: None };
    if let Err(refusal) = shared.gate.authorise(&saved.owner, &asked, false) {
        return Looked::Stands(format!("{} may not read it: {}", saved.owner, refusal.detail));
    }
    if looker.is_none() {
        let opened = if saved.when.is_check() {
            Ok(Looker::Check(Check::new(&saved)))
        } else {
            let opened = Entries::open(shared, name, &saved, &log).await;
            opened.map(|entries| Looker::Entries(Box::new(entries)))
        };
        match opened {
            Ok(opened) => *looker = Some(opened),
            Err(why) => return Looked::Stands(why),
        }
    }
    match looker {
        Some(Looker::Entries(entries)) => entries.look(shared, name, &saved, &log).await,
        Some(Looker::Check(check)) => check.look(shared, &log).await,
        None => Looked::More,
    }
}

/// Makes a firing an entry; until it is one, nothing of the query goes on.
async fn fire(shared: &Arc<Shared>, name: &QueryName, revision: u64, (draft, next): (Draft, u64)) {
    let Draft { reason, count, indexes, measured } = draft;
    let (id, reason) = (new_id(shared), reason.to_owned());
    let firing = Firing { id, reason, count, indexes, measured, next, time: Time::MIN };
    record(shared, |queries| {
        let is_same = |saved: &&Saved| saved.revision == revision && saved.pending.is_none();
        queries.of(name).filter(is_same).map(|_| Queries::plan_fire(name, &firing))
    })
    .await;
}

/// Tells a firing until it is heard or given up, and makes that an entry. `attempts` were made before.
async fn tell(
    shared: &Arc<Shared>,
    name: &QueryName,
    (revision, firing): (u64, Firing),
    mut attempts: u32,
) {
    let mut changed = shared.watching.changed.subscribe();
    let why = loop {
        attempts += 1;
        let is_same = |saved: &Saved| saved.revision == revision;
        let Some(now) = saved(shared, name).filter(is_same) else { return };
        let sent = send(shared, name, &now, Kind::Fired(firing.clone())).await;
        let Err(undelivered) = sent else { break None };
        let is_over = undelivered.is_final || attempts >= shared.limits.webhook_attempts_max;
        shared.watching.set(name, |state| {
            (state.attempts, state.why) = (attempts, Some(undelivered.why.clone()));
        });
        if is_over {
            break Some(undelivered.why);
        }
        let due = Instant::now() + pause(shared.limits.webhook_pause, attempts);
        while Instant::now() < due && saved(shared, name).is_some_and(|now| is_same(&now)) {
            tokio::select! {
                () = sleep_until(due) => {}
                _ = changed.changed() => {}
            }
        }
    };
    record(shared, |queries| {
        let pending = queries.of(name).and_then(|saved| saved.pending.as_ref());
        let is_same = |pending: &&Firing| pending.id == firing.id;
        let end = |_| Queries::plan_end(name, &firing.id, attempts, why.as_deref());
        pending.filter(is_same).map(end)
    })
    .await;
    shared.watching.set(name, |state| (state.attempts, state.why) = (0, None));
}

/// Sends a query's letter once.
pub(crate) async fn send(
    shared: &Arc<Shared>,
    name: &QueryName,
    saved: &Saved,
    kind: Kind,
) -> Result<(), Undelivered> {
    let failed = |why: &str| Undelivered { why: why.to_owned(), is_final: false };
    let _permit = shared.watching.sending.acquire().await;
    let (name, saved, from) = (name.clone(), saved.clone(), Arc::clone(shared));
    let letter = shared.blocking(move || write_letter(&from, &name, &saved, kind)).await;
    let letter = letter.map_err(|refusal| failed(&refusal.detail))?;
    let webhooks = Arc::clone(&shared.watching.webhooks);
    let sent = tokio::task::spawn_blocking(move || webhooks.send(&letter)).await;
    sent.unwrap_or_else(|_| Err(failed("the server failed at it; see its own log")))
}

/// Appends to `system` what `plan` makes of the queries, if anything; tries again until the log takes it.
async fn record(shared: &Arc<Shared>, plan: impl Fn(&Queries) -> Option<Vec<u8>>) {
    loop {
        let planned = |standing: &access::Standing| {
            Ok::<_, Refusal>(plan(&standing.queries).into_iter().collect())
        };
        match shared.gate.change(&shared.cell, planned).await {
            Ok(()) => return,
            Err(refusal) => {
                tracing::warn!(%refusal, "what a saved query found cannot be recorded; trying again");
                sleep(WATCH_RETRY).await;
            }
        }
    }
}

/// How many attempts there were time for since a firing, but for the last that there are: at least one is made of each start.
fn made_before(shared: &Shared, firing: &Firing) -> u32 {
    let now = shared.gate.now().unix_ns();
    let since = Duration::from_nanos(now.saturating_sub(firing.time.unix_ns()));
    let most = shared.limits.webhook_attempts_max.saturating_sub(1);
    attempts_in(since, shared.limits.webhook_pause, most)
}

/// How many attempts fall into such a time, if they take none themselves; at most so many.
fn attempts_in(time: Duration, first_pause: Duration, most: u32) -> u32 {
    let (mut attempts, mut next) = (0, Duration::ZERO);
    while attempts < most && next <= time {
        attempts += 1;
        next = next.saturating_add(pause(first_pause, attempts));
    }
    attempts
}

/// How long to wait after so many attempts: twice as long each time.
fn pause(first: Duration, attempts: u32) -> Duration {
    let times = 1u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
    first.saturating_mul(times.max(1)).min(WEBHOOK_PAUSE_MAX)
}

/// An id that nothing else has.
pub(crate) fn new_id(shared: &Shared) -> String {
    let mut bytes = [0; 16];
    shared.gate.random().fill(&mut bytes);
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("msg_{hex}")
}

fn saved(shared: &Shared, name: &QueryName) -> Option<Saved> {
    shared.gate.standing().queries.of(name).cloned()
}

#[cfg(test)]
#[path = "tests/watch.rs"]
mod tests;
