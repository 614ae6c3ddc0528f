// Entries as rows of CSV (RFC 4180), for spreadsheets.

import { parse, show } from './json.js';

/** What a row says, in this order. */
export const COLUMNS = ['index', 'time', 'writer', 'grade', 'actor.type', 'actor.id', 'actor.name', 'action', 'target.type', 'target.id', 'outcome', 'reason', 'event'];

/** The first row. */
export const head = () => row(COLUMNS);

/** The row of an entry, from its bytes as text. */
export const entryRow = (index, entry) => row(cellsOf(index, entry).map((cell) => cell ?? ''));

/** What an entry says in each column; undefined where it says nothing. Several targets stand in one cell with a space between them. */
export function cellsOf(index, entry) {
  const [header, event] = entry.split('\n');
  const [top, body] = [parse(header), parse(event)];
  const member = (holder, name) => (holder instanceof Map && holder.has(name) ? show(holder.get(name)) : undefined);
  const actor = body.get('actor');
  const targets = [body.get('target') ?? []].flat();
  const ofTargets = (name) => {
    const named = targets.map((target) => member(target, name)).filter((one) => one !== undefined);
    return named.length > 0 ? named.join(' ') : undefined;
  };
  return [String(index), member(top, 'time'), member(top, 'writer'), member(top, 'grade'),
    member(actor, 'type'), member(actor, 'id'), member(actor, 'name'), member(body, 'action'),
    ofTargets('type'), ofTargets('id'), member(body, 'outcome'), member(body, 'reason'), event];
}

const row = (cells) => cells.map(cell).join(',') + '\r\n';

/**
 * A cell. What a spreadsheet would take for a formula gets an apostrophe before it, which it then shows as text: events hold what
 * producers send.
 */
function cell(value) {
  const safe = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
