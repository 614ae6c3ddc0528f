// What else happened around an entry: in its stream, its session, its trace. Read when it is asked for, and the server's word.

import { Problem, getEvents } from './api.js';
import { fill, h, text } from './dom.js';
import { lead } from './links.js';
import { termOf } from './query.js';
import { entriesTable, entryRow } from './rows.js';

/** How many before it and after it. */
const EACH_SIDE = 3;

/** Lists that open, one for each thing that the entry shares with others: `[[name, field, value]]`. */
export function around(log, index, things) {
  return things.map(([name, field, value]) => {
    const list = h('div', { 'aria-busy': 'true' }, h('p', { class: 'muted' }, 'Reading …'));
    return h('details', { class: 'around', toggle: ({ target }) => target.open && list.hasAttribute('aria-busy') && read(list, log, index, termOf(field, value)) },
      h('summary', {}, `In the same ${name} `, text(value, 'mono')), list,
      field !== 'stream' && h('p', {}, lead(log, 'timeline', { [name]: value, at: index }, `The ${name}, in order`)));
  });
}

async function read(list, log, index, term) {
  const path = `/api/v1/logs/${log}`;
  const [before, after] = [{ q: `${term} index<${index}`, limit: EACH_SIDE, facets: '', histogram: false }, { q: term, from: index + 1, limit: EACH_SIDE }];
  try {
    const [older, newer] = await Promise.all([getEvents(`${path}/search?${new URLSearchParams(before)}`), getEvents(`${path}/timeline?${new URLSearchParams(after)}`)]);
    const found = [...newer.get('results').reverse(), ...older.get('results')];
    const entries = entriesTable(log, () => {});
    entries.body.append(...found.map((one) => entryRow(log, Number(one.get('index').text), one.get('time'), one.get('event'))));
    fill(list, found.length > 0 ? entries.table : h('p', { class: 'muted' }, 'Nothing else.'));
  } catch (error) {
    if (!(error instanceof Problem)) console.error(error);
    fill(list, h('p', { class: 'muted' }, text(error.message)));
  }
}
