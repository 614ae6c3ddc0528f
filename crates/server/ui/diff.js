// Before and after, field by field.

import { h, text, valueText } from './dom.js';
import { show } from './json.js';

/** Words that are compared one by one; longer values are shown whole, as the work grows with the square. */
const WORDS_MAX = 400;

/** The table of `changes`: for each field its two values, what differs within them marked. `sealed` draws what is shut. */
export function changesTable(changes, sealed) {
  const rows = [...changes].filter(([field]) => field !== '_sd').map(([field, change]) => row(field, change, sealed));
  return h('table', { class: 'changes' },
    h('thead', {}, h('tr', {}, ['Field', 'Before', 'After'].map((title) => h('th', { scope: 'col' }, title)))),
    h('tbody', {}, rows));
}

function row(field, change, sealed) {
  const head = h('th', { scope: 'row' }, text(field));
  if (!(change instanceof Map)) return h('tr', {}, head, h('td', { colspan: 2 }, text(show(change))));
  const shut = sealed(`/changes`, field, change);
  const [before, after] = [change.get('before'), change.get('after')];
  if (shut) return h('tr', {}, head, h('td', { colspan: 2 }, shut, plain('before', before), plain('after', after)));
  const [removed, added] = marked(before, after);
  const side = (name, drawn) => (!change.has(name) ? h('span', { class: 'muted' }, 'nothing') : change.get(name) === '' ? valueText('') : drawn);
  return h('tr', {}, head, h('td', { class: 'before' }, side('before', removed)), h('td', { class: 'after' }, side('after', added)));
}

const plain = (name, value) => (value === undefined ? null : h('p', {}, `${name}: `, valueText(show(value))));

/** The two values as elements, with `del` and `ins` where they differ. */
function marked(before, after) {
  const [old, now] = [words(before), words(after)];
  const kind = (value) => (typeof value === 'string' ? 'text' : 'json');
  if (before === undefined || after === undefined || old.length * now.length > WORDS_MAX * WORDS_MAX) {
    return [h('del', { class: kind(before) }, text(old.join(''))), h('ins', { class: kind(after) }, text(now.join('')))];
  }
  const common = longestCommon(old, now);
  const side = (list, at, tag) => {
    const kept = new Set(common.map((pair) => pair[at]));
    const out = [];
    for (const [place, word] of list.entries()) {
      const name = kept.has(place) ? 'span' : tag;
      if (out.at(-1)?.name === name) out.at(-1).words.push(word);
      else out.push({ name, words: [word] });
    }
    return h('span', {}, out.map(({ name, words: some }) => h(name, {}, text(some.join('')))));
  };
  return [side(old, 0, 'del'), side(now, 1, 'ins')];
}

function words(value) {
  if (value === undefined) return [];
  return show(value).match(/[\p{L}\p{N}_]+|\s+|[^\p{L}\p{N}_\s]/gu) ?? [''];
}

/** Places of a longest common subsequence, as pairs. */
function longestCommon(a, b) {
  const lengths = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      lengths[i][j] = a[i] === b[j] ? lengths[i + 1][j + 1] + 1 : Math.max(lengths[i + 1][j], lengths[i][j + 1]);
    }
  }
  const pairs = [];
  let [i, j] = [0, 0];
  while (i < a.length && j < b.length) {
    if (a[i] === b[j]) pairs.push([i++, j++]);
    else if (lengths[i + 1][j] >= lengths[i][j + 1]) i++;
    else j++;
  }
  return pairs;
}
