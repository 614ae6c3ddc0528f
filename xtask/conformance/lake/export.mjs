// Writes rows with the web UI's own writer of Parquet into the folder that is named: `export.parquet`, and as JSON what a reader must
// find in it, `export.json`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { COLUMNS } from '../../../crates/server/ui/csv.js';
import { parquetFile } from '../../../crates/server/ui/parquet.js';

/** More than a group of rows takes by their number, and by their length. */
const [SHORT_ROWS, LONG_ROWS, LONG_CHARS] = [17_000, 400, 57_000];

const texts = ['', 'a', 'null', '\u00e9\u{1f600}', 'a"b,c\nd', '\u0000\u001f', '\u202eabc', undefined, 'x'.repeat(300)];
const rows = [];
for (let at = 0; at < SHORT_ROWS + LONG_ROWS; at++) {
  const cells = COLUMNS.map((_, column) => texts[(at * 7 + column * 3 + Math.floor(at / 9)) % texts.length]);
  cells[0] = String(at === 0 ? 9_007_199_254_740_991 : at);
  cells[1] = `20${String(at % 90).padStart(2, '0')}-02-28T23:59:59.${String(at * 37 + 1).padStart(9, '0')}Z`;
  cells[COLUMNS.length - 1] = at < SHORT_ROWS ? `{"n":${at}}` : 'y'.repeat(LONG_CHARS) + at;
  rows.push(cells);
}
// Behind what 64 bits of nanoseconds hold.
rows[1][1] = '2300-01-01T00:00:00.000000000Z';

// Long events by their length and end, so that the text stays small.
const brief = (text) => (text === undefined ? null : text.length > 1000 ? `${text.length} ${text.slice(-8)}` : text);
const nanoseconds = (time) => (time > '2262' ? null : `${Date.parse(`${time.slice(0, 19)}Z`) / 1000}${time.slice(20, 29)}`.replace(/^0+(?=\d)/, ''));
const found = rows.map((cells) => cells.map((cell, column) => (column === 0 ? Number(cell) : column === 1 ? nanoseconds(cell) : brief(cell))));

const folder = process.argv[2];
writeFileSync(join(folder, 'export.parquet'), Buffer.concat(await parquetFile(rows)));
writeFileSync(join(folder, 'export.json'), JSON.stringify({ columns: COLUMNS.map((name) => name.replaceAll('.', '_')), rows: found }));
