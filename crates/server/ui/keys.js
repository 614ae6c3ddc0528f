// Keys that act on a page as a whole. They can be turned off (WCAG 2.2, 2.1.4), and a field in which one types has its own.

import { h } from './dom.js';

const OFF = 'graven.keys';

const areOff = () => {
  try {
    return localStorage.getItem(OFF) === 'off';
  } catch {
    return false;
  }
};

/** Has keys do something: `{key: (event) => …}`. */
export function onKeys(acts) {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || areOff()) return;
    if (event.target.closest?.('input, textarea, select') && event.key !== 'Escape') return;
    if (event.key === ' ' && event.target.closest?.('button, summary')) return;
    const act = Object.hasOwn(acts, event.key) && acts[event.key];
    if (!act) return;
    event.preventDefault();
    act(event);
  });
}

/** What the keys do, and the switch that turns them off. */
export function keysHelp(rows) {
  const on = h('input', { type: 'checkbox', change: () => localStorage.setItem(OFF, on.checked ? 'on' : 'off') });
  on.checked = !areOff();
  return h('details', { class: 'keys' }, h('summary', {}, 'Keys'),
    h('dl', { class: 'facts' }, rows.map(([keys, what]) =>
      [h('dt', {}, keys.split(' ').map((key) => h('kbd', {}, key))), h('dd', {}, what)])),
    h('label', { class: 'check' }, on, 'Single keys act on this page'));
}
