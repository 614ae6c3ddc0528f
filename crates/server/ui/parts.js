// Pages made of parts, each of which is read by itself, and read again after it changed something.

import { Problem } from './api.js';
import { fill, h, text } from './dom.js';

/** A part of the page that is read, and read again after it changed something. What the API does not tell is said, in its words. */
export function part(title, read) {
  const body = h('div', { 'aria-busy': 'true' }, h('p', { class: 'muted' }, 'Reading …'));
  const said = h('div', { role: 'status' });
  const refresh = async () => {
    try {
      fill(body, await read(act));
    } catch (error) {
      if (!(error instanceof Problem)) console.error(error);
      fill(body, h('p', { class: 'empty' }, text(error.message)));
    }
  };
  /** Does something by a button or a form, says how it went, and reads again. */
  async function act(button, what) {
    button.disabled = true;
    try {
      fill(said, await what());
      await refresh();
    } catch (error) {
      if (!(error instanceof Problem || error instanceof DOMException)) console.error(error);
      const isAsked = error.code === 'approval_needed';
      fill(said, h('p', { class: `notice ${isAsked ? 'warn' : 'bad'}`, role: 'alert' }, text(error.message)));
    }
    button.disabled = false;
  }
  refresh();
  return h('section', {}, h('h2', {}, title), said, body);
}

/** Has a form do something with its fields; `act` is that of its part. */
export function submits(form, act, what) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    act(form.querySelector('button'), () => what(form.elements));
  });
  return form;
}

/** A row of a list of facts. */
export function fact(name, ...value) {
  return [h('dt', {}, name), h('dd', {}, ...value)];
}

/** That something is done. */
export function good(what) {
  return h('p', { class: 'notice good' }, what);
}

/** A list to choose from. */
export function choice(title, name, values) {
  return h('label', {}, title, h('select', { name }, values.map((value) => h('option', {}, value))));
}

/** A button that does something. */
export function button(label, act, what) {
  const element = h('button', { type: 'button', class: 'quiet', click: () => act(element, what) }, label);
  return element;
}

/** A table that becomes a list of cards where there is no room for it. */
export function table(titles, rows) {
  return h('table', { class: 'cards-when-narrow' },
    h('thead', {}, h('tr', {}, titles.map((title) => h(title ? 'th' : 'td', title ? { scope: 'col' } : {}, title)))),
    h('tbody', {}, rows.map((cells) => h('tr', {}, cells.map((cell, at) => h('td', { 'data-title': titles[at] || null }, cell))))));
}
