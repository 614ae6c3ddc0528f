// Reads JSON without losing what it says: numbers keep their text, members their order, and none is dropped.

/** A number as it is written. */
export class Raw {
  constructor(text) {
    this.text = text;
  }
}

const TOKEN = /[ \t\r\n]*(?:([{}[\]:,])|("(?:[^"\\]|\\.)*")|(-?\d[^\s,\]}]*)|(true|false|null))/ys;

/** The value of a JSON text: a Map for an object, an array, a string, a Raw, a boolean or null. Throws on anything else. */
export function parse(source) {
  TOKEN.lastIndex = 0;
  const value = read(source, next(source));
  if (source.slice(TOKEN.lastIndex).trim() !== '') throw new SyntaxError('something stands after the value');
  return value;
}

function next(source) {
  const at = TOKEN.lastIndex;
  const match = TOKEN.exec(source);
  if (!match) throw new SyntaxError(`no JSON at ${at}`);
  return match;
}

function read(source, [, mark, string, number, word]) {
  if (string !== undefined) return JSON.parse(string);
  if (number !== undefined) return new Raw(number);
  if (word !== undefined) return { true: true, false: false, null: null }[word];
  if (mark === '[') return readArray(source);
  if (mark === '{') return readObject(source);
  throw new SyntaxError(`${mark} where a value must be`);
}

function readArray(source) {
  const items = [];
  each(source, ']', (first) => items.push(read(source, first)));
  return items;
}

function readObject(source) {
  const members = new Map();
  each(source, '}', ([, , string]) => {
    if (string === undefined) throw new SyntaxError('a member without a name');
    const name = JSON.parse(string);
    if (next(source)[1] !== ':' || members.has(name)) throw new SyntaxError('a member that is none, or stands twice');
    members.set(name, read(source, next(source)));
  });
  return members;
}

/** Reads what stands between commas, up to the end. */
function each(source, end, readOne) {
  let first = next(source);
  if (first[1] === end) return;
  for (;;) {
    readOne(first);
    const mark = next(source)[1];
    if (mark === end) return;
    if (mark !== ',') throw new SyntaxError('no comma where one must be');
    first = next(source);
  }
}

/** A value as one line of text: a string as it is, everything else as JSON. */
export function show(value) {
  if (typeof value === 'string') return value;
  return write(value);
}

function write(value) {
  if (value instanceof Raw) return value.text;
  if (value instanceof Map) return `{${[...value].map(([name, one]) => `${JSON.stringify(name)}: ${write(one)}`).join(', ')}}`;
  if (Array.isArray(value)) return `[${value.map(write).join(', ')}]`;
  return JSON.stringify(value);
}

/** A token of an RFC 6901 pointer. */
export const token = (name) => String(name).replaceAll('~', '~0').replaceAll('/', '~1');
