// The query as a text that buttons change: its terms at the top level, and what is being typed. What a query means is the
// server's business (docs/search.md).

const isWhite = (c) => /\s/.test(c);

/** The terms of a query at its top level, `{text, start, end}`; what stands in brackets or quotes is one, as is `NOT` with what follows it. */
export function terms(query) {
  const found = [];
  for (let at = 0; at < query.length;) {
    if (isWhite(query[at])) {
      at += 1;
      continue;
    }
    const start = at;
    at = endOf(query, at);
    const before = found.at(-1);
    if (before?.text === 'NOT') Object.assign(before, { text: query.slice(before.start, at), end: at });
    else found.push({ text: query.slice(start, at), start, end: at });
  }
  return found;
}

/** Where the run of characters that begins here ends. */
function endOf(query, at) {
  let depth = 0;
  for (; at < query.length; at++) {
    const c = query[at];
    if (c === '\\') at += 1;
    else if (c === '"') at = endOfQuote(query, at);
    else if (c === '(' || (/[[{]/.test(c) && /[:=]/.test(query[at - 1] ?? ''))) depth += 1;
    else if (/[)\]}]/.test(c)) depth = Math.max(0, depth - 1);
    else if (depth === 0 && isWhite(c)) break;
  }
  return Math.min(at, query.length);
}

function endOfQuote(query, at) {
  for (at += 1; at < query.length && query[at] !== '"'; at++) if (query[at] === '\\') at += 1;
  return at;
}

const isEither = (query) => terms(query).some(({ text }) => text === 'OR');

/** Whether all that is found is so. */
export function has(query, term) {
  return !isEither(query) && terms(query).some(({ text }) => text === term);
}

/** The query and this, too. */
export function withTerm(query, term) {
  if (has(query, term)) return query;
  const rest = isEither(query) ? `(${query.trim()})` : query.trim();
  return `${rest} ${term}`.trim();
}

/** The query without the terms that a function picks; `AND` goes, as it says nothing. */
export function without(query, picked) {
  if (isEither(query)) return query;
  return terms(query).map(({ text }) => text).filter((text) => text !== 'AND' && !picked(text)).join(' ');
}

/** The query with a term, or without it where it has it. */
export function toggled(query, term) {
  return has(query, term) ? without(query, (text) => text === term) : withTerm(query, term);
}

const SPAN = /^(since|until):(.*)$/;

/** From when to when a query looks, as it says so: `{since, until}`. */
export function spanOf(query) {
  if (isEither(query)) return {};
  return Object.fromEntries(terms(query).map(({ text }) => SPAN.exec(text)).filter(Boolean).map(([, name, value]) => [name, value]));
}

/** The query over this span of time and no other. */
export function withSpan(query, { since, until }) {
  let out = without(query, (text) => SPAN.test(text));
  for (const [name, value] of [['since', since], ['until', until]]) if (value) out = withTerm(out, `${name}:${value}`);
  return out;
}

/** The term that finds exactly this text in a field. */
export function termOf(field, value) {
  const isPlain = /^[A-Za-z_](?:[\w/@-]|\.(?!\.))*$/.test(value) && !/^(true|false|null)$/.test(value);
  return `${field}:${isPlain ? value : `"${value.replace(/["\\]/g, '\\$&')}"`}`;
}

const NAME = /(?:^|[\s(-])([\p{L}_][\w.]*)$/u;
const VALUE = /(?:^|[\s(-])([\p{L}_][\w.]*)[:=](?:([^\s"()*?\\<>[{]*)|"((?:[^"\\]|\\.)*))$/u;

/** What is being typed where the caret is: `{start, end, field?, begin}`; nothing where there is no name and no value. */
export function typedAt(query, caret) {
  const before = query.slice(0, caret);
  const value = VALUE.exec(before);
  const name = value ? null : NAME.exec(before);
  if (!value && !name) return undefined;
  const found = value ? before.length - value[0].replace(/^[\s(-]/, '').length : before.length - name[1].length;
  if (isQuoted(query.slice(0, found))) return undefined;
  const end = caret + /^[^\s()"]*"?/.exec(query.slice(caret))[0].length;
  if (name) return { start: found, end, begin: name[1] };
  return { start: found, end, field: value[1], begin: value[2] ?? value[3].replace(/\\(.)/g, '$1') };
}

/** Whether a text ends within quotes. */
function isQuoted(text) {
  return (text.replace(/\\./g, '').match(/"/g) ?? []).length % 2 === 1;
}

/** The place of a byte of a text among its characters. */
export function placeOf(query, byte) {
  const bytes = new TextEncoder().encode(query).slice(0, byte);
  return new TextDecoder().decode(bytes).length;
}
