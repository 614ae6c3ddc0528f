// Completion of a query while it is typed: names of fields, and values of one, as they occur in the log.

import { Problem, getJson } from './api.js';
import { fill, h, text } from './dom.js';
import { termOf, typedAt } from './query.js';

/** How long somebody has to stop typing before the server is asked. */
const PAUSE_MS = 120;
/** How many the server gives at most: fewer are all. */
const SUGGESTIONS_MAX = 20;
/** Fields whose values are times; what is offered for them. */
const TIMES = { since: ['15m', '1h', '24h', '7d', '30d'], until: ['1h', '24h', '7d', '30d'] };

/** Has a field of a form offer what could come next in a list. Enter, where nothing is chosen, is the form's. */
export function completing(input, list, log) {
  const answers = new Map();
  let options = [];
  let chosen = -1;
  let timer;

  async function offer() {
    const typed = typedAt(input.value, input.selectionStart);
    const found = typed ? await suggestions(typed) : [];
    const now = typedAt(input.value, input.selectionStart);
    // Somebody has typed on, or gone away, while the server was asked.
    if (document.activeElement !== input || JSON.stringify(now) !== JSON.stringify(typed)) return;
    show(found, typed);
  }

  /** What the server knows that begins so; asked once, and not where a shorter answer had all. */
  async function suggestions({ field, begin }) {
    if (Object.hasOwn(TIMES, field ?? '')) return TIMES[field].filter((span) => span.startsWith(begin) && span !== begin);
    const fits = (one) => one !== begin && (one.startsWith(begin) || field === undefined && one.startsWith(`event.${begin}`));
    for (let length = 0; length < begin.length; length++) {
      const all = answers.get(keyOf(field, begin.slice(0, length)));
      if (all && all.length < SUGGESTIONS_MAX) return all.filter(fits);
    }
    const key = keyOf(field, begin);
    try {
      if (!answers.has(key)) {
        const asked = new URLSearchParams({ ...(field !== undefined && { field }), begin });
        answers.set(key, (await getJson(`/api/v1/logs/${log}/suggest?${asked}`)).suggestions);
      }
    } catch (error) {
      // Completion is a help: without it one types on.
      if (!(error instanceof Problem)) console.error(error);
      return [];
    }
    return answers.get(key).filter((one) => one !== begin);
  }

  function show(found, typed) {
    options = found.map((one) => {
      const put = typed.field === undefined ? `${one}:` : `${typed.field in TIMES ? `${typed.field}:${one}` : termOf(typed.field, one)} `;
      return { ...typed, put, one };
    });
    chosen = -1;
    fill(list, options.map(({ one }, at) => h('li', { role: 'option', id: `completion-${at}`, 'aria-selected': 'false' }, text(one))));
    list.hidden = options.length === 0;
    input.setAttribute('aria-expanded', String(!list.hidden));
    input.removeAttribute('aria-activedescendant');
  }

  const shut = () => show([]);

  function choose(at) {
    chosen = (at + options.length) % options.length;
    for (const [place, option] of [...list.children].entries()) option.setAttribute('aria-selected', String(place === chosen));
    input.setAttribute('aria-activedescendant', `completion-${chosen}`);
    list.children[chosen].scrollIntoView({ block: 'nearest' });
  }

  function accept({ start, end, put }) {
    const after = input.value.slice(end).replace(put.endsWith(' ') ? /^\s/ : /^:/, '');
    input.setRangeText(put + after, start, input.value.length, 'end');
    input.setSelectionRange(start + put.length, start + put.length);
    shut();
    offer();
  }

  input.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(offer, PAUSE_MS);
  });
  input.addEventListener('blur', shut);
  input.addEventListener('keydown', (event) => {
    const acts = {
      ArrowDown: () => (list.hidden ? offer() : choose(chosen + 1)),
      ArrowUp: () => !list.hidden && choose(chosen < 0 ? -1 : chosen - 1),
      Enter: () => (chosen >= 0 ? accept(options[chosen]) : (clearTimeout(timer), shut(), 'mine')),
      Tab: () => (chosen >= 0 ? accept(options[chosen]) : 'mine'),
      Escape: () => (list.hidden ? input.blur() : shut()),
    };
    if (!Object.hasOwn(acts, event.key) || event.isComposing) return;
    if (acts[event.key]() !== 'mine') event.preventDefault();
  });
  // The list must not take the focus from the field, which would shut it.
  list.addEventListener('mousedown', (event) => event.preventDefault());
  list.addEventListener('click', ({ target }) => {
    const at = [...list.children].indexOf(target.closest('[role=option]'));
    if (at >= 0) accept(options[at]);
  });
}

const keyOf = (field, begin) => JSON.stringify([field, begin]);
