// How what was found is made up: the most frequent values of a few fields, each of which narrows the query.

import { h, text } from './dom.js';
import { has, termOf, toggled, without } from './query.js';

/** Fields that are counted: the name by which a query knows each, and its title. */
const FIELDS = { action: ['action', 'Action'], 'actor.id': ['actor', 'Actor'], outcome: ['outcome', 'Outcome'], 'target.type': ['target.type', 'Kind of target'] };

/** What is counted. */
export const FACETS = Object.keys(FIELDS).join(',');

const NUMBER = new Intl.NumberFormat();

/** The values of each field (`[{name, values: [{value, count}], distinct, others}]`). `change` is told what a button does to the query. */
export function drawFacets(facets, query, change) {
  return facets.filter(({ values }) => values.length > 0).map(({ name, values, distinct, others }) => {
    const [field, title] = FIELDS[name];
    const most = values[0].count;
    return h('section', { class: 'facet' }, h('h2', {}, title),
      h('ul', {}, values.map(({ value, count }) => h('li', {}, toggle(termOf(field, value), value, count / most, count), minus(termOf(field, value), value)))),
      others > 0 && h('p', { class: 'muted' }, `and ${NUMBER.format(others)} with ${NUMBER.format(distinct - values.length)} other values`));
  });

  function toggle(term, value, share, count) {
    const bar = h('span', { class: 'share' });
    bar.style.inlineSize = `${share * 100}%`;
    return h('button', { type: 'button', 'aria-pressed': String(has(query, term)), click: () => change((now) => toggled(now, term)) },
      bar, text(value, 'value'), h('span', { class: 'count' }, NUMBER.format(count)));
  }

  function minus(term, value) {
    return h('button', { type: 'button', class: 'minus', 'aria-label': `Leave out ${value}`, title: 'Leave out',
      click: () => change((now) => toggled(without(now, (one) => one === term), `-${term}`)) }, '−');
  }
}
