// Explore: what a query finds, how it is made up and how it lies in time. The address says all of it: `q`, `cursor` (the page), `open`
// (the entry that is open) and `live`. The list is the server's word; opening an entry verifies it.

import { Problem, getEvents, getJson } from './api.js';
import { completing } from './complete.js';
import { fill, h, text } from './dom.js';
import { FACETS, drawFacets } from './facets.js';
import { drawHistogram } from './histogram.js';
import { keysHelp, onKeys } from './keys.js';
import { pageOf } from './links.js';
import { placeOf, spanOf, terms, without, withSpan } from './query.js';
import { entriesTable, entryRow } from './rows.js';
import { follow } from './tail.js';

/** How many results a page has. */
const PAGE_ENTRIES = 50;
/** How many rows are kept while entries come in; older ones leave the page, not the log. */
const ROWS_MAX = 200;

const part = (id) => document.querySelector(`#${id}`);
const { log } = part('explore').dataset;
const [form, input, problem, results, summary] = ['query', 'q', 'problem', 'results', 'summary'].map(part);
const entries = entriesTable(log, (open) => go({ open }, true));
const NUMBER = new Intl.NumberFormat();
const number = ({ text: digits }) => Number(digits);
const entriesOf = (count) => `${NUMBER.format(count)} ${count === 1 ? 'entry' : 'entries'}`;

/** What is shown: its query and page, and of its first page what was counted. */
let shown = {};
/** Gives up on the search that runs. */
let searching;
/** Ends what is live. */
let stop;

/** What the address says. */
function state() {
  const said = new URLSearchParams(location.search);
  return { q: said.get('q') ?? '', cursor: said.get('cursor') ?? '', open: said.get('open') ?? undefined, live: said.has('live') };
}

/** Goes to another state, in a place of its own in the browser's history or in the place of this one. */
function go(change, isSamePlace) {
  const said = new URLSearchParams();
  for (const [name, value] of Object.entries({ ...state(), ...change })) if (value) said.set(name, value === true ? '1' : value);
  const address = said.size > 0 ? `?${said}` : location.pathname;
  const pages = change.cursor ? (history.state?.pages ?? 0) + 1 : 0;
  if (isSamePlace) history.replaceState(history.state, '', address);
  else history.pushState({ pages }, '', address);
  return render();
}

/** Asks something else, from its first page on. */
function ask(query) {
  const [q, now] = [query.trim(), state()];
  return go({ q, cursor: '', open: undefined }, q === now.q && !now.cursor);
}

/** Makes the page what the address says. */
async function render() {
  const { q, cursor, open, live } = state();
  document.title = `${q || log} · Graven`;
  for (const link of document.querySelectorAll('nav a[href*="/export"]')) link.search = q ? new URLSearchParams({ q }) : '';
  part('live').setAttribute('aria-pressed', String(live));
  const { since = '', until } = spanOf(q);
  for (const button of document.querySelectorAll('[data-span]')) {
    button.setAttribute('aria-pressed', String(button.dataset.span === since && until === undefined));
  }
  if (shown.q !== q || shown.cursor !== cursor) {
    input.value = q;
    await search(q, cursor);
  }
  if (shown.isUnsearched) return;
  const isAway = open !== undefined && !entries.open(open);
  if (open === undefined) entries.open();
  fill(part('away'), isAway && h('p', { class: 'notice' }, 'Open is ', h('a', { href: `/ui/logs/${log}/${encodeURIComponent(open)}` }, 'entry ', text(open)), ', which is not in this list.'));
  if (!live || cursor || shown.through === undefined) stop = stop?.();
  else stop ??= goLive(q, shown.through);
}

async function search(q, cursor) {
  searching?.abort();
  searching = new AbortController();
  const { signal } = searching;
  const isCounted = shown.q === q && shown.histogram !== undefined && cursor !== '';
  stop = stop?.();
  shown = { ...(isCounted && shown), q, cursor, through: undefined };
  results.setAttribute('aria-busy', 'true');
  problem.hidden = true;
  input.removeAttribute('aria-invalid');
  const asked = new URLSearchParams({ q, limit: PAGE_ENTRIES, facets: '', histogram: !isCounted, ...(cursor && { cursor }) });
  try {
    const [answer, { size }] = await Promise.all([
      getEvents(`/api/v1/logs/${log}/search?${asked}`, signal), getJson(`/api/v1/logs/${log}`),
    ]);
    if (signal.aborted) return;
    draw(answer, size);
    // Of many results, counting their values takes many times as long as finding the first of them.
    if (!isCounted) count(q, signal);
  } catch (error) {
    if (!signal.aborted) await refused(error, q);
  }
}

function draw(answer, size) {
  const { q } = shown;
  const total = number(answer.get('total'));
  shown.through = number(answer.get('indexed_through'));
  if (answer.has('histogram')) {
    shown.histogram = answer.get('histogram').map((bucket) => ({ from: bucket.get('from'), until: bucket.get('until'), count: number(bucket.get('count')) }));
  }
  drawHistogram(part('histogram'), shown.histogram, (since, until) => ask(withSpan(q, { since, until })));
  const late = size - shown.through;
  fill(summary, h('strong', {}, entriesOf(total)), h('span', { class: 'muted' }, late > 0
    ? ` among the first ${NUMBER.format(shown.through)}; ${NUMBER.format(late)} newer cannot be found yet`
    : ` among all ${NUMBER.format(shown.through)}`), h('span', { id: 'came', class: 'muted' }),
    q && [' ', h('a', { class: 'save', href: pageOf(log, 'queries', { save: q }) }, 'Save this query …')]);
  fill(entries.body, answer.get('results').map((one) => entryRow(log, Number(one.get('index').text), one.get('time'), one.get('event'))));
  fill(results, total > 0 ? [entries.table, pages(answer.get('next'))] : nothing(q));
  performance.mark('graven:drawn');
}

/** Shows how all that is found is made up. */
async function count(q, signal) {
  const place = part('facets');
  place.setAttribute('aria-busy', 'true');
  let facets;
  try {
    const answer = await getEvents(`/api/v1/logs/${log}/search?${new URLSearchParams({ q, limit: 0, facets: FACETS, histogram: false })}`, signal);
    facets = [...answer.get('facets')].map(([name, facet]) => ({
      name, distinct: number(facet.get('distinct')), others: number(facet.get('others')),
      values: facet.get('values').map((one) => ({ value: one.get('value'), count: number(one.get('count')) })),
    }));
  } catch (error) {
    if (!signal.aborted) fill(place, h('p', { class: 'muted' }, text(error.message)));
    return;
  }
  if (signal.aborted) return;
  const isOpen = place.querySelector('details')?.open ?? matchMedia('(min-width: 62rem)').matches;
  const values = drawFacets(facets, q, (change) => ask(change(state().q)));
  fill(place, values.length > 0 && h('details', { open: isOpen }, h('summary', {}, 'Narrow by'), values));
}

/** The ways to the next page and back. */
function pages(next) {
  const { cursor } = state();
  const button = (label, click) => h('button', { type: 'button', class: 'quiet', click }, label);
  return (cursor || next) && h('nav', { class: 'pages', 'aria-label': 'Pages' },
    cursor && button('Newest', () => go({ cursor: '', open: undefined })),
    cursor && history.state?.pages > 0 && button('← Newer', () => history.back()),
    next && button('Older →', () => go({ cursor: next, open: undefined })));
}

/** What stands in the place of results: what could be left out to find more. */
function nothing(q) {
  const all = terms(q).filter(({ text: one }) => one !== 'AND' && one !== 'OR');
  const less = (one) => h('button', { type: 'button', class: 'quiet', click: () => ask(without(q, (other) => other === one)) }, 'without ', text(one));
  return h('div', { class: 'empty' }, h('p', {}, q ? 'Nothing is found that fits all of it.' : 'This log has no entries.'),
    all.length > 1 && h('p', { class: 'actions' }, all.map(({ text: one }) => less(one))),
    q && h('p', { class: 'actions' }, h('button', { type: 'button', class: 'quiet', click: () => ask('') }, 'Everything')));
}

/** Says why there is no answer. Who may not search still sees entries as they come. */
async function refused(error, q) {
  if (!(error instanceof Problem)) console.error(error);
  const isHere = error.field === 'q' && error.position !== undefined;
  fill(problem, h('p', { class: 'notice bad' }, isHere && pointed(q, error), text(error instanceof Problem ? error.message : 'The server cannot be reached.')));
  problem.hidden = false;
  shown = { q, cursor: shown.cursor };
  fill(part('histogram'));
  fill(part('facets'));
  fill(summary);
  fill(results);
  if (error.field === 'q') input.setAttribute('aria-invalid', 'true');
  if (error.status === 403) {
    shown.isUnsearched = true;
    await unsearched();
  }
}

/** The query with the place marked where the trouble is, and what was perhaps meant. */
function pointed(q, { position, message }) {
  const at = placeOf(q, position);
  const found = /^[^\s():=<>]*/.exec(q.slice(at))[0];
  const meant = /; did you mean `(.+)`\?$/s.exec(message)?.[1];
  const mended = q.slice(0, at) + meant + q.slice(at + found.length);
  if (document.activeElement === input) input.setSelectionRange(at, at + found.length);
  return [h('code', { class: 'pointed' }, text(q.slice(0, at)), h('mark', {}, text(found || ' ')), text(q.slice(at + found.length))),
    meant !== undefined && h('button', { type: 'button', class: 'quiet', click: () => ask(mended) }, 'Use ', text(meant))];
}

async function unsearched() {
  const { size } = await getJson(`/api/v1/logs/${log}`);
  fill(entries.body);
  fill(results, h('p', { class: 'muted' }, 'The newest entries that you may read:'), entries.table);
  stop = goLive('', Math.max(0, size - PAGE_ENTRIES));
}

/** Shows entries as they come, above those that were found. */
function goLive(query, from) {
  let count = 0;
  const says = (what) => part('came') && fill(part('came'), what);
  return follow(log, {
    from,
    query,
    came(index, when, event) {
      if (!entries.table.isConnected) fill(results, entries.table);
      entries.body.prepend(entryRow(log, index, when, event));
      while (entries.body.children.length > ROWS_MAX) entries.body.lastElementChild.remove();
      count += 1;
      says(` · live: ${NUMBER.format(count)} since`);
    },
    said: (what) => says(what === 'live' ? ` · live: ${NUMBER.format(count)} since` : ` · ${what}`),
  });
}

completing(input, part('completions'), log);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  // The same once more is asked once more.
  shown = {};
  ask(input.value);
});
for (const button of document.querySelectorAll('[data-span]')) {
  button.addEventListener('click', () => ask(withSpan(state().q, { since: button.dataset.span })));
}
part('between').querySelector('form').addEventListener('submit', (event) => {
  event.preventDefault();
  const utc = ({ value }) => value && new Date(value).toISOString().replace('.000Z', 'Z');
  const { since, until } = event.target.elements;
  ask(withSpan(state().q, { since: utc(since), until: utc(until) }));
});
part('live').addEventListener('click', () => go({ live: !state().live }, true));
onKeys({
  '/': () => input.select(), j: () => entries.step(1), k: () => entries.step(-1), l: () => part('live').click(),
  Escape: () => go({ open: undefined }, true),
});
part('explore').append(keysHelp([['/', 'to the query'], ['j k', 'the next row, the one before'], ['Enter', 'opens it, and shuts it'],
  ['Esc', 'shuts what is open, leaves the query'], ['l', 'shows entries as they come, or stops that']]));
addEventListener('popstate', render);
performance.mark('graven:interactive');
render();
