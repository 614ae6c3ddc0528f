// How what was found lies in time, drawn as bars among which a span can be picked, with the mouse or with keys.

import { fill, h, moment, s } from './dom.js';

const WIDTH = 1000;
const HEIGHT = 100;

/** Puts the bars of `[{from, until, count}]` into an element. `pick(since, until)` is told what was picked, in RFC 3339. */
export function drawHistogram(place, buckets, pick) {
  if (buckets.length === 0) {
    fill(place);
    return;
  }
  const slots = slotsOf(buckets);
  const wide = WIDTH / slots.count;
  const most = Math.max(...buckets.map(({ count }) => count));
  const bars = buckets.map((bucket) => {
    const height = Math.max(2, HEIGHT * bucket.count / most);
    return s('rect', { class: 'bar', x: slots.of(bucket.from) * wide + wide * .06, y: HEIGHT - height, width: wide * .88, height });
  });
  const picked = s('rect', { class: 'picked', y: 0, height: HEIGHT, width: 0 });
  const says = h('p', { class: 'muted says', role: 'status' });
  const graph = s('svg', { class: 'histogram', viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', tabindex: 0, role: 'group',
    'aria-label': 'Entries over time. Arrows go from bar to bar, with Shift they take in more, Enter narrows to them, Escape lets go.' }, picked, bars);
  fill(place, graph, h('p', { class: 'ends muted' }, h('span', {}, moment(slots.start(0))), says, h('span', {}, moment(slots.start(slots.count)))));
  const span = { from: undefined, to: undefined };

  function take(from, to) {
    Object.assign(span, { from, to });
    const [first, last] = [Math.min(from, to), Math.max(from, to)];
    picked.setAttribute('x', first * wide);
    picked.setAttribute('width', (last + 1 - first) * wide);
    const count = buckets.filter(({ from: start }) => first <= slots.of(start) && slots.of(start) <= last).reduce((sum, bucket) => sum + bucket.count, 0);
    says.textContent = `${moment(slots.start(first))} to ${moment(slots.start(last + 1))}: ${count}`;
  }

  function letGo() {
    Object.assign(span, { from: undefined, to: undefined });
    picked.setAttribute('width', 0);
    says.textContent = '';
  }

  function pickSpan() {
    const [first, last] = [Math.min(span.from, span.to), Math.max(span.from, span.to)];
    pick(slots.start(first), slots.start(last + 1));
  }

  const slotAt = ({ clientX }) => {
    const { left, width } = graph.getBoundingClientRect();
    return Math.min(slots.count - 1, Math.max(0, Math.floor((clientX - left) / width * slots.count)));
  };
  graph.addEventListener('pointerdown', (event) => {
    if (event.button !== 0) return;
    graph.setPointerCapture(event.pointerId);
    take(slotAt(event), slotAt(event));
  });
  graph.addEventListener('pointermove', (event) => graph.hasPointerCapture(event.pointerId) && take(span.from, slotAt(event)));
  graph.addEventListener('pointerup', (event) => graph.hasPointerCapture(event.pointerId) && pickSpan());
  graph.addEventListener('pointercancel', letGo);
  graph.addEventListener('keydown', (event) => {
    const move = { ArrowLeft: -1, ArrowRight: 1, Home: -slots.count, End: slots.count }[event.key];
    if (move !== undefined) {
      const at = span.to === undefined ? (move < 0 ? slots.count - 1 : 0) : Math.min(slots.count - 1, Math.max(0, span.to + move));
      take(event.shiftKey && span.from !== undefined ? span.from : at, at);
    } else if (event.key === 'Enter' && span.from !== undefined) {
      pickSpan();
    } else if (event.key === 'Escape' && span.from !== undefined) {
      letGo();
    } else {
      return;
    }
    event.preventDefault();
  });
}

/** The bars' places: all spans of one length between the first and the last, also those without entries. */
export function slotsOf(buckets) {
  const [first, length] = [Date.parse(buckets[0].from), Date.parse(buckets[0].until) - Date.parse(buckets[0].from)];
  const of = (when) => Math.round((Date.parse(when) - first) / length);
  return { count: of(buckets.at(-1).from) + 1, of, start: (slot) => new Date(first + slot * length).toISOString().replace('.000Z', 'Z') };
}
