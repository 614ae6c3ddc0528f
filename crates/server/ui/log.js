// A log's newest entries, as they come, where nothing can be searched.

import './api.js';
import { fill } from './dom.js';
import { entriesTable, entryRow } from './rows.js';
import { follow } from './tail.js';

/** How many rows are kept; older ones leave the page, not the log. */
const ROWS_MAX = 200;
/** How many of the newest are read first. */
const FIRST_ROWS = 50;

const place = document.querySelector('#log');
const { log, size } = place.dataset;
const state = document.querySelector('#tail-state');
const wanted = new URLSearchParams(location.search).get('open');
const entries = entriesTable(log, (index) => {
  const address = new URL(location.href);
  if (index === undefined) address.searchParams.delete('open');
  else address.searchParams.set('open', index);
  history.replaceState(null, '', address);
});
fill(document.querySelector('#entries'), entries.table);

follow(log, {
  from: Math.max(0, Number(size) - FIRST_ROWS),
  came(index, when, event) {
    entries.body.prepend(entryRow(log, index, when, event));
    if (String(index) === wanted) entries.open(wanted);
    while (entries.body.children.length > ROWS_MAX) entries.body.lastElementChild.remove();
  },
  said(text) {
    state.textContent = text === 'live' ? 'Live: new entries appear at the top.' : text;
  },
});
