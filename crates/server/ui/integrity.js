// What is known of a log's proofs: by this browser, and as the server says; and how the server stands.

import { Problem, getJson, getText } from './api.js';
import { badge } from './badge.js';
import { checkEntry } from './check.js';
import { copy, fill, h, s, short, text, time } from './dom.js';

/** How many streams, gaps and checkpoints are listed. */
const STREAMS_MAX = 100;
const GAPS_MAX = 20;
const CHECKPOINTS_MAX = 10;
/** The longest verifier key that is shown whole at once. */
const KEY_CHARS_MAX = 400;
/** How long a server must have run before its rate says something. */
const RATE_S_MIN = 3600;

const place = document.querySelector('#integrity');
const { log } = place.dataset;
const path = `/api/v1/logs/${log}`;

try {
  const { size } = await getJson(path);
  const [found, ready, ...parts] = await Promise.all([checkEntry(log, size - 1), isReady(), ...[growth, streams, gaps, machine].map(part)]);
  fill(place, ...draw(found, ready, parts, await part(() => checkpoints(found.info.origin))));
} catch (error) {
  if (!(error instanceof Problem)) console.error(error);
  fill(place, h('h1', {}, 'Integrity'), h('p', { class: 'notice bad', role: 'alert' }, text(error.message)));
}

/** A verifier key; one of ML-DSA-44 fills a screen, so only its id is shown at once. */
function verifierKey(key) {
  const whole = h('code', { class: 'wrap' }, text(key));
  if (key.length <= KEY_CHARS_MAX) return h('div', {}, whole);
  return h('details', {}, h('summary', {}, 'ML-DSA-44, ', h('code', {}, text(key.split('+')[1]))), whole);
}

/** What a part of the page shows; where the server refuses it, why. */
async function part(read) {
  try {
    return await read();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return h('p', { class: 'empty' }, text(error.message));
  }
}

function draw({ info, report }, ready, [grown, streamed, missing, machinery], signed) {
  const now = report.verdict.checkpoint;
  return [
    h('h1', {}, 'Integrity'),
    h('div', { class: 'columns' },
      h('div', { class: 'document' },
        section('The log', h('dl', { class: 'facts' },
          fact('Origin', text(info.origin, 'wrap mono')),
          fact('Entries', String(info.size)),
          fact('Began', time(info.created)),
          fact('Takes entries', info.ended ? text(`no: ${info.ended}`) : ready),
          fact('Keys', info.vkeys.map(verifierKey)))),
        section('Growth', grown),
        now && section('The newest checkpoint', h('pre', {}, text(now.note)), h('p', { class: 'actions' }, copy('Copy', now.note))),
        section('Earlier checkpoints', signed),
        section('Last verification', lastVerified(report)),
        section('Streams', streamed),
        section('Gaps', missing),
        section('Clock and storage', machinery),
        section('Witnesses', h('p', { class: 'empty' },
          'None has cosigned: that there is one log for everyone rests on this server\'s word, and on what browsers and verifiers remember.')),
        section('Followers', h('p', { class: 'empty' }, 'No copy of this log is kept elsewhere by this server. graven backup makes one; whoever verifies with --remember keeps watch.'))),
      h('aside', {}, badge(report))),
  ];
}

function lastVerified({ before, good }) {
  return [
    h('p', {}, good ? 'Just now, by this page: the newest checkpoint, the newest entry under it, and that the log has only grown. '
      : 'Just now, by this page: it does not verify. ',
    before && ['Before that this browser saw ', String(before.size), ' entries, ', time(before.at), '.']),
    h('p', {}, 'All entries, and all streams without gaps, are checked from outside, which this server does not get to know of:'),
    h('pre', {}, h('code', {}, `graven verify ${location.origin} --log ${log} --remember ${log}.checkpoint`)),
  ];
}

/** How many entries came when: bars, and their total in words. */
async function growth() {
  const { total, histogram } = await search({ limit: 0, histogram: true });
  if (histogram.length === 0) return h('p', { class: 'empty' }, 'No event has a time yet.');
  const [first, last] = [histogram[0].from, histogram.at(-1).until];
  const [start, end] = [Date.parse(first), Date.parse(last)];
  const most = Math.max(...histogram.map(({ count }) => count));
  const bars = histogram.map(({ from, until, count }) => {
    const [x, width] = [(Date.parse(from) - start) / (end - start), (Date.parse(until) - Date.parse(from)) / (end - start)];
    const height = Math.max(1, (count / most) * 60);
    return s('rect', { x: (x * 600).toFixed(2), y: (60 - height).toFixed(2), width: Math.max(1, width * 600 - 1).toFixed(2), height: height.toFixed(2) },
      s('title', {}, `${count} from ${from} to ${until}`));
  });
  return h('figure', { class: 'growth' },
    s('svg', { viewBox: '0 0 600 60', preserveAspectRatio: 'none', role: 'img', 'aria-label': `${total} entries; at most ${most} in one interval` }, bars),
    h('figcaption', {}, time(first), h('span', {}, `${total} events by their own time, at most ${most} a bar`), time(last)));
}

async function streams() {
  const { streams: all, next } = await getJson(`${path}/streams?limit=${STREAMS_MAX}`);
  if (all.length === 0) return h('p', { class: 'empty' }, 'No producer keeps a stream here. Streams show that nothing of a producer is missing.');
  return [table(['Stream', 'Events, without a gap'], all.map(({ stream, next_seq }) => [text(stream), h('span', { class: 'number' }, String(next_seq))])),
    next && h('p', { class: 'muted' }, `The first ${STREAMS_MAX}.`)];
}

/** What the log itself says may be missing, or was offered twice. */
async function gaps() {
  const { total, results } = await search({ q: 'action:graven.gap OR action:graven.fork', limit: GAPS_MAX });
  if (total === 0) return h('p', { class: 'empty' }, 'None: no source has said that something of it may be missing, and no stream was forked.');
  return [table(['Entry', 'When', 'What', 'Of'], results.map(({ index, time: at, event: { action, target } }) => [
    h('a', { href: `/ui/logs/${log}/${index}` }, String(index)), time(at), text(String(action)), text(String(target?.id ?? ''))])),
  total > results.length && h('p', { class: 'muted' }, `The newest ${results.length} of ${total}.`)];
}

/** The roots that the log `system` keeps of this log, for those who may read it. */
async function checkpoints(origin) {
  const q = `action:graven.roots data.logs.origin:${JSON.stringify(origin)}`;
  let found;
  try {
    found = await getJson(`/api/v1/logs/system/search?${new URLSearchParams({ q, limit: CHECKPOINTS_MAX, facets: '', histogram: false })}`);
  } catch (error) {
    if (!(error instanceof Problem) || ![403, 404].includes(error.status)) throw error;
    return h('p', { class: 'empty' }, 'Each minute the log system keeps size and root of every log that grew; auditors see them here.');
  }
  if (found.results.length === 0) return h('p', { class: 'empty' }, 'None yet: each minute the log system keeps size and root of every log that grew.');
  return table(['When', 'Entries', 'Root', 'Kept as'], found.results.map(({ index, time: at, event }) => {
    const own = event.data.logs.find((one) => one.origin === origin);
    return [time(at), h('span', { class: 'number' }, String(own?.size)), h('code', { title: own?.root }, short(String(own?.root))),
      h('a', { href: `/ui/logs/system/${index}` }, `system ${index}`)];
  }));
}

/** The server's clock and disk, as its counters say. */
async function machine() {
  let page;
  try {
    page = await getText('/metrics');
  } catch (error) {
    if (error.status !== 403) throw error;
    return h('p', { class: 'empty' }, 'Auditors and operators see the server\'s clock and disk here.');
  }
  const value = (name) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(page)?.[1] ?? NaN);
  const error_ns = value('graven_clock_error_ns');
  const clock = value('graven_clock_synced') === 1 ? 'synchronised, by the kernel\'s word' : 'not synchronised: entries say so';
  return h('dl', { class: 'facts' },
    fact('Clock', clock, Number.isFinite(error_ns) && `, at most ${(error_ns / 1e6).toFixed(1)} ms off`),
    fact('Free on disk', bytes(value('graven_disk_free_bytes'))),
    fact('In the journal', bytes(value('graven_journal_bytes'))),
    fact('Days to full', untilFull(value)));
}

/** At the rate since the start, before compression: so it is rather later than that. */
function untilFull(value) {
  const ran_s = value('graven_time_seconds') - value('graven_start_time_seconds');
  if (!(ran_s >= RATE_S_MIN)) return h('span', { class: 'muted' }, 'the server started less than an hour ago, too early to say');
  const per_day = (value('graven_frame_bytes_total') / ran_s) * 86_400;
  if (!(per_day > 0)) return 'nothing is written';
  return `${Math.floor(value('graven_disk_free_bytes') / per_day)} or more, at ${bytes(per_day)} a day since the start`;
}

function search(wanted) {
  return getJson(`${path}/search?${new URLSearchParams({ facets: '', histogram: false, ...wanted })}`);
}

function section(title, ...children) {
  return h('section', {}, h('h2', {}, title), ...children);
}

function fact(name, ...value) {
  return [h('dt', {}, name), h('dd', {}, ...value)];
}

function table(titles, rows) {
  return h('div', { class: 'scroll', tabindex: '0', role: 'group', 'aria-label': titles.join(', ') }, h('table', {},
    h('thead', {}, h('tr', {}, titles.map((title) => h('th', { scope: 'col' }, title)))),
    h('tbody', {}, rows.map((cells) => h('tr', {}, cells.map((cell) => h('td', {}, cell)))))));
}

function bytes(count) {
  const step = Math.min(4, Math.floor(Math.log2(Math.max(1, count)) / 10));
  return `${(count / 1024 ** step).toFixed(step > 0 ? 1 : 0)} ${['B', 'KiB', 'MiB', 'GiB', 'TiB'][step]}`;
}

async function isReady() {
  const response = await fetch('/readyz');
  return response.ok ? 'yes' : 'not now: disk, clock or a stop; the server\'s own log says which';
}
