// Building the page: elements and text, never markup, so nothing that an event says is ever code.

const SVG = 'http://www.w3.org/2000/svg';

/** An element: `h('p', {class: 'x'}, 'text', element, [more])`. Attributes that are null or false are left out. */
export function h(tag, attributes = {}, ...children) {
  return build(document.createElement(tag), attributes, children);
}

/** The same of an SVG. */
export function s(tag, attributes = {}, ...children) {
  return build(document.createElementNS(SVG, tag), attributes, children);
}

function build(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Characters that draw nothing, or change how others are drawn: controls, formats (bidi overrides and isolates, joiners,
// soft hyphens, tags), separators of lines, lone surrogates, and what has no meaning yet or only a private one. A line
// feed and a tab are drawn as themselves; other blanks than a space can look like one.
const HIDDEN = /(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]|(?! )\p{Zs}|[\u115f\u1160\u3164\uffa0\u034f\u17b4\u17b5\u180b-\u180f\ufe00-\ufe0f\u{e0100}-\u{e01ef}]/gu;

/** Text from elsewhere, apart from what stands around it, with hidden characters drawn as their code points. */
export function text(value, className) {
  const out = h('bdi', className ? { class: className } : {});
  let end = 0;
  for (const match of value.matchAll(HIDDEN)) {
    out.append(value.slice(end, match.index), codePoint(match[0]));
    end = match.index + match[0].length;
  }
  out.append(value.slice(end));
  return out;
}

/** The text of a value, which says so where it is empty. */
export function valueText(value, className) {
  return value === '' ? h('span', { class: 'muted' }, 'empty text') : text(value, className);
}

function codePoint(character) {
  const code = `U+${character.codePointAt(0).toString(16).toUpperCase().padStart(4, '0')}`;
  return h('span', { class: 'hidden-char', title: `a character that is not drawn: ${code}` }, code);
}

const ZONE = new Intl.DateTimeFormat(undefined, {
  year: 'numeric', month: 'short', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
});

/** A time of RFC 3339 in the reader's zone, with what it is in UTC beside it for who points at it; else the text as it is. */
export function time(value) {
  const date = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d/.test(value) ? new Date(value) : new Date(NaN);
  if (Number.isNaN(date.getTime())) return text(value);
  return h('time', { datetime: date.toISOString(), title: value, class: 'time' }, ZONE.format(date));
}

/** A moment in the reader's zone, as text. */
export const moment = (value) => ZONE.format(new Date(value));

/** Puts these in the place of everything in an element. */
export function fill(element, ...children) {
  element.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  element.removeAttribute('aria-busy');
}

/** A button that copies a text. */
export function copy(label, value) {
  const button = h('button', { type: 'button', class: 'quiet', click: async () => {
    try {
      await navigator.clipboard.writeText(value);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Cannot copy here';
    }
  } }, label);
  return button;
}

/** The first characters of a hash in base64. */
export const short = (hash) => hash.slice(0, 8) + '…';
