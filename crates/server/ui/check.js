// What this browser checks of a log.

import { Problem, getBytes, getJson } from './api.js';
import { keep, seen } from './memory.js';
import { verifyConsistency, verifyEntry, verifyResults } from './verify.js';

/**
 * Fetches an entry with its proof and checks all that can be checked here. Throws a Problem where there is no entry to be had.
 * Gives the entry's bytes, its proof, the log as the server describes it, and the report.
 */
export async function checkEntry(log, index) {
  const before = seen(log);
  const path = `/api/v1/logs/${log}`;
  const [info, entry, proof] = await Promise.all([
    getJson(path), getBytes(`${path}/entries/${index}`), getBytes(`${path}/entries/${index}/proof`),
  ]);
  const trust = trusted(info, before);
  const verdict = await verifyEntry({ ...trust, entry, proof });
  const report = { log, info, before, trust, verdict, good: verdict.ok, steps: [] };
  step(report, 'the entry, its place in the tree and the log\'s signature', verdict);
  if (verdict.ok && verdict.index !== index) {
    step(report, 'the entry\'s index', { ok: false, kind: 'wrong_index', detail: `this is entry ${verdict.index}, not ${index}` });
  }
  if (report.good) await checkGrowth(report);
  return { info, entry, proof, report };
}

/** Checks results of a search, as the file that they make with their one proof: the report. */
export async function checkResults(log, info, results) {
  const before = seen(log);
  const trust = trusted(info, before);
  const verdict = await verifyResults({ ...trust, results });
  const report = { log, info, before, trust, verdict, good: verdict.ok, steps: [] };
  step(report, 'the entries, their places in the tree and the log\'s signature', verdict);
  if (report.good) await checkGrowth(report);
  return report;
}

/** By whom the log is judged: by the keys that this browser saw before, where it did. */
const trusted = (info, before) => (before ? { origin: before.origin, vkeys: before.vkeys } : { origin: info.origin, vkeys: info.vkeys });

/** Checks that the log has only grown since this browser saw it last, and keeps what it is now. */
async function checkGrowth(report) {
  const { log, before, trust, verdict } = report;
  const now = verdict.checkpoint;
  if (before) {
    step(report, 'that the log has only grown since this browser saw it last', await grown(log, trust, before, now));
  } else {
    report.isFirst = true;
  }
  if (!report.good) return;
  const kept = { ...trust, note: now.note, size: now.size, at: new Date().toISOString() };
  report.isKept = keep(log, kept);
}

async function grown(log, trust, before, now) {
  let proof = [];
  if (before.size > 0 && before.size < now.size) {
    try {
      ({ proof } = await getJson(`/api/v1/logs/${log}/consistency?old=${before.size}&new=${now.size}`));
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      return { ok: false, kind: 'no_proof', detail: `the server does not show it: ${error.message}` };
    }
  }
  return verifyConsistency({ ...trust, old: before.note, new: now.note, proof });
}

function step(report, what, verdict) {
  report.steps.push({ what, ...verdict });
  report.good &&= verdict.ok;
}

/** Whether whoever sits between this browser and the server could have changed the page itself. */
export const isOpenWire = () => !globalThis.isSecureContext;
