// What this browser checks of a log.

import { Problem, getBytes, getJson } from './api.js';
import { keep, seen } from './memory.js';
import { verifyConsistency, verifyEntry, verifyKeys, verifyResults } from './verify.js';

/** How many changes of a log's keys are followed at once. */
const KEY_CHANGES_MAX = 256;

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
  const judged = await judge(log, info, before, (trust) => verifyEntry({ ...trust, entry, proof }));
  const { verdict } = judged;
  const report = { log, info, before, ...judged, good: verdict.ok, steps: [] };
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
  const judged = await judge(log, info, before, (trust) => verifyResults({ ...trust, results }));
  const { verdict } = judged;
  const report = { log, info, before, ...judged, good: verdict.ok, steps: [] };
  step(report, 'the entries, their places in the tree and the log\'s signature', verdict);
  if (report.good) await checkGrowth(report);
  return report;
}

/** Lines of a result file (docs/format.md): what `graven verify` reads. */
export function resultFile(results, { checkpoint, hashes }) {
  const lines = results.map(({ index, entry }) => ({ index, entry }));
  return [{ graven: 'results/v1' }, ...lines, { checkpoint, proof: hashes }].map((one) => JSON.stringify(one) + '\n').join('');
}

/**
 * A verdict, and by whom the log is judged: by the keys that this browser saw before, where it did; where none of them has signed, by
 * those that they announced since.
 */
async function judge(log, info, before, verify) {
  const trust = before ? { origin: before.origin, vkeys: before.vkeys } : { origin: info.origin, vkeys: info.vkeys };
  const verdict = await verify(trust);
  const changed = before && verdict.kind === 'key_unknown' && await announced(log, before.size, trust);
  if (!changed) return { trust, verdict };
  return { trust: { ...trust, vkeys: changed }, verdict: await verify({ ...trust, vkeys: changed }), isRekeyed: true };
}

/** The keys that come of those that are known by what the log says from an entry on; none where that is not proved. */
async function announced(log, from, trust) {
  const q = `action:graven.key target.type:log index>=${from}`;
  try {
    const { results, proof } = await getJson(`/api/v1/logs/${log}/search?${new URLSearchParams({ q, limit: KEY_CHANGES_MAX, facets: '', histogram: false, proofs: true })}`);
    if (results.length === 0) return undefined;
    const verdict = await verifyKeys({ ...trust, results: resultFile(results.toReversed(), proof) });
    return verdict.ok ? verdict.vkeys : undefined;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return undefined;
  }
}

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
  // The old checkpoint may be signed by keys that were retired since.
  const vkeys = [...new Set([...before.vkeys, ...trust.vkeys])];
  return verifyConsistency({ ...trust, vkeys, old: before.note, new: now.note, proof });
}

function step(report, what, verdict) {
  report.steps.push({ what, ...verdict });
  report.good &&= verdict.ok;
}

/** Whether whoever sits between this browser and the server could have changed the page itself. */
export const isOpenWire = () => !globalThis.isSecureContext;
