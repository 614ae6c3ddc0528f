// What an actor did, or what happened in a session or under a trace, in the order of the log, replayed at a chosen speed.
// The address says which (`actor`, `session`, `trace`, `q`), where it stands (`at`, an index) and how fast (`speed`).

import { Problem, getEvents } from './api.js';
import { changesTable } from './diff.js';
import { fill, h, text } from './dom.js';
import { keysHelp, onKeys } from './keys.js';
import { lead, resourceOf } from './links.js';
import { entriesTable, entryRow, happened, label, timeOf } from './rows.js';
import { show } from './json.js';

/** How many entries are read at a time. */
const PAGE_ENTRIES = 100;
/** How many of those that passed are listed. */
const ROWS_MAX = 100;
/** A pause is cut to this, so that a night does not take one. */
const PAUSE_MS_MAX = 3000;
/** How many times as fast as it was; without a number, without pauses. */
const SPEEDS = ['1', '10', '100', '1000', '10000', 'max'];
const NAMES = ['actor', 'session', 'trace', 'q'];

const { log } = document.querySelector('#timeline').dataset;
const form = document.querySelector('#which');
const place = document.querySelector('#replay');
/** The entries read so far, and the index from which to read on; `at` is the place of the one that is shown. */
let replay;
let timer;

const said = () => new URLSearchParams(location.search);

/** Says in the address where it stands, without a place of its own in the browser's history. */
function keep(change) {
  const parameters = said();
  for (const [name, value] of Object.entries(change)) parameters.set(name, value);
  history.replaceState(null, '', `?${parameters}`);
}

async function render() {
  pause();
  const asked = said();
  for (const name of NAMES) form.elements[name].value = asked.get(name) ?? '';
  const what = Object.fromEntries(NAMES.map((name) => [name, asked.get(name)]).filter(([, value]) => value));
  document.title = `${Object.values(what).join(' ') || 'Timeline'} · Graven`;
  if (Object.keys(what).length === 0) {
    fill(place, h('p', { class: 'empty' }, 'Who did what, in order: name an actor, a session or a trace, or give a query.'));
    return;
  }
  fill(place, h('p', { class: 'muted', role: 'status' }, 'Reading what happened …'));
  replay = { what, entries: [], next: '0', at: 0, isPlaying: false };
  try {
    await readTo(asked.get('at'));
    if (replay.entries.length > 0) frame();
    else fill(place, h('p', { class: 'empty' }, 'No entry is found, or none yet.'));
  } catch (error) {
    fault(error);
  }
}

function fault(error) {
  if (!(error instanceof Problem)) console.error(error);
  fill(place, h('p', { class: 'notice bad', role: 'alert' }, text(error.message)));
}

/** Reads until the entry of an index is there, and stands there. */
async function readTo(index) {
  const isThere = () => replay.entries.findIndex((entry) => entry.get('index').text === index);
  do await readOn();
  while (index !== null && isThere() < 0 && Number(replay.next) <= Number(index));
  replay.at = Math.max(0, isThere());
}

async function readOn() {
  const asked = new URLSearchParams({ ...replay.what, from: replay.next, limit: PAGE_ENTRIES });
  const page = await getEvents(`/api/v1/logs/${log}/timeline?${asked}`);
  replay.entries.push(...page.get('results'));
  replay.next = page.get('next')?.text;
}

/** The controls, which stay while it goes on. */
function frame() {
  const button = (id, name, click) => h('button', { id, type: 'button', click }, name);
  const speed = h('select', { id: 'speed', 'aria-label': 'Speed', change: () => keep({ speed: speed.value }) },
    SPEEDS.map((one) => h('option', { value: one }, one === 'max' ? 'no pauses' : `${one} ×`)));
  speed.value = SPEEDS.includes(said().get('speed')) ? said().get('speed') : '100';
  const slider = h('input', { id: 'where', type: 'range', min: 0, step: 1, 'aria-label': 'Entry', input: () => stand(slider.valueAsNumber) });
  const passed = entriesTable(log, () => {});
  replay.passed = passed;
  fill(place,
    h('div', { class: 'controls', role: 'group', 'aria-label': 'Replay' }, button('first', 'First', () => stand(0)), button('back', 'Back', () => step(-1)),
      button('play', 'Play', () => (replay.isPlaying ? pause() : play())), button('on', 'On', () => step(1)), speed, h('span', { id: 'where-says', class: 'muted' })),
    slider, h('article', { id: 'now', 'aria-live': 'polite' }),
    h('section', {}, h('h2', {}, 'Until now, newest first'), passed.table),
    keysHelp([['Space', 'plays and pauses'], ['j k', 'one on, one back'], ['+ -', 'faster, slower']]));
  stand(replay.at);
}

/** Shows one of the entries. */
function stand(at) {
  const { entries, next, passed } = replay;
  replay.at = at;
  const now = entries[at];
  const slider = document.querySelector('#where');
  slider.max = entries.length - 1;
  slider.value = at;
  document.querySelector('#where-says').textContent = `${at + 1} of ${entries.length}${next === undefined ? '' : ' and more'}`;
  fill(document.querySelector('#now'), draw(now));
  const since = Math.max(0, at + 1 - ROWS_MAX);
  fill(passed.body, entries.slice(since, at + 1).reverse().map((one) => entryRow(log, Number(one.get('index').text), one.get('time'), one.get('event'))));
  keep({ at: now.get('index').text });
}

function draw(entry) {
  const event = entry.get('event');
  const [outcome, changes, actor] = ['outcome', 'changes', 'actor'].map((name) => event.get(name));
  const targets = [event.get('target') ?? []].flat();
  return h('div', { class: 'card' },
    h('p', { class: 'muted' }, happened(entry.get('time'), event), ' · entry ', h('a', { href: `/ui/logs/${log}/${entry.get('index').text}` }, entry.get('index').text)),
    h('h2', {}, text(label(actor)), ' ', text(show(event.get('action') ?? ''), 'action'),
      typeof outcome === 'string' && h('span', { class: 'chip', 'data-outcome': outcome }, text(outcome))),
    targets.length > 0 && h('p', {}, 'to ', targets.map((target) => [resourceOf(target) === undefined ? text(label(target))
      : lead(log, 'resource', { target: resourceOf(target) }, label(target)), ' '])),
    typeof event.get('reason') === 'string' && h('p', {}, text(event.get('reason'))),
    changes instanceof Map && changesTable(changes, (_, __, change) => change instanceof Map && change.has('_sd') && h('span', { class: 'chip sealed' }, 'sealed')));
}

/** Goes on by one, or back; whether there was one. */
async function step(by) {
  const at = replay.at + by;
  if (at < 0) return false;
  if (at >= replay.entries.length) {
    if (replay.next === undefined) return false;
    const mine = replay;
    await readOn().catch(fault);
    if (mine !== replay || at >= replay.entries.length) return false;
  }
  stand(at);
  return true;
}

function play() {
  setPlaying(true);
  goOn();
}

function pause() {
  clearTimeout(timer);
  if (replay?.isPlaying) setPlaying(false);
}

function setPlaying(isPlaying) {
  replay.isPlaying = isPlaying;
  document.querySelector('#play').textContent = isPlaying ? 'Pause' : 'Play';
  // What passes by itself is not read out.
  document.querySelector('#now').setAttribute('aria-live', isPlaying ? 'off' : 'polite');
}

/** Waits as long as it took until the next entry, at the speed that is chosen, and shows it. */
async function goOn() {
  const { entries, at } = replay;
  const speed = document.querySelector('#speed').value;
  const gap_ms = entries[at + 1] ? momentOf(entries[at + 1]) - momentOf(entries[at]) : 0;
  const pause_ms = speed === 'max' ? 0 : Math.min(PAUSE_MS_MAX, Math.max(0, gap_ms) / Number(speed));
  timer = setTimeout(async () => {
    const isOn = await step(1);
    if (!replay.isPlaying) return;
    if (isOn) goOn();
    else pause();
  }, pause_ms);
}

const momentOf = (entry) => Date.parse(timeOf(entry.get('time'), entry.get('event')));

function faster(by) {
  const speed = document.querySelector('#speed');
  if (!speed) return;
  speed.selectedIndex = Math.min(SPEEDS.length - 1, Math.max(0, speed.selectedIndex + by));
  keep({ speed: speed.value });
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const asked = NAMES.map((name) => [name, form.elements[name].value.trim()]).filter(([, value]) => value);
  history.pushState(null, '', `?${new URLSearchParams(asked)}`);
  render();
});
const ifThere = (act) => () => document.querySelector('#play') && act();
onKeys({ ' ': ifThere(() => document.querySelector('#play').click()), j: ifThere(() => step(1)), k: ifThere(() => step(-1)), '+': () => faster(1), '-': () => faster(-1) });
addEventListener('popstate', render);
render();
