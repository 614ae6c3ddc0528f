// Saved queries: what is looked for in a log all the time, whom a webhook tells of it, and what became of what fired. It is the
// server's word; each firing is an entry of `system`, one step away, and is verified there.

import { Problem, getJson, send } from './api.js';
import { copy, fill, h, text, time } from './dom.js';
import { pageOf } from './links.js';
import { button, fact, good, part, submits, table } from './parts.js';
import { because, isCheck, shorter } from './when.js';

/** How many of the newest records of firings are read for all queries, how many firings are shown of each, and how many entries of one. */
const RECORDS = 200;
const FIRINGS = 5;
const INDEXES = 4;

const { log } = document.querySelector('#queries').dataset;
const path = `/api/v1/logs/${log}/queries`;
/** None where this reader may not save. */
const form = document.querySelector('#save');
const NUMBER = new Intl.NumberFormat();
/** Does something, and reads the list again. */
let acting;

document.querySelector('#saved').replaceChildren(part('Saved for this log', (act) => {
  acting = act;
  return list();
}));

async function list() {
  const { queries } = await getJson(path);
  if (queries.length === 0) {
    return h('p', { class: 'empty' }, 'None is saved for this log. Save one here, or a query of Explore by its ', h('em', {}, 'Save this query'), '; those that most want are made already.');
  }
  const [{ size }, fired] = await Promise.all([getJson(`/api/v1/logs/${log}`), firings()]);
  return queries.map((one) => card(one, size, fired));
}

/** What fired of this log's queries, newest first, by their names; nothing where this reader may not read `system`. */
async function firings() {
  const q = `(action:graven.query.fired OR action:graven.query.delivered) target:query/${log}/*`;
  let results;
  try {
    ({ results } = await getJson(`/api/v1/logs/system/search?${new URLSearchParams({ q, limit: RECORDS, facets: '', histogram: false })}`));
  } catch (error) {
    if (!(error instanceof Problem) || ![403, 404].includes(error.status)) throw error;
    return undefined;
  }
  const [ends, fired] = [new Map(), new Map()];
  for (const { index, time: at, event: { action, target, outcome, data } } of results) {
    const name = target.id.slice(log.length + 1);
    // How it ended comes after it, so it is found before it.
    if (action === 'graven.query.delivered') ends.set(data.id, { outcome, why: data.why });
    else fired.set(name, [...(fired.get(name) ?? []), { index, at, data, end: ends.get(data.id) }]);
  }
  return fired;
}

function card(one, size, fired) {
  const { name, query, when, url, owner, saved, next, stands, pending, delivered, dead, dead_letters: letters } = one;
  const behind = size - next;
  return h('article', { class: 'card saved', 'aria-labelledby': `query-${name}` },
    h('h3', { id: `query-${name}` }, text(name)),
    stands && h('p', { class: 'notice bad' }, 'It stands still: ', text(stands)),
    pending?.why && h('p', { class: 'notice warn' }, `Not told yet, after ${pending.attempts} ${pending.attempts === 1 ? 'attempt' : 'attempts'}: `, text(pending.why)),
    h('dl', { class: 'facts' },
      isCheck(when) ? fact('Looks at', 'the server itself') : fact('Finds', query ? h('a', { class: 'lead', href: pageOf(log, '', { q: query }) }, text(query, 'mono')) : 'everything'),
      fact('Fires', h('code', {}, text(shorter(when)))),
      fact('Tells', text(url, 'mono')),
      fact('Saved', time(saved), ' by ', text(owner)),
      !isCheck(when) && fact('Has looked at', behind > 0 ? `all but the newest ${NUMBER.format(behind)}` : 'every entry'),
      fact('So far', `${NUMBER.format(delivered)} told, ${NUMBER.format(dead)} given up`)),
    firingsOf(one, fired),
    letters.length > 0 && h('details', {}, h('summary', {}, `Given up: the newest ${letters.length}`),
      table(['When', 'Why', 'Webhook'], letters.toReversed().map((letter) => [time(letter.time), text(letter.why), text(letter.id, 'mono')]))),
    form && actions(one));
}

function firingsOf({ name, pending }, fired) {
  if (fired === undefined) return h('p', { class: 'muted' }, 'Each firing is an entry of the log system, which auditors read.');
  const all = fired.get(name) ?? [];
  const older = h('a', { href: pageOf('system', '', { q: `action:graven.query.fired target:query/${log}/${name}` }) }, 'All of them');
  if (all.length === 0) return h('p', { class: 'muted' }, 'It has not fired lately. ', older, ' are entries of the log system.');
  const end = ({ data, end: ended }) => {
    if (ended) return ended.outcome === 'success' ? chip('success', 'told') : [chip('failure', 'given up'), ' ', text(String(ended.why))];
    return data.id === pending?.id ? chip('', 'not yet') : chip('', 'not known');
  };
  return [
    table(['Fired', 'Because', 'Entries', 'Told', 'Record'], all.slice(0, FIRINGS).map((one) => [
      time(one.at), because(one.data), indexes(one.data), end(one), h('a', { href: `/ui/logs/system/${one.index}` }, `system ${one.index}`)])),
    all.length > FIRINGS && h('p', { class: 'muted' }, `The newest ${FIRINGS}. `, older, '.'),
  ];
}

const chip = (outcome, what) => h('span', { class: 'chip role', 'data-outcome': outcome }, what);

/** The newest entries of a firing, and how many there are beside them. */
function indexes({ indexes: all, count }) {
  const newest = all.slice(-INDEXES).toReversed();
  const links = newest.map((index) => h('a', { class: 'number', href: `/ui/logs/${log}/${index}` }, String(index)));
  return [links.flatMap((link, at) => (at > 0 ? [', ', link] : [link])), count > newest.length && `, and ${NUMBER.format(count - newest.length)} more`];
}

function actions({ name, query, when, url }) {
  const does = (label, body, said) => button(label, acting, async () => said(await (await send('POST', `${path}/${name}`, body)).json()));
  return h('p', { class: 'actions' },
    h('button', { type: 'button', class: 'quiet', click: () => put({ name, query, when: shorter(when), url }, true) }, 'Change …'),
    button('Send a test', acting, async () => {
      const { delivered, why } = await (await send('POST', `${path}/${name}/test`)).json();
      return delivered ? good(`The test of ${name} arrived.`) : h('p', { class: 'notice bad', role: 'alert' }, `The test of ${name} did not arrive: `, text(why));
    }),
    does('Draw its secret anew', { rotate: true }, secret),
    button('Delete …', acting, async () => {
      if (!confirm(`Delete ${name}, with what it has not told yet? What it fired stays in the log system.`)) return null;
      await send('POST', `${path}/${name}`, { remove: true });
      return good(`${name} is deleted.`);
    }));
}

/** A query is saved: its secret, which no list shows. */
function secret({ name, secret: key }) {
  return h('div', { class: 'notice good' }, h('p', {}, text(name, 'strong'), ' is saved. Its webhooks are signed with this secret (Standard Webhooks), which is not listed:'),
    h('p', { class: 'actions' }, h('code', { class: 'wrap' }, key), copy('Copy', key)));
}

/** Puts a query into the form: one that is there, which keeps its name, or a new one. */
function put(values, isThere) {
  for (const field of form.querySelectorAll('input')) field.value = values[field.name] ?? '';
  form.elements.name.readOnly = isThere;
  document.querySelector('#save-title').textContent = isThere ? `Change ${values.name}` : 'Save a query';
  document.querySelector('#another').hidden = !isThere;
  const first = [...form.querySelectorAll('input')].find((field) => field.required && field.value === '') ?? form.elements.query;
  first.focus();
}

if (form) {
  submits(form, (element, what) => acting(element, what), async ({ name, query, when, url, from }) => {
    const body = { query: query.value.trim(), when: when.value, url: url.value, ...(from.value && { from: Number(from.value) }) };
    const answer = await (await send('POST', `${path}/${name.value}`, body)).json();
    put({ when: 'each' }, false);
    return secret(answer);
  });
  document.querySelector('#another').addEventListener('click', () => put({ when: 'each' }, false));
  const made = [...document.querySelectorAll('[data-when]')];
  for (const one of made) one.addEventListener('click', () => put({ name: one.dataset.name, query: one.dataset.query, when: one.dataset.when }, false));
  const said = new URLSearchParams(location.search);
  made.find((one) => one.dataset.name === said.get('made'))?.click();
  if (said.has('save')) put({ query: said.get('save'), when: 'each' }, false);
}
