// Rows of entries, as the server tells them. Opening one, which happens in place, verifies it and draws it from its bytes.

import { fill, h, text, time } from './dom.js';
import { show } from './json.js';

const TITLES = ['Index', 'When', 'Who', 'Action', 'To what', 'Outcome'];

/** A table of entries of a log. `opened` is told the index that is open, or nothing. */
export function entriesTable(log, opened) {
  const body = h('tbody');
  const table = h('table', { class: 'entries' },
    h('thead', {}, h('tr', {}, TITLES.map((title) => h('th', { scope: 'col' }, title)))), body);
  body.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-index]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    toggle(link.closest('tr'), link.dataset.index);
  });

  /** Opens an entry below its row, or shuts it. */
  function toggle(row, index) {
    if (shut(row)) return opened(undefined);
    const place = h('div', { 'aria-busy': 'true' }, h('p', { class: 'muted' }, `Reading and checking entry ${index} …`));
    row.after(h('tr', { class: 'open-entry' }, h('td', { colspan: TITLES.length }, place)));
    row.querySelector('a').setAttribute('aria-expanded', 'true');
    // Only who opens an entry needs the verifier.
    import('./view.js').then(({ showEntry }) => showEntry(place, log, Number(index)),
      () => fill(place, h('p', { class: 'notice bad', role: 'alert' }, 'What draws entries cannot be loaded; load the page again.')));
    opened(index);
  }

  function shut(row) {
    const below = row.nextElementSibling;
    if (!below?.matches('.open-entry')) return false;
    below.remove();
    row.querySelector('a').setAttribute('aria-expanded', 'false');
    return true;
  }

  const rowOf = (index) => body.querySelector(`a[data-index="${Number(index)}"]`)?.closest('tr');
  return {
    table,
    body,
    /** Shows that an entry is open, or that none is; whether it is in the table. */
    open(index) {
      const row = index === undefined ? undefined : rowOf(index);
      for (const other of body.querySelectorAll('.open-entry')) if (other.previousElementSibling !== row) shut(other.previousElementSibling);
      if (row && !row.nextElementSibling?.matches('.open-entry')) toggle(row, index);
      return row !== undefined && row !== null;
    },
    /** Puts the focus on the row after this one, or before it. */
    step(by) {
      const links = [...body.querySelectorAll('tr > .number > a')];
      const at = links.indexOf(document.activeElement?.closest('tr')?.querySelector('.number > a'));
      links[at < 0 ? 0 : Math.min(Math.max(at + by, 0), links.length - 1)]?.focus();
    },
  };
}

/** The row of an entry: its index, when the log took it, and its event; without an event it could not be read. */
export function entryRow(log, index, taken, event) {
  const link = { href: `/ui/logs/${log}/${index}`, 'data-index': index };
  const cells = event instanceof Map
    ? [happened(taken, event), text(label(event.get('actor'))), h('a', link, text(show(event.get('action') ?? '?'))),
      text([event.get('target') ?? []].flat().map(label).join(', ')), text(show(event.get('outcome') ?? ''))]
    : ['', '', h('a', link, 'cannot be read'), '', ''];
  const outcome = cells.at(-1).textContent;
  return h('tr', { 'data-outcome': outcome || null },
    h('td', { class: 'number' }, h('a', { ...link, 'aria-expanded': 'false' }, String(index))), cells.map((cell) => h('td', {}, cell)));
}

/** The time by which queries go: the event's own, or the log's where it has none. */
export function timeOf(taken, event) {
  const claimed = event.get('time');
  return typeof claimed === 'string' && /^\d{4}-\d\d-\d\dT/.test(claimed) && !Number.isNaN(Date.parse(claimed)) ? claimed : taken;
}

/** When it happened, with when the log took it beside the pointer. */
export function happened(taken, event) {
  const shown = time(timeOf(taken, event));
  shown.title = `${timeOf(taken, event)}, taken ${taken}`;
  return shown;
}

/** Who or what somebody is, in a few words. */
export function label(who) {
  if (!(who instanceof Map)) return show(who ?? '');
  const id = who.get('name') ?? who.get('id');
  return [who.get('type'), id].filter((part) => typeof part === 'string').join(' ');
}
