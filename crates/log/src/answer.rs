//! Signing checkpoints and answering producers, after the commit and never before; on threads of its own, but for a lone append.

use crate::extra::extra;
use crate::frame::FooterCheckpoint;
use crate::inbox::Reply;
use crate::jobs::{Door, Taker};
use crate::messages::{SignedSince, answer};
use crate::poison::Poison;
use crate::read::{ReadError, Reader};
use crate::sealed::{WaitItem, Waiter};
use crate::shared::{DurableHead, LogShared, SignedHead};
use crate::sync::{Builder, JoinHandle};
use append::{AckLevel, Appended, Code, EntryProof, Receipt, Refusal};
use graven_entry::Time;
use graven_merkle::LeafIndex;
use std::sync::{Arc, PoisonError};

/// A receipt's proofs carry the producer's signature where the batch has at most this many events: each proof names the
/// events after it, so a large batch would be answered with the square of its size. The proof of one entry always does.
const EXTRA_BATCH_MAX: usize = 64;

/// One log's waiters after a commit.
pub(crate) struct Job {
    pub(crate) log: Arc<LogShared>,
    /// Covers every entry that the waiters wait for.
    pub(crate) head: DurableHead,
    pub(crate) waiters: Vec<Waiter>,
}

/// What a signer thread works with.
#[derive(Clone)]
pub(crate) struct AnswerParts {
    pub(crate) reader: Reader,
    pub(crate) signed_since: Arc<SignedSince>,
    pub(crate) poison: Poison,
}

/// The door to the signer threads.
pub(crate) struct Answerer {
    jobs: Door<Job>,
    parts: AnswerParts,
}

impl Answerer {
    /// Hands a job to the signer threads. Nothing is sent for a log that nobody waits for.
    pub(crate) fn send(&self, job: Job) {
        if job.waiters.is_empty() {
            return;
        }
        self.jobs.push(job);
    }

    /// Does a job on this thread.
    pub(crate) fn answer_here(&self, job: Job) {
        work(&self.parts, job);
    }
}

/// Starts the signer threads.
pub(crate) fn start(
    threads: usize,
    parts: &AnswerParts,
) -> std::io::Result<(Answerer, Vec<JoinHandle<()>>)> {
    let jobs = Door::new();
    let mut handles = Vec::with_capacity(threads);
    for number in 0..threads.max(1) {
        let (parts, jobs) = (parts.clone(), jobs.taker());
        let name = format!("graven-sign-{number}");
        let run = move || run(&parts, &jobs);
        handles.push(Builder::new().name(name).spawn(run)?);
    }
    Ok((Answerer { jobs, parts: parts.clone() }, handles))
}

fn run(parts: &AnswerParts, jobs: &Taker<Job>) {
    while let Some(job) = jobs.take() {
        work(parts, job);
    }
}

/// Signs and answers the waiters of one job. What is signed is the newest head that is durable: where frames come faster
/// than signatures, one covers several frames, and the next job finds it.
fn work(parts: &AnswerParts, job: Job) {
    let durable = job.log.head();
    let head = if durable.size > job.head.size { durable } else { job.head };
    let signed = match job.log.sign(head, &parts.poison) {
        Ok(signed) => signed,
        Err(fatal) => {
            for waiter in job.waiters {
                answer(waiter.reply, Err(Refusal::new(Code::Unavailable, fatal.0.clone())));
            }
            return;
        }
    };
    note_signed(parts, &job.log, &signed);
    for waiter in job.waiters {
        let Waiter { reply, items, proof, room } = waiter;
        let result = receipt(parts, &job.log, &signed, &items, proof);
        send(reply, result);
        drop(room);
    }
}

fn send(reply: Reply, result: Result<Appended, ReadError>) {
    answer(reply, result.map_err(|error| Refusal::from(&error)));
}

/// Remembers a signature for the next frame: the frames are the record of what was signed.
pub(crate) fn note_signed(parts: &AnswerParts, log: &LogShared, signed: &SignedHead) {
    let mut since = parts.signed_since.lock().unwrap_or_else(PoisonError::into_inner);
    let newest = since.get(log.name.as_str()).is_none_or(|old| old.size < signed.head.size);
    if newest {
        let (name, size) = (log.name.to_string(), signed.head.size);
        let note = signed.note.clone();
        since.insert(log.name.to_string(), FooterCheckpoint { name, size, note });
    }
}

fn receipt(
    parts: &AnswerParts,
    log: &LogShared,
    signed: &SignedHead,
    items: &[WaitItem],
    proof: bool,
) -> Result<Appended, ReadError> {
    let mut receipts = Vec::with_capacity(items.len());
    let mut proofs = Vec::new();
    let with_extra = items.len() <= EXTRA_BATCH_MAX;
    for item in items {
        receipts.push(match *item {
            WaitItem::New { index, leaf, time } => Receipt {
                index: LeafIndex(index),
                leaf_hash: leaf,
                time: time.to_string(),
                ack: AckLevel::Local,
                repeated: false,
            },
            WaitItem::Repeat { index } => repeated(parts, log, index)?,
        });
        if proof {
            let index = LeafIndex(item.index());
            let header = parts.reader.header_line(log, index)?;
            let extra = if with_extra { extra(&parts.reader, log, index)? } else { None };
            let proof = parts.reader.proof(log, index, signed, extra)?;
            proofs.push(EntryProof { header, proof });
        }
    }
    let checkpoint = signed.note.clone();
    Ok(Appended { checkpoint, receipts, dropped: Vec::new(), proofs, ack_reached: true })
}

/// The first receipt of a recorded entry, told again.
fn repeated(parts: &AnswerParts, log: &LogShared, index: u64) -> Result<Receipt, ReadError> {
    let (leaf_hash, time): (_, Time) = parts.reader.leaf_and_time(log, LeafIndex(index))?;
    let (index, time) = (LeafIndex(index), time.to_string());
    Ok(Receipt { index, leaf_hash, time, ack: AckLevel::Local, repeated: true })
}
