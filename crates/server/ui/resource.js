// A resource: its versions in time, what it was at one of them and who set each field, and in what two of them differ. All of it is
// the server's word, folded from entries; each entry is one step away, and is verified there.
// The address says which: `target`, `at` (the entry whose version is shown), `a` (the one that it is compared with) and `from`.

import { Problem, getEvents } from './api.js';
import { changesTable } from './diff.js';
import { copy, fill, h, s, text, time, valueText } from './dom.js';
import { show } from './json.js';
import { onKeys } from './keys.js';
import { lead, pageOf } from './links.js';
import { label } from './rows.js';
import { isSealed, putBack } from './state.js';

/** How many versions are listed at once, at most the second, in pages of the first. */
const PAGE_VERSIONS = 256;
const VERSIONS_MAX = 1024;
/** How long a slider has to rest before the server is asked. */
const PAUSE_MS = 120;

const { log } = document.querySelector('#resource').dataset;
const form = document.querySelector('#which');
const place = document.querySelector('#states');
const path = `/api/v1/logs/${log}`;
const number = ({ text: digits }) => Number(digits);
/** What is shown: `{target, from, versions, next}`. */
let shown = {};
let asking;
let timer;

function state() {
  const said = new URLSearchParams(location.search);
  return Object.fromEntries(['target', 'at', 'a', 'from'].map((name) => [name, said.get(name) ?? '']));
}

function go(change, isSamePlace) {
  const said = Object.entries({ ...state(), ...change }).filter(([, value]) => value !== '');
  const address = `?${new URLSearchParams(said)}`;
  if (isSamePlace) history.replaceState(null, '', address);
  else history.pushState(null, '', address);
  return render();
}

async function render() {
  const { target, from } = state();
  form.elements.target.value = target;
  document.title = `${target || 'Resource'} · Graven`;
  if (!target) return fill(place, h('p', { class: 'empty' }, 'A resource is what events name as their target. Here is what it was at each moment, and who made it so.'));
  try {
    if (shown.target !== target || shown.from !== from) await readVersions(target, from);
    if (shown.versions.length > 0) await showVersion();
  } catch (error) {
    fault(place, error);
  }
}

function fault(where, error) {
  if (error.name === 'AbortError') return;
  if (!(error instanceof Problem)) console.error(error);
  fill(where, h('p', { class: 'notice bad', role: 'alert' }, text(error.message)));
}

async function readVersions(target, from) {
  fill(place, h('p', { class: 'muted', role: 'status' }, 'Reading its versions …'));
  const versions = [];
  let next = from || '0';
  do {
    const page = await getEvents(`${path}/history?${new URLSearchParams({ target, from: next, limit: PAGE_VERSIONS })}`);
    versions.push(...page.get('versions'));
    next = page.get('next')?.text;
  } while (next !== undefined && versions.length < VERSIONS_MAX);
  shown = { target, from, versions, next };
  fill(place, versions.length > 0 ? frame() : h('p', { class: 'empty' }, 'No entry names ', h('code', {}, text(target)), ', or none that can be found yet.'));
}

/** What does not change while another version is shown. */
function frame() {
  const { versions, next, target, from } = shown;
  const slider = h('input', { id: 'at', type: 'range', min: 0, max: versions.length - 1, step: 1, 'aria-label': 'Version', input: () => {
    says(slider.valueAsNumber);
    clearTimeout(timer);
    timer = setTimeout(() => go({ at: indexOf(versions[slider.valueAsNumber]), a: '' }, true), PAUSE_MS);
  } });
  return [
    h('section', { class: 'when' }, along(versions), slider, h('p', { id: 'says', class: 'muted' })),
    (from || next) && h('p', { class: 'notice' }, from ? 'Earlier versions are left out. ' : '', next && `Only ${versions.length} versions are listed. `,
      from && h('a', { href: pageOf(log, 'resource', { target }) }, 'From the first'), ' ',
      next && h('a', { href: pageOf(log, 'resource', { target, from: next }) }, 'The following')),
    h('div', { class: 'columns even' },
      h('section', { id: 'was', 'aria-busy': 'true' }), h('section', { id: 'differs', 'aria-busy': 'true' })),
    h('section', {}, h('h2', {}, 'Versions'), table(versions)),
    h('p', { class: 'muted' }, 'This is what the server makes of the log\'s entries. An entry that is opened is verified; ',
      h('code', {}, `graven blame ${target} --log ${log} --prove`), ' checks each field\'s.'),
  ];
}

const indexOf = (version) => version.get('index').text;

/** The versions along time; the slider below goes from one to the next. */
function along(versions) {
  const times = versions.map((version) => Date.parse(version.get('time')));
  const [first, all] = [times[0], Math.max(1, times.at(-1) - times[0])];
  const dots = versions.map((version, at) => s('circle', { cx: `${1 + 98 * (times[at] - first) / all}%`, cy: 12, r: 5, 'data-at': at,
    class: version.get('ends') ? 'ends' : version.get('counts') ? 'counts' : 'passes' }));
  return s('svg', { class: 'along', 'aria-hidden': 'true', click: ({ target }) =>
    target.dataset?.at && go({ at: indexOf(versions[target.dataset.at]), a: '' }) }, s('line', { x1: '1%', x2: '99%', y1: 12, y2: 12 }), dots);
}

function says(at) {
  const version = shown.versions[at];
  fill(document.querySelector('#says'), `Version ${at + 1} of ${shown.versions.length}: `, time(version.get('time')), ', ',
    text(label(version.get('actor'))), ', ', text(show(version.get('action'))));
  for (const dot of document.querySelectorAll('.along circle')) dot.classList.toggle('now', dot.dataset.at === String(at));
}

function table(versions) {
  const radio = (name, version, words) => h('input', { type: 'radio', name, value: indexOf(version), 'aria-label': `${words} ${indexOf(version)}`,
    change: () => go(name === 'a' ? { a: indexOf(version), at: compared().at } : { at: indexOf(version), a: compared().a }) });
  const titles = ['From', 'To', 'Entry', 'When', 'Who', 'Action', 'Outcome', 'Fields'];
  return h('div', { class: 'scroll' }, h('table', { class: 'versions' },
    h('thead', {}, h('tr', {}, titles.map((title) => h('th', { scope: 'col' }, title)))),
    h('tbody', {}, versions.map((version) => h('tr', { class: version.get('counts') ? null : 'passes' },
      h('td', {}, radio('a', version, 'Compare from entry')), h('td', {}, radio('at', version, 'Show as of entry')),
      h('td', { class: 'number' }, h('a', { href: `/ui/logs/${log}/${indexOf(version)}` }, indexOf(version))),
      h('td', {}, time(version.get('time'))), h('td', {}, who(version)),
      h('td', {}, text(show(version.get('action')))), h('td', {}, text(show(version.get('outcome') ?? ''))),
      h('td', {}, [...version.get('changes').keys()].map((field) => [text(field), ' ']), version.get('ends') && h('em', {}, 'ends'),
        number(version.get('hidden')) > 0 && h('span', { class: 'muted' }, `${number(version.get('hidden'))} sealed`)))))));
}

function who(setter) {
  const actor = setter.get('actor');
  const id = actor instanceof Map ? actor.get('id') : undefined;
  return typeof id === 'string' ? lead(log, 'timeline', { actor: id }, label(actor)) : text(label(actor));
}

/** Which two versions are compared: that of the address, else the last; and the one before it. */
function compared() {
  const { at, a } = state();
  const places = new Map(shown.versions.map((version, place_) => [indexOf(version), place_]));
  const to = places.get(at) ?? shown.versions.length - 1;
  const from = places.get(a) ?? Math.max(0, to - 1);
  return { from, to, at: indexOf(shown.versions[to]), a: indexOf(shown.versions[from]) };
}

async function showVersion() {
  asking?.abort();
  asking = new AbortController();
  const { signal } = asking;
  const { from, to, at, a } = compared();
  document.querySelector('#at').value = to;
  says(to);
  for (const [name, value] of [['a', a], ['at', at]]) document.querySelector(`input[name="${name}"][value="${value}"]`).checked = true;
  const { target } = shown;
  const [was, differs] = [document.querySelector('#was'), document.querySelector('#differs')];
  const [early, late] = from <= to ? [a, at] : [at, a];
  await Promise.all([
    readState(target, at, signal).then((found) => fill(was, drawState(found, at)), (error) => fault(was, error)),
    getEvents(`${path}/diff?${new URLSearchParams({ target, a: early, b: late })}`, signal)
      .then((found) => fill(differs, drawDifference(found.get('fields'), early, late)), (error) => fault(differs, error)),
  ]);
}

async function readState(target, at, signal) {
  const page = await getEvents(`${path}/blame?${new URLSearchParams({ target, at })}`, signal);
  return { fields: page.get('fields'), hidden: Number(page.get('hidden').text), exists: page.get('exists') };
}

function drawState({ fields, hidden, exists }, at) {
  const rows = [...fields].map(([field, setter]) => h('tr', {}, h('th', { scope: 'row' }, text(field)),
    h('td', {}, isSealed(setter.get('value')) ? h('span', { class: 'chip sealed' }, 'sealed') : valueText(show(setter.get('value')), 'value')),
    h('td', {}, who(setter), h('span', { class: 'detail' }, text(show(setter.get('action'))), ', ', h('a', { href: `/ui/logs/${log}/${indexOf(setter)}` }, indexOf(setter)),
      ', ', time(setter.get('time')), ', ', text(show(setter.get('grade')))))));
  return [
    h('h2', {}, `As of entry ${at}`, h('span', { class: 'chip' }, exists === true ? 'exists' : exists === false ? 'gone' : 'not known to exist')),
    rows.length === 0 ? h('p', { class: 'empty' }, 'It has no fields then.')
      : h('table', { class: 'changes' }, h('thead', {}, h('tr', {}, ['Field', 'Value', 'Set by'].map((title) => h('th', { scope: 'col' }, title)))), h('tbody', {}, rows)),
    hidden > 0 && h('p', { class: 'muted' }, `${hidden} digests of fields whose names are sealed.`),
  ];
}

function drawDifference(fields, a, b) {
  const title = h('h2', {}, `From entry ${a} to ${b}`);
  if (fields.size === 0) return [title, h('p', { class: 'empty' }, a === b ? 'Pick another version to compare with.' : 'No field differs.')];
  const open = (value) => (isSealed(value) ? 'sealed' : value);
  const changes = new Map([...fields].map(([field, one]) => [field, new Map([...one].filter(([side]) => ['before', 'after'].includes(side)).map(([side, value]) => [side, open(value)]))]));
  const { values, gone, shut } = putBack(fields);
  const json = show(values);
  return [title, changesTable(changes, () => null),
    h('details', {}, h('summary', {}, `Values to put back, to be as at entry ${a}`),
      values.size > 0 && [h('pre', {}, text(json)), h('p', { class: 'actions' }, copy('Copy', json))],
      gone.length > 0 && h('p', {}, 'To take away: ', gone.map((field) => [h('code', {}, text(field)), ' '])),
      shut.length > 0 && h('p', {}, 'Sealed, to be revealed in their entry: ', shut.map((field) => [h('code', {}, text(field)), ' '])))];
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  shown = {};
  go({ target: form.elements.target.value.trim(), at: '', a: '', from: '' });
});
const step = (by) => {
  const slider = document.querySelector('#at');
  if (!slider) return;
  slider.valueAsNumber += by;
  slider.dispatchEvent(new Event('input'));
};
onKeys({ '/': () => form.elements.target.select(), j: () => step(1), k: () => step(-1) });
addEventListener('popstate', render);
render();
