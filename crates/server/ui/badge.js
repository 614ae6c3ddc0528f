// The badge: exactly what was checked, and in red what was not as it must be.

import { isOpenWire } from './check.js';
import { copy, h, text, time } from './dom.js';
import { forget } from './memory.js';

/** What a kind of fault means, for people; the detail stands beside it. */
const MEANINGS = {
  leaf_mismatch: 'These bytes are not what the log has at this index: the entry or its proof was changed.',
  wrong_index: 'This is another entry of the log.',
  wrong_origin: 'This is of another log than the one that this browser knows here.',
  signature_bad: 'The log has not signed this: the checkpoint was changed.',
  key_unknown: 'This is signed by no key of the log that this browser knows.',
  rollback: 'The log is shorter than when this browser saw it last: entries are missing, or an old copy is shown.',
  fork: 'The log is not the one that this browser saw: its history was rewritten.',
  no_proof: 'The server cannot show that the log has only grown.',
  proof_malformed: 'The proof cannot be read.',
  verifier_failed: 'The verifier itself could not run, so nothing is known.',
  unsupported_version: 'The entry is in a form that this version cannot read.',
};

/** The badge of a report (`check.js`). */
export function badge(report) {
  const failed = report.steps.find((step) => !step.ok);
  const summary = failed ? 'Does not verify' : 'Verified in your browser';
  return h('section', { class: `badge ${failed ? 'bad' : 'good'}`, 'data-state': failed ? 'bad' : 'good',
    'data-kind': failed?.kind ?? '', role: failed ? 'alert' : 'status', 'aria-label': summary },
  h('h2', {}, h('span', { class: 'mark', 'aria-hidden': 'true' }, failed ? '✗' : '✓'), summary),
  failed ? fault(report, failed) : passed(report),
  isOpenWire() && h('p', { class: 'notice warn' },
    'This page came over plain HTTP from another machine: whoever sits in between could have changed the page itself, this badge included.'));
}

function passed(report) {
  const { verdict, before, isFirst, isKept, isRekeyed } = report;
  const now = verdict.checkpoint;
  const rekeyed = isRekeyed ? ['a key that this browser knew has signed those that the log has now'] : [];
  const isSame = before?.size === now.size;
  const grown = isSame ? ['it is the same tree that this browser saw last'] : report.steps[1]?.checked ?? [];
  return [
    h('ul', { class: 'checks' }, [...verdict.checked, ...rekeyed, ...grown].map((what) => h('li', {}, text(what)))),
    isFirst && h('p', { class: 'muted' },
      'First look from this browser: the keys are those that the server names. From now on this browser notices when the log loses entries or is rewritten.'),
    before && h('p', { class: 'muted' }, `Compared with ${before.size} entries, seen `, time(before.at), '.'),
    isKept === false && h('p', { class: 'notice warn' }, 'This browser keeps nothing for this page, so it cannot compare next time.'),
    h('details', {}, h('summary', {}, 'What this does not say, and by which key'),
      h('ul', {}, verdict.notChecked.map((what) => h('li', {}, text(what)))),
      h('p', {}, 'Whether the server that sends this page is honest: the page is its own. ',
        h('code', {}, `graven verify ${location.origin} --log ${report.log} --remember FILE`), ' checks from outside.'),
      h('dl', { class: 'facts' },
        h('dt', {}, 'Signed by'), h('dd', {}, verdict.keysUsed.map((key) => h('code', { class: 'wrap' }, text(key)))),
        h('dt', {}, 'Tree'), h('dd', {}, `${now.size} entries, root `, h('code', { class: 'wrap' }, now.root)))),
  ];
}

function fault(report, { what, kind, detail }) {
  const evidence = JSON.stringify({ log: report.log, seen: report.before ?? null, now: report.verdict }, null, 1);
  return [
    h('p', { class: 'meaning' }, MEANINGS[kind] ?? 'What the server gave does not fit together.'),
    h('p', {}, `Checked: ${what}. Found: `, h('code', {}, kind), ', ', text(detail), '.'),
    h('p', { class: 'muted' }, 'Nothing that this page shows of the entry is to be believed. Keep the evidence, and verify from another machine.'),
    h('p', { class: 'actions' }, copy('Copy the evidence', evidence), report.before && forgetButton(report)),
  ];
}

/** For logs that were replaced on purpose, and keys that were lost: whoever presses it takes the server's word. */
function forgetButton({ log, before }) {
  return h('button', { type: 'button', class: 'quiet', click: () => {
    const question = `Forget what this browser saw of ${log} (${before.size} entries) and trust what the server shows now?`;
    if (!confirm(question)) return;
    forget(log);
    location.reload();
  } }, 'Forget what this browser saw …');
}
