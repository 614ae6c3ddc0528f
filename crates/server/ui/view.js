// An entry: fetched, verified, and drawn from the bytes that were verified, on its own page or in a list.

import { Problem, send } from './api.js';
import { around } from './around.js';
import { badge } from './badge.js';
import { checkEntry } from './check.js';
import { changesTable } from './diff.js';
import { copy, fill, h, text, time, valueText } from './dom.js';
import { Raw, parse, show, token } from './json.js';
import { lead, resourceOf } from './links.js';
import { drawPath } from './path.js';
import { verifyEntry } from './verify.js';

const FIRST_FIELDS = new Set(['id', 'time', 'actor', 'action', 'target', 'outcome', 'reason', 'changes', 'context']);

/** What each grade says of the actor. */
const GRADES = {
  signed: 'signed by its producer', asserted: 'as the writer asserts', session: 'by the writer\'s session',
  imported: 'imported', unknown: 'unknown',
};

/** Puts an entry into an element. Whatever happens, something is said there. */
export async function showEntry(place, log, index) {
  try {
    const found = await checkEntry(log, index);
    fill(place, draw({ ...found, log, index }));
  } catch (error) {
    fill(place, failure(error));
  }
}

/** What is shown where nothing else can be; a fault of the page's own is told, too. */
function failure(error) {
  if (!(error instanceof Problem)) console.error(error);
  const titles = { 403: 'Not yours to read', 404: 'No such entry', 410: 'Gone by retention' };
  return [
    h('h1', {}, titles[error.status] ?? 'Cannot be read now'),
    h('p', { class: 'notice bad', role: 'alert' }, text(error.message)),
  ];
}

function draw(shown) {
  const { proof, report } = shown;
  return h('div', { class: 'columns' },
    h('div', { class: 'document' }, report.good ? documentOf(shown) : untrusted(shown)),
    h('aside', {}, badge(report), report.good && drawPath(report.verdict, proof)));
}

/** What does not verify is not dressed up as an entry: only its bytes. */
function untrusted(shown) {
  return [h('h1', {}, `Entry ${shown.index}`),
    h('p', { class: 'notice bad' }, 'What the server gave for this entry does not verify. Below are its bytes, as they came.'), raw(shown, true)];
}

function documentOf(shown) {
  const { entry, index, report } = shown;
  const [header, event, ...attestation] = new TextDecoder('utf-8', { fatal: true }).decode(entry).split('\n');
  const head = parse(header);
  const body = parse(event);
  const string = (name) => (typeof body.get(name) === 'string' ? body.get(name) : undefined);
  const [changes, context, outcome] = [body.get('changes'), body.get('context'), string('outcome')];
  const sealed = sealedIn(shown);
  const things = sharedBy(head, body);
  return [
    h('header', { class: 'entry-head' },
      h('p', { class: 'muted' }, `Entry ${index} of ${report.verdict.checkpoint.size}`),
      h('h1', {}, text(string('action') ?? 'no action'), outcome && h('span', { class: 'chip', 'data-outcome': outcome }, text(outcome))),
      string('reason') && h('p', { class: 'reason' }, text(string('reason')))),
    h('dl', { class: 'facts' }, facts(head, body, shown)),
    changes instanceof Map && section('Changes', changesTable(changes, sealed), sealed('', 'changes', changes)),
    context instanceof Map && section('Context', members(context, '/context', shown)),
    others(body, shown),
    section('As the log took it', h('dl', { class: 'facts' }, headerFacts(head)),
      attestation.length > 1 && h('p', { class: 'muted' }, 'Its producer\'s attestation stands in this entry.')),
    things.length > 0 && section('Around it', around(shown.log, index, things)),
    raw(shown),
  ];
}

function section(title, ...children) {
  return h('section', {}, h('h2', {}, title), ...children);
}

/** What the entry shares with others: its stream, its session, its trace. */
function sharedBy(head, body) {
  const of = (name, key) => (body.get(name) instanceof Map ? body.get(name).get(key) : undefined);
  const things = [['stream', 'stream', head.get('stream')], ['session', 'session', of('actor', 'session')], ['trace', 'trace', of('context', 'trace_id')]];
  return things.filter(([, , value]) => typeof value === 'string' && value !== '');
}

/** Who, what, to what, when. */
function facts(head, body, shown) {
  const { log } = shown;
  const sealed = sealedIn(shown);
  const rows = [];
  const add = (name, ...value) => rows.push(h('dt', {}, name), h('dd', {}, ...value));
  const actor = body.get('actor');
  const toActor = (id) => lead(log, 'timeline', { actor: id, at: shown.index }, id);
  add('Who', actor instanceof Map ? person(actor, '/actor', sealed, toActor) : text(show(actor ?? null)), grade(head.get('grade')));
  const target = body.get('target');
  const targets = Array.isArray(target) ? target.map((one, at) => [one, `/target/${at}`]) : [[target, '/target']];
  for (const [one, path] of targets.filter(([found]) => found !== undefined)) {
    const toResource = (id) => lead(log, 'resource', { target: resourceOf(one), at: shown.index }, id);
    add('To what', one instanceof Map ? person(one, path, sealed, toResource) : resourceOf(one) === undefined ? text(show(one)) : toResource(one));
  }
  add('When', time(head.get('time')), h('span', { class: 'muted' }, ` by the log, ${head.get('clock')}`));
  const claimed = body.get('time');
  if (typeof claimed === 'string') add('Event says', time(claimed));
  if (typeof body.get('id') === 'string') add('Event id', text(body.get('id')));
  return rows;
}

function person(who, path, sealed, to) {
  const name = who.get('name');
  const named = typeof name === 'string';
  const id = who.get('id');
  return h('span', {},
    named && [text(name, 'strong'), ' '],
    typeof id === 'string' && id !== '' && h('span', { class: named ? null : 'strong' }, to(id)),
    typeof who.get('type') === 'string' && h('span', { class: 'chip' }, text(who.get('type'))),
    [...who].filter(([key]) => !['name', 'id', 'type', '_sd'].includes(key)).map(([key, value]) => h('span', { class: 'detail' }, text(key), ': ', text(show(value)))),
    sealed(path, undefined, who));
}

function grade(value) {
  return h('span', { class: 'detail' }, `known: ${GRADES[value] ?? value}`);
}

function headerFacts(head) {
  return [...head].filter(([name]) => !['graven', 'time', 'index'].includes(name)).map(([name, value]) =>
    [h('dt', {}, name), h('dd', {}, text(show(value), ['prev', 'nonce', 'origin'].includes(name) ? 'wrap mono' : ''))]);
}

/** Members of the event that have no place of their own. */
function others(body, shown) {
  const rest = new Map([...body].filter(([name]) => !FIRST_FIELDS.has(name)));
  return rest.size > 0 && section('More', members(rest, '', shown));
}

/** An object's members as a list, as deep as they go; sealed ones shut. */
function members(object, path, shown) {
  const rows = [...object].filter(([name]) => name !== '_sd').map(([name, value]) =>
    [h('dt', {}, text(name)), h('dd', {}, member(value, `${path}/${token(name)}`, shown))]);
  const shut = sealedIn(shown)(path, undefined, object);
  return h('dl', { class: 'facts' }, rows, shut && [h('dt', {}, 'sealed'), h('dd', {}, shut)]);
}

function member(value, path, shown) {
  if (value instanceof Map && value.size === 1 && value.has('...')) return reveal(path, shown, 1);
  if (value instanceof Map && value.size > 0) return members(value, path, shown);
  if (Array.isArray(value) && value.some((one) => one instanceof Map)) {
    return h('ol', { start: 0 }, value.map((one, at) => h('li', {}, member(one, `${path}/${at}`, shown))));
  }
  return valueText(show(value), value instanceof Raw || typeof value !== 'string' ? 'mono' : '');
}

/** Draws the sealed members of an object: how many, and the way to open one; nothing where it has none. */
function sealedIn(shown) {
  return (path, name, object) => {
    const count = Array.isArray(object.get('_sd')) ? object.get('_sd').length : 0;
    if (count === 0) return null;
    const parent = name === undefined ? path : `${path}/${token(name)}`;
    return reveal(`${parent}/`, shown, count, parent.startsWith('/changes/') ? ['before', 'after'] : []);
  };
}

/** The shut values at a path and the form that opens one: with a reason, which the server's own log keeps for ever. */
function reveal(path, shown, count, names = []) {
  const known = !path.endsWith('/');
  const result = h('div', { class: 'opened', role: 'status' });
  const choices = names.map((name) => path + name);
  const at = choices.length > 0
    ? h('select', { name: 'path' }, choices.map((choice) => h('option', {}, choice)))
    : h('input', { name: 'path', value: path, required: true, readonly: known, spellcheck: 'false' });
  const form = h('form', { hidden: true, class: 'reveal', submit: (event) => {
    event.preventDefault();
    open(form, result, shown);
  } },
  h('label', {}, 'Path', at),
  h('label', {}, 'Reason, kept in the server\'s own log', h('input', { name: 'reason', required: true, maxlength: 512 })),
  h('button', { class: 'primary' }, 'Reveal'));
  const button = h('button', { type: 'button', class: 'chip sealed', 'aria-expanded': 'false', click: () => {
    form.hidden = !form.hidden;
    button.setAttribute('aria-expanded', String(!form.hidden));
    if (!form.hidden) form.elements.reason.focus();
  } }, `${count} sealed ${count === 1 ? 'value' : 'values'} · reveal …`);
  return h('div', {}, button, form, result);
}

/** Has the server open a value, and shows it where it is what was sealed into this entry. */
async function open(form, result, { log, index, entry, report }) {
  const [path, reason] = [form.elements.path.value, form.elements.reason.value];
  try {
    const { disclosure, proof } = await (await send('POST', `/api/v1/logs/${log}/entries/${index}/reveal`, { path, reason })).json();
    const verdict = await verifyEntry({ ...report.trust, entry, proof, disclosures: [disclosure] });
    if (!verdict.ok || verdict.opened[0]?.path !== path) {
      const why = verdict.ok ? `it opens ${verdict.opened[0]?.path}` : verdict.detail;
      fill(result, h('p', { class: 'notice bad', role: 'alert' }, 'What the server gave is not what was sealed: ', text(why)));
      return;
    }
    const { value } = verdict.opened[0];
    fill(result, h('p', { class: 'notice good' }, h('code', {}, path), ' ', text(typeof value === 'string' ? value : JSON.stringify(value), 'strong'),
      h('span', { class: 'muted' }, ' is what was sealed into this entry')));
    form.hidden = true;
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    fill(result, h('p', { class: 'notice bad', role: 'alert' }, text(error.message)));
  }
}

/** The bytes as they are hashed. */
function raw({ log, index, entry }, isOpen = false) {
  const decoded = new TextDecoder('utf-8', { ignoreBOM: true }).decode(entry);
  return h('details', { class: 'raw', open: isOpen }, h('summary', {}, `Raw bytes (${entry.length})`),
    h('p', { class: 'actions' }, copy('Copy', decoded),
      h('a', { href: `/api/v1/logs/${log}/entries/${index}` }, 'Entry'),
      h('a', { href: `/api/v1/logs/${log}/entries/${index}/proof`, download: `${log}-${index}.tlog-proof` }, 'tlog-proof')),
    h('pre', { tabindex: '0', role: 'group', 'aria-label': 'Raw bytes' }, text(decoded)));
}
