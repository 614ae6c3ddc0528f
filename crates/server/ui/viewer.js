// What a view link shows, in a page of its own or in the midst of another product: entries found by the server within the link's
// scope, each verified when it is opened. The link stands behind # of the address, and goes nowhere but to this server.

import { Problem, getJson, useBearer } from './api.js';
import { fill, h, text, time } from './dom.js';
import { showEntry } from './view.js';

/** How many entries are read at a time. */
const PAGE_ENTRIES = 50;

const place = document.querySelector('#view');
useBearer(location.hash.slice(1));
// Another link in the same frame is another view.
addEventListener('hashchange', () => location.reload());

try {
  const link = await getJson('/api/v1/view');
  for (const [name, value] of Object.entries(link.theme)) document.documentElement.style.setProperty(`--${name}`, value);
  document.title = link.title;
  show(link);
} catch (error) {
  if (!(error instanceof Problem)) console.error(error);
  fill(place, h('p', { class: 'notice bad', role: 'alert' }, text(error.message)));
}

function show({ log, title, field, value, expires }) {
  const state = h('p', { class: 'muted', role: 'status' });
  const rows = h('tbody');
  const more = h('button', { type: 'button', hidden: true, click: () => read(more.dataset.next) }, 'Older entries');
  const form = h('form', { role: 'search', class: 'finder', submit: (event) => {
    event.preventDefault();
    read();
  } },
  h('label', {}, 'Find', h('input', { name: 'q', type: 'search', spellcheck: 'false', autocomplete: 'off', placeholder: 'all of them' })),
  h('button', { class: 'primary' }, 'Search'));
  fill(place, h('h1', {}, text(title)), form, state,
    h('table', { class: 'entries' },
      h('thead', {}, h('tr', {}, ['When', 'Who', 'Action', 'To what', 'Outcome'].map((name) => h('th', { scope: 'col' }, name)))), rows),
    h('p', { class: 'actions' }, more),
    h('p', { class: 'muted' }, 'What is shown here has ', h('code', {}, text(`${field}: ${value}`)), ' and is in the log ', text(log, 'mono'),
      '. Open an entry to have your browser verify it. That these are all is the server\'s word. This view ends ', time(expires), '.'));
  rows.addEventListener('click', ({ target }) => {
    const button = target.closest('button[data-index]');
    if (button) toggle(button);
  });

  async function read(cursor) {
    const q = form.elements.q.value;
    try {
      const query = { q, limit: PAGE_ENTRIES, facets: '', histogram: false, ...(cursor && { cursor }) };
      const found = await getJson(`/api/v1/logs/${log}/search?${new URLSearchParams(query)}`);
      if (!cursor) rows.replaceChildren();
      rows.append(...found.results.map(row));
      state.textContent = found.total === 0 ? 'Nothing is found.' : `${rows.querySelectorAll('button').length} of ${found.total}`;
      more.hidden = !found.next;
      more.dataset.next = found.next ?? '';
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      state.replaceChildren(h('span', { class: 'notice bad' }, text(error.message)));
    }
  }

  function toggle(button) {
    const line = button.closest('tr');
    const isOpen = line.nextElementSibling?.matches('.open-entry');
    button.setAttribute('aria-expanded', String(!isOpen));
    if (isOpen) {
      line.nextElementSibling.remove();
      return;
    }
    const entry = h('div', { 'aria-busy': 'true' }, h('p', { class: 'muted' }, 'Reading and checking …'));
    line.after(h('tr', { class: 'open-entry' }, h('td', { colspan: 5 }, entry)));
    // Whatever comes into it, now or later.
    new MutationObserver(() => ownOnly(entry)).observe(entry, { childList: true, subtree: true });
    showEntry(entry, log, Number(button.dataset.index));
  }

  read();
}

/** Takes away what needs more than this link: other pages, the API's own addresses, a reveal. */
function ownOnly(entry) {
  entry.querySelectorAll('form.reveal').forEach((one) => one.remove());
  entry.querySelector('details.around')?.closest('section').remove();
  entry.querySelectorAll('button.sealed').forEach((one) => one.replaceWith(h('span', { class: 'chip sealed' }, one.textContent.split(' · ')[0])));
  entry.querySelectorAll('a[href^="/"]').forEach((one) => one.replaceWith(...(one.closest('.raw') ? [] : one.childNodes)));
}

function row({ index, time: at, event }) {
  const label = (who) => (typeof who === 'object' && who !== null ? [who.type, who.name ?? who.id].filter((part) => typeof part === 'string').join(' ') : String(who ?? ''));
  const outcome = String(event.outcome ?? '');
  return h('tr', { 'data-outcome': outcome || null }, h('td', {}, time(at)), h('td', {}, text(label(event.actor))),
    h('td', {}, h('button', { type: 'button', class: 'plain', 'data-index': index, 'aria-expanded': 'false' }, text(String(event.action)))),
    h('td', {}, text([event.target ?? []].flat().map(label).join(', '))), h('td', {}, text(outcome)));
}
