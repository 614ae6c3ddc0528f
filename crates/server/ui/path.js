// The inclusion proof, drawn: from the entry up to the signed root, with the hashes that the proof brought beside the way.

import { h, s, short } from './dom.js';

const STEP = 40;
const WIDTH = 360;
const MIDDLE = WIDTH / 2;
const SIDE = 70;

/** The way from a leaf to the root of RFC 9162's tree: for each step up the interval reached, that beside it, and its side. */
export function steps(index, size) {
  const found = [];
  let [start, end] = [0, size];
  while (end - start > 1) {
    let half = 1;
    while (half * 2 < end - start) half *= 2;
    const middle = start + half;
    const isLeft = index < middle;
    found.push({ node: [start, end], sibling: isLeft ? [middle, end] : [start, middle], side: isLeft ? 1 : -1 });
    [start, end] = isLeft ? [start, middle] : [middle, end];
  }
  return found.reverse();
}

/** The hash lines of a tlog-proof. */
export function hashesOf(proof) {
  const lines = new TextDecoder().decode(proof).split('\n');
  const from = lines.findIndex((line) => line.startsWith('index ')) + 1;
  return lines.slice(from, lines.indexOf('', from));
}

/** The figure. It says in words what it draws. */
export function drawPath({ index, leaf, checkpoint }, proof) {
  const hashes = hashesOf(proof);
  const way = steps(index, checkpoint.size);
  const height = way.length * STEP + 40;
  const y = (level) => height - 20 - level * STEP;
  const parts = [];
  for (const [level, { node, sibling, side }] of way.entries()) {
    const [from, to] = [y(level), y(level + 1)];
    const isRoot = level + 1 === way.length;
    parts.push(s('path', { class: 'way', d: `M${MIDDLE} ${from}V${to}` }));
    parts.push(s('path', { class: 'join', d: `M${MIDDLE + side * SIDE} ${from}L${MIDDLE} ${to}` }));
    parts.push(...dot(MIDDLE + side * SIDE, from, side, 'given', interval(sibling), hashes[level]));
    // Beside a node stands the next given hash: what it stands for goes to the other side.
    const free = -(way[level + 1]?.side ?? side);
    parts.push(...dot(MIDDLE, to, free, isRoot ? 'root' : 'node', interval(node), isRoot && checkpoint.root));
  }
  parts.push(...dot(MIDDLE, y(0), -(way[0]?.side ?? 1), 'leaf', `entry ${index}`, leaf));
  const words = `Entry ${index} is hashed with ${way.length} ${way.length === 1 ? 'hash' : 'hashes'} of the proof, step by step, to the root of ${checkpoint.size} entries that the log has signed.`;
  return h('figure', { class: 'path' },
    s('svg', { viewBox: `0 0 ${WIDTH} ${height}`, role: 'img', 'aria-label': words }, parts),
    h('figcaption', {}, words));
}

function interval([start, end]) {
  return end - start === 1 ? `entry ${start}` : `${start}–${end - 1}`;
}

/** A node, with what it stands for at that side of it, and its hash. */
function dot(x, y, side, kind, label, hash) {
  const at = x + side * 12;
  const anchor = side < 0 ? 'to-left' : '';
  return [
    s('circle', { cx: x, cy: y, r: kind === 'leaf' || kind === 'root' ? 7 : 5, class: kind }),
    s('text', { x: at, y: y + (hash ? -1 : 3.5), class: `label ${anchor}` }, label),
    hash && s('text', { x: at, y: y + 10, class: `hash ${anchor}` }, short(hash), s('title', {}, hash)),
  ];
}
