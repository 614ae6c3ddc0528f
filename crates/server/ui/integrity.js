// What is known of a log's proofs: by this browser, and as the server says.

import { Problem, getJson } from './api.js';
import { badge } from './badge.js';
import { checkEntry } from './check.js';
import { copy, fill, h, text, time } from './dom.js';

/** How many streams are listed. */
const STREAMS_MAX = 100;

const place = document.querySelector('#integrity');
const { log } = place.dataset;
const path = `/api/v1/logs/${log}`;

try {
  const { size } = await getJson(path);
  const [found, streams, ready] = await Promise.all([checkEntry(log, size - 1), streamsOf(), isReady()]);
  fill(place, ...draw(found, streams, ready));
} catch (error) {
  if (!(error instanceof Problem)) console.error(error);
  fill(place, h('h1', {}, 'Integrity'), h('p', { class: 'notice bad', role: 'alert' }, text(error.message)));
}

function draw({ info, report }, streams, ready) {
  const now = report.verdict.checkpoint;
  return [
    h('h1', {}, 'Integrity'),
    h('div', { class: 'columns' },
      h('div', { class: 'document' },
        h('section', {}, h('h2', {}, 'The log'), h('dl', { class: 'facts' },
          fact('Origin', text(info.origin, 'wrap mono')),
          fact('Entries', String(info.size)),
          fact('Began', time(info.created)),
          fact('Takes entries', info.ended ? text(`no: ${info.ended}`) : ready),
          fact('Keys', info.vkeys.map((key) => h('code', { class: 'wrap' }, text(key)))))),
        now && h('section', {}, h('h2', {}, 'The newest checkpoint'),
          h('pre', {}, text(now.note)), h('p', { class: 'actions' }, copy('Copy', now.note))),
        h('section', {}, h('h2', {}, 'Streams'), streams),
        h('section', {}, h('h2', {}, 'Witnesses and followers'),
          h('p', { class: 'empty' }, 'None has cosigned: that there is one log for everyone rests on this server\'s word, and on what browsers and verifiers remember.')),
        h('section', {}, h('h2', {}, 'The whole log'),
          h('p', {}, 'This page checks the newest checkpoint and one entry under it. All entries, and all streams without gaps, are checked by:'),
          h('pre', {}, h('code', {}, `graven verify ${location.origin} --log ${log} --remember ${log}.checkpoint`)))),
      h('aside', {}, badge(report))),
  ];
}

function fact(name, ...value) {
  return [h('dt', {}, name), h('dd', {}, ...value)];
}

async function isReady() {
  const response = await fetch('/readyz');
  return response.ok ? 'yes' : 'not now: disk, clock or a stop; the server\'s own log says which';
}

async function streamsOf() {
  try {
    const { streams, next } = await getJson(`${path}/streams?limit=${STREAMS_MAX}`);
    if (streams.length === 0) return h('p', { class: 'empty' }, 'No producer keeps a stream here. Streams show that nothing of a producer is missing.');
    return h('div', { class: 'scroll' }, h('table', {},
      h('thead', {}, h('tr', {}, ['Stream', 'Events, without a gap'].map((title) => h('th', { scope: 'col' }, title)))),
      h('tbody', {}, streams.map(({ stream, next_seq }) => h('tr', {}, h('td', {}, text(stream)), h('td', { class: 'number' }, String(next_seq)))))),
    next && h('p', { class: 'muted' }, `The first ${STREAMS_MAX}.`));
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return h('p', { class: 'empty' }, text(error.message));
  }
}
