// Entries as a Parquet file (parquet-format 2.10): the columns of CSV under the names that SQL has for them, each group of rows with one
// page a column (version 1, PLAIN, GZIP), and the footer in Thrift's compact protocol.

import { COLUMNS } from './csv.js';

/** The most rows of a group, and characters of their events: a group is encoded at once. */
const GROUP_ROWS_MAX = 16_384;
const GROUP_CHARS_MAX = 16 * 1024 * 1024;

// Numbers of the format.
const [INT64, BYTE_ARRAY] = [2, 6];
const [REQUIRED, OPTIONAL] = [0, 1];
const [PLAIN, RLE] = [0, 3];
const GZIP = 2;
const UTF8 = 0;
/** A field of a struct that is true. */
const yes = [1, []];

const encoder = new TextEncoder();
const MAGIC = encoder.encode('PAR1');

/** Each column's name, type, whether every row has it, and how the bytes of a value come of its text; none where there are none. */
const SCHEMA = COLUMNS.map((column) => {
  const name = column.replaceAll('.', '_');
  if (name === 'index') return { name, type: INT64, repetition: REQUIRED, bytesOf: (digits) => int64(BigInt(digits)) };
  if (name === 'time') return { name, type: INT64, repetition: OPTIONAL, logical: struct({ 8: struct({ 1: yes, 2: struct({ 3: struct({}) }) }) }), bytesOf: nanoseconds };
  return { name, type: BYTE_ARRAY, repetition: OPTIONAL, converted: i32(UTF8), logical: struct({ 1: struct({}) }), bytesOf: byteArray };
});

/** The parts of the file that holds these rows, each as `cellsOf` of csv.js gives it. */
export async function parquetFile(rows) {
  const [parts, groups] = [[MAGIC], []];
  let offset = MAGIC.length;
  for (const group of grouped(rows)) {
    const chunks = [];
    for (const [at, column] of SCHEMA.entries()) {
      const plain = pageOf(column, group.map((cells) => cells[at]));
      const page = await gzipped(plain);
      const header = bytesOf(pageHeader(group.length, plain.length, page.length));
      chunks.push(chunk(column, { rows: group.length, offset, plain: header.length + plain.length, stored: header.length + page.length }));
      parts.push(header, page);
      offset += header.length + page.length;
    }
    groups.push(struct({ 1: list(chunks.map(({ thrift }) => thrift)), 2: i64(chunks.reduce((sum, { plain }) => sum + plain, 0)), 3: i64(group.length) }));
  }
  const columns = SCHEMA.map(({ type, repetition, name, converted, logical }) => struct({ 1: i32(type), 3: i32(repetition), 4: string(name), 6: converted, 10: logical }));
  const schema = list([struct({ 4: string('entries'), 5: i32(columns.length) }), ...columns]);
  const footer = bytesOf(struct({ 1: i32(1), 2: schema, 3: i64(rows.length), 4: list(groups), 6: string('graven') }));
  return [...parts, footer, int32(footer.length), MAGIC];
}

/** Groups of rows, none of which is too large to be encoded at once. */
function* grouped(rows) {
  let [group, chars] = [[], 0];
  for (const cells of rows) {
    group.push(cells);
    chars += cells.at(-1).length;
    if (group.length < GROUP_ROWS_MAX && chars < GROUP_CHARS_MAX) continue;
    yield group;
    [group, chars] = [[], 0];
  }
  if (group.length > 0) yield group;
}

/** A page: where a value may be missing, which rows have one, and the values. */
function pageOf({ repetition, bytesOf: encode }, cells) {
  const values = cells.map((cell) => (cell === undefined ? undefined : encode(cell)));
  const levels = repetition === OPTIONAL ? runs(values.map((value) => value !== undefined)) : [];
  return joined([...levels, ...values.filter((value) => value !== undefined)]);
}

/** Levels of one bit as runs of equal ones, with their length in bytes before them. */
function runs(isThere) {
  const out = [];
  for (let at = 0; at < isThere.length;) {
    let end = at;
    while (end < isThere.length && isThere[end] === isThere[at]) end += 1;
    out.push(varint((end - at) * 2), Number(isThere[at]));
    at = end;
  }
  const bytes = Uint8Array.from(out.flat());
  return [int32(bytes.length), bytes];
}

const pageHeader = (rows, plain, stored) =>
  struct({ 1: i32(0), 2: i32(plain), 3: i32(stored), 5: struct({ 1: i32(rows), 2: i32(PLAIN), 3: i32(RLE), 4: i32(RLE) }) });

function chunk({ type, name }, { rows, offset, plain, stored }) {
  const data = struct({ 1: i32(type), 2: list([i32(PLAIN), i32(RLE)]), 3: list([string(name)]), 4: i32(GZIP), 5: i64(rows), 6: i64(plain), 7: i64(stored), 9: i64(offset) });
  return { plain, thrift: struct({ 2: i64(offset), 3: data }) };
}

async function gzipped(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** A text, with its length before it. */
function byteArray(value) {
  const bytes = encoder.encode(value);
  return joined([int32(bytes.length), bytes]);
}

/** A time of an entry's header since 1970; none where that does not fit, from the year 2262 on. */
function nanoseconds(time) {
  const [, seconds, fraction] = /^(.{19})\.(\d{9})Z$/.exec(time);
  const count = BigInt(Date.parse(`${seconds}Z`)) * 1_000_000n + BigInt(fraction);
  return BigInt.asIntN(64, count) === count ? int64(count) : undefined;
}

function int32(count) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, count, true);
  return bytes;
}

function int64(count) {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, count, true);
  return bytes;
}

function joined(parts) {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

// Thrift's compact protocol: a value is the number of its type and its bytes, in arrays of any depth.

function i32(count) {
  return [5, varint(count * 2)];
}

function i64(count) {
  return [6, varint(count * 2)];
}

function string(value) {
  const bytes = encoder.encode(value);
  return [8, [varint(bytes.length), ...bytes]];
}

function list(items) {
  const type = items[0]?.[0] ?? 12;
  return [9, [items.length < 15 ? items.length * 16 + type : [0xf0 + type, varint(items.length)], items.map(([, bytes]) => bytes)]];
}

/** A struct of fields by their numbers; those that are undefined are left out. */
function struct(fields) {
  const out = [];
  let last = 0;
  for (const [id, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    out.push((id - last) * 16 + value[0], value[1]);
    last = id;
  }
  return [12, [...out, 0]];
}

const bytesOf = ([, bytes]) => Uint8Array.from(bytes.flat(Infinity));

function varint(count) {
  const out = [];
  for (; count > 127; count = Math.floor(count / 128)) out.push((count % 128) + 128);
  return [...out, count];
}
