//! What a log's audit policy makes of a batch before the log sees it: events that it does not take, values that it drops,
//! fields that it requires. A signed event is never altered, and a stream has no gaps: there policy refuses.

use std::collections::BTreeMap;

use access::{Disclosed, EventAbout, Level, PrincipalId, Right, Scoped, Slice, Verdict};
use append::{Appended, Batch, Code, Dropped, Refusal, Sidecar};
use env::Random;
use graven_entry::{check_event, disclosure_digest, event_hash};
use log::{LogHandle, Pending, Reduced, ReducedEvent, Writer};

use crate::blob;
use crate::gate::narrowed;
use crate::sealing::salt;
use crate::shared::Shared;

/// A batch on its way, and what of it is left out.
pub(crate) struct Taken {
    log: LogHandle,
    /// None where nothing is left to append.
    pending: Option<Pending>,
    dropped: Vec<Dropped>,
    /// The version of the policy that dropped them.
    version: u64,
}

/// What is done to a batch.
#[derive(Default)]
struct Fitted {
    events: Vec<Vec<u8>>,
    /// For each event its place in what was sent.
    places: Vec<usize>,
    reduced: Reduced,
    dropped: Vec<Dropped>,
    /// Verdicts of the events that lose values, by their place in what was sent.
    verdicts: Vec<(usize, Verdict)>,
}

/// Hands a batch to its log, as far as the log's policy takes it.
pub(crate) fn submit(
    shared: &Shared,
    log: &LogHandle,
    (id, writer): (&PrincipalId, &Writer),
    batch: Batch,
) -> Result<Taken, Refusal> {
    let name = log.name();
    check_policies(&shared.gate.slice(id, Right::Append, name.as_str()), &batch)?;
    let Some(scoped) = shared.gate.scope(name.as_str()) else {
        let pending = Some(log.submit(writer, batch)?);
        return Ok(Taken { log: log.clone(), pending, dropped: Vec::new(), version: 0 });
    };
    let (batch, fitted) = fit(batch, &scoped, shared.gate.random())?;
    let in_sent = |refusal: Refusal| match refusal.event.and_then(|at| fitted.places.get(at)) {
        Some(place) => refusal.clone().at_event(*place),
        None => refusal,
    };
    let is_empty = batch.events.is_empty() && !fitted.dropped.is_empty();
    let pending = if is_empty {
        None
    } else {
        Some(log.submit_reduced(writer, batch, &fitted.reduced).map_err(in_sent)?)
    };
    let (log, dropped, version) = (log.clone(), fitted.dropped, scoped.version);
    Ok(Taken { log, pending, dropped, version })
}

impl Taken {
    /// Waits until what is left is permanent; then what was left out counts too.
    pub(crate) async fn finish(self, shared: &Shared) -> Result<Appended, Refusal> {
        let Taken { log, pending, dropped, version } = self;
        let appended = match pending {
            Some(pending) => pending.await?,
            None => nothing(shared, &log).await?,
        };
        shared.drops.add(log.name().as_str(), version, &dropped);
        Ok(Appended { dropped, ..appended })
    }
}

/// The answer to a batch of which nothing was taken: the log as it stands.
async fn nothing(shared: &Shared, log: &LogHandle) -> Result<Appended, Refusal> {
    let log = log.clone();
    let checkpoint = shared.blocking(move || log.checkpoint()).await?;
    let checkpoint = checkpoint.map_err(|error| Refusal::from(&error))?;
    let checkpoint = String::from_utf8_lossy(&checkpoint).into_owned();
    let (receipts, dropped, proofs) = (Vec::new(), Vec::new(), Vec::new());
    Ok(Appended { checkpoint, receipts, dropped, proofs, ack_reached: true })
}

/// Refuses what a policy does not let this principal append.
fn check_policies(slice: &Slice, batch: &Batch) -> Result<(), Refusal> {
    if matches!(slice, Slice::Free) {
        return Ok(());
    }
    for (place, event) in batch.events.iter().enumerate() {
        // What is no event the log refuses.
        if EventAbout::of(event).is_some_and(|about| !slice.allows(&about)) {
            return Err(narrowed("a policy forbids you to append this event").at_event(place));
        }
    }
    Ok(())
}

/// The batch as the log gets it.
fn fit(batch: Batch, scoped: &Scoped, random: &dyn Random) -> Result<(Batch, Fitted), Refusal> {
    let Batch { events, stream, attestation, sidecars, cursor, ack, proof } = batch;
    let mut fitted = Fitted::default();
    let mut all_disclosed = disclosed(&sidecars);
    for (place, event) in events.into_iter().enumerate() {
        let disclosed = all_disclosed.remove(&place).unwrap_or_default();
        let judged = judge(&event, scoped, &disclosed);
        let Some((about, verdict)) = judged else {
            // The log says what is wrong with it.
            fitted.keep(place, event);
            continue;
        };
        let stands = Stands { in_stream: stream.is_some(), is_signed: attestation.is_some() };
        check(&about, &verdict, stands, scoped.version).map_err(|r| r.at_event(place))?;
        if verdict.level == Level::None {
            fitted.dropped.push(Dropped { event: place, rule: verdict.rule_name });
        } else if verdict.drops() {
            let reduced = reduce(&event, &verdict, &disclosed, random);
            let (less, reduced) = reduced.map_err(|refusal| refusal.at_event(place))?;
            fitted.reduced.insert(fitted.events.len(), reduced);
            fitted.verdicts.push((place, verdict));
            fitted.keep(place, less);
        } else {
            fitted.keep(place, event);
        }
    }
    let sidecars = fitted.sidecars(sidecars);
    let events = std::mem::take(&mut fitted.events);
    Ok((Batch { events, stream, attestation, sidecars, cursor, ack, proof }, fitted))
}

/// The sealed values of a batch, by the place of their event.
fn disclosed(sidecars: &[Sidecar]) -> BTreeMap<usize, Vec<Disclosed<'_>>> {
    let mut disclosed: BTreeMap<usize, Vec<Disclosed<'_>>> = BTreeMap::new();
    for sidecar in sidecars {
        if let Sidecar::Disclosure { event, disclosure: encoded, path, .. } = sidecar {
            disclosed.entry(*event).or_default().push(Disclosed { path, encoded });
        }
    }
    disclosed
}

/// What policy says of an event; `None` where it is none that a log would take.
pub(crate) fn judge(
    event: &[u8],
    scoped: &Scoped,
    disclosed: &[Disclosed<'_>],
) -> Option<(EventAbout, Verdict)> {
    let about = EventAbout::of(event).filter(|about| !about.action.starts_with("graven."))?;
    let verdict = scoped.policy.judge(event.trim_ascii(), &about, disclosed);
    Some((about, verdict))
}

/// The event without what is dropped of it.
fn reduce(
    event: &[u8],
    verdict: &Verdict,
    disclosed: &[Disclosed<'_>],
    random: &dyn Random,
) -> Result<(Vec<u8>, ReducedEvent), Refusal> {
    let less = verdict.apply(event.trim_ascii(), || salt(random));
    let (less, mut withheld) =
        less.map_err(|error| Refusal::new(Code::BadEvent, error.to_string()))?;
    let undisclosed =
        disclosed.iter().filter(|one| verdict.undisclosed.iter().any(|path| path == one.path));
    withheld.extend(undisclosed.map(|one| disclosure_digest(one.encoded)));
    // As the log would have hashed it whole, so that a repetition after a change of policy is known for one.
    let has_break = check_event(event).is_ok_and(|facts| facts.has_line_break);
    let received = event_hash(if has_break { event } else { event.trim_ascii() });
    Ok((less, ReducedEvent { received, withheld }))
}

/// How an event is handed in.
#[derive(Clone, Copy)]
pub(crate) struct Stands {
    pub(crate) in_stream: bool,
    pub(crate) is_signed: bool,
}

/// Refuses what policy cannot let pass, with the field named.
pub(crate) fn check(
    about: &EventAbout,
    verdict: &Verdict,
    stands: Stands,
    version: u64,
) -> Result<(), Refusal> {
    let rule = &verdict.rule_name;
    let policy = format!("version {version} of the log's audit policy, {rule}");
    if verdict.level == Level::None && stands.in_stream {
        let detail = format!(
            "{policy}: it takes no such event, and a stream has no gaps; send it outside of a stream, or not at all"
        );
        return Err(bad("/action", detail));
    }
    if let Some(path) = verdict.missing.first() {
        let action = &about.action;
        let detail = format!(
            "an event with the action `{action}` has to carry {path}, by version {version} of the log's action catalogue"
        );
        return Err(bad(path, detail));
    }
    match verdict.dropped.first().or(verdict.undisclosed.first()) {
        Some(path) if stands.is_signed => {
            let detail = format!(
                "{policy}: it drops this value, and a signed event is never altered; leave it out before the event is signed"
            );
            Err(bad(path, detail))
        }
        _ => Ok(()),
    }
}

fn bad(field: &str, detail: String) -> Refusal {
    Refusal::new(Code::BadEvent, detail).in_field(field)
}

impl Fitted {
    fn keep(&mut self, place: usize, event: Vec<u8>) {
        self.events.push(event);
        self.places.push(place);
    }

    /// What travels beside the events that are left. What opens a dropped value goes with it, and so does a blob whose digest
    /// was dropped.
    fn sidecars(&self, sidecars: Vec<Sidecar>) -> Vec<Sidecar> {
        let is_kept = |sidecar: &Sidecar| {
            let found = self.verdicts.binary_search_by_key(&sidecar.event(), |(place, _)| *place);
            let Some((place, verdict)) = found.ok().and_then(|at| self.verdicts.get(at)) else {
                return true;
            };
            match sidecar {
                Sidecar::Disclosure { path, .. } => !verdict.undisclosed.contains(path),
                Sidecar::Blob { bytes, .. } => {
                    let at = self.places.binary_search(place).ok();
                    let event = at.and_then(|at| self.events.get(at));
                    event.is_some_and(|event| blob::states(event, bytes))
                }
                Sidecar::SealedBlob { .. } => {
                    !verdict.undisclosed.iter().any(|path| blob::is_digest_path(path))
                }
            }
        };
        let moved = sidecars.into_iter().filter(is_kept).filter_map(|mut sidecar| {
            let sent = sidecar.event();
            let at = match self.places.binary_search(&sent) {
                Ok(at) => at,
                Err(_) if self.dropped.iter().any(|dropped| dropped.event == sent) => return None,
                // Of no event at all: the log says so.
                Err(_) => usize::MAX,
            };
            match &mut sidecar {
                Sidecar::Disclosure { event, .. }
                | Sidecar::Blob { event, .. }
                | Sidecar::SealedBlob { event, .. } => *event = at,
            }
            Some(sidecar)
        });
        moved.collect()
    }
}
