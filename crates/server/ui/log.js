// A log's newest entries, as they come. They are what the server says; opening one, which happens in place, verifies it.

import './api.js';
import { fill, h, text, time } from './dom.js';
import { parse, show } from './json.js';
import { showEntry } from './view.js';

/** How many rows are kept; older ones leave the page, not the log. */
const ROWS_MAX = 200;
/** How many of the newest are read first. */
const FIRST_ROWS = 50;

const place = document.querySelector('#log');
const { log, size } = place.dataset;
const state = document.querySelector('#tail-state');
const rows = h('tbody');
const table = h('table', { class: 'entries' },
  h('thead', {}, h('tr', {}, ['Index', 'When', 'Who', 'Action', 'To what', 'Outcome'].map((title) => h('th', { scope: 'col' }, title)))), rows);
fill(document.querySelector('#entries'), table);

rows.addEventListener('click', (event) => {
  const link = event.target.closest('a[data-index]');
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  toggle(link.closest('tr'), link.dataset.index);
});

/** The entry that the address says is open. */
const wanted = new URLSearchParams(location.search).get('open');
const from = Math.max(0, Number(size) - FIRST_ROWS);
const tail = new EventSource(`/api/v1/logs/${log}/tail?from=${from}`);
tail.addEventListener('open', () => { state.textContent = 'Live: new entries appear at the top.'; });
tail.addEventListener('message', ({ data }) => {
  const { index, entry } = JSON.parse(data);
  rows.prepend(row(index, entry));
  if (String(index) === wanted) toggle(rows.firstElementChild, wanted);
  while (rows.children.length > ROWS_MAX) rows.lastElementChild.remove();
});
tail.addEventListener('error', ({ data }) => {
  if (data) {
    // The server says why, and closes; asking again would be told the same.
    tail.close();
    state.textContent = `No longer live: ${JSON.parse(data).detail}`;
  } else {
    state.textContent = tail.readyState === EventSource.CLOSED ? 'Not live: this log is not yours to read, or the server is busy.' : 'Connecting again …';
  }
});

/** Opens an entry below its row, or shuts it; the address says which one is open. */
function toggle(row, index) {
  const address = new URL(location.href);
  if (row.nextElementSibling?.matches('.open-entry')) {
    row.nextElementSibling.remove();
    address.searchParams.delete('open');
  } else {
    const place = h('div', { 'aria-busy': 'true' }, h('p', { class: 'muted' }, `Reading and checking entry ${index} …`));
    row.after(h('tr', { class: 'open-entry' }, h('td', { colspan: 6 }, place)));
    showEntry(place, log, Number(index));
    address.searchParams.set('open', index);
  }
  history.replaceState(null, '', address);
}

function row(index, entry) {
  const [header, event] = entry.split('\n');
  const link = { href: `/ui/logs/${log}/${index}`, 'data-index': index };
  let cells;
  try {
    const [head, body] = [parse(header), parse(event)];
    cells = [time(head.get('time')), text(label(body.get('actor'))), h('a', link, text(show(body.get('action') ?? '?'))),
      text([body.get('target') ?? []].flat().map(label).join(', ')), text(show(body.get('outcome') ?? ''))];
  } catch {
    cells = ['', '', h('a', link, 'cannot be read'), '', ''];
  }
  const outcome = cells.at(-1).textContent;
  return h('tr', { 'data-outcome': outcome || null },
    h('td', { class: 'number' }, h('a', link, String(index))), cells.map((cell) => h('td', {}, cell)));
}

function label(who) {
  if (!(who instanceof Map)) return show(who ?? '');
  const id = who.get('name') ?? who.get('id');
  return [who.get('type'), id].filter((part) => typeof part === 'string').join(' ');
}
