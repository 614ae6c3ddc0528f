// What a query finds, page by page, verified here, and then put into a file.

import { Problem, getJson } from './api.js';
import { badge } from './badge.js';
import { checkResults, resultFile } from './check.js';
import { cellsOf, entryRow, head } from './csv.js';
import { fill, h, text } from './dom.js';
import { parquetFile } from './parquet.js';

/** How many entries one export may have: they are held in memory until they are saved. */
const ENTRIES_MAX = 100_000;
/** The most that the server gives in one page, with one proof. */
const PAGE_ENTRIES = 256;

const form = document.querySelector('#export');
const made = document.querySelector('#made');
const { log } = form.dataset;
const path = `/api/v1/logs/${log}`;

/** What a format makes of a page's results, oldest first, and what of all pages together; where that is not said, each is a file. */
const FORMATS = {
  proofs: { type: 'application/x-ndjson', ending: 'results.ndjson', write: (page) => page.file },
  ndjson: { type: 'application/x-ndjson', ending: 'ndjson', write: ({ results }) => results.map(line).join(''), whole: (pages) => pages },
  csv: { type: 'text/csv', ending: 'csv', write: ({ results }) => results.map(({ index, entry }) => entryRow(index, entry)).join(''), whole: (pages) => [head(), ...pages] },
  parquet: {
    type: 'application/vnd.apache.parquet', ending: 'parquet', write: ({ results }) => results.map(({ index, entry }) => cellsOf(index, entry)),
    whole: (pages) => parquetFile(pages.flat()),
  },
};

const address = new URL(location.href);
form.elements.q.value = address.searchParams.get('q') ?? '';
const wanted = address.searchParams.get('format');
if (Object.hasOwn(FORMATS, wanted)) form.elements.format.value = wanted;

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const [q, format] = [form.elements.q.value.trim(), form.elements.format.value];
  address.searchParams.set('q', q);
  address.searchParams.set('format', format);
  history.replaceState(null, '', address);
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    await make(q, FORMATS[format]);
  } catch (error) {
    if (!(error instanceof Problem)) console.error(error);
    fill(made, h('p', { class: 'notice bad', role: 'alert' }, text(error.message)));
  }
  button.disabled = false;
});

async function make(q, format) {
  fill(made, h('p', { class: 'muted' }, 'Searching …'));
  const info = await getJson(path);
  const pages = [];
  let count = 0;
  let next = null;
  let last;
  do {
    const page = await getJson(`${path}/search?${new URLSearchParams({
      q, limit: PAGE_ENTRIES, facets: '', histogram: false, proofs: true, ...(next && { cursor: next }),
    })}`);
    if (page.total > ENTRIES_MAX) {
      fill(made, h('p', { class: 'notice warn' }, `${page.total} entries are found; here at most ${ENTRIES_MAX} become a file. Narrow the query, or export the whole log.`));
      return;
    }
    if (page.results.length === 0) break;
    const results = page.results.toReversed();
    const file = resultFile(results, page.proof);
    last = await checkResults(log, info, file);
    if (!last.good) {
      fill(made, badge(last));
      return;
    }
    count += results.length;
    pages.push(format.write({ results, file }));
    next = page.next;
    fill(made, h('progress', { max: page.total, value: count, 'aria-label': 'Verified so far' }), h('p', { class: 'muted' }, `${count} of ${page.total} entries read and verified …`));
  } while (next);
  fill(made, count === 0 ? h('p', { class: 'empty' }, 'The query finds nothing, so there is no file.') : await offer(pages, format, count, last));
}

/** An entry's index, header and event: JSON texts of the log's own bytes, so that no number loses a digit. */
function line({ index, entry }) {
  const [header, event] = entry.split('\n');
  return `{"index":${index},"header":${header},"event":${event}}\n`;
}

async function offer(pages, format, count, report) {
  // Pages come newest first; files are oldest first, as the log is.
  const parts = pages.toReversed();
  const files = format.whole ? [await format.whole(parts)] : parts.map((part) => [part]);
  const links = files.map((file, at) => {
    const blob = new Blob(file, { type: format.type });
    const name = `${log}${files.length > 1 ? `-${at + 1}-of-${files.length}` : ''}.${format.ending}`;
    return h('li', {}, h('a', { href: URL.createObjectURL(blob), download: name }, name), h('span', { class: 'muted' }, ` ${size(blob.size)}`));
  });
  return [
    h('h2', {}, `${count} ${count === 1 ? 'entry' : 'entries'}, all verified`), h('ul', { class: 'files' }, links),
    h('p', { class: 'muted' }, format.whole
      ? 'This form carries no proof: what was verified here cannot be verified again from the file.'
      : ['Anyone can verify each file, offline: ', h('code', {}, `graven verify ${log}.${format.ending} --vkey KEY`), '.']),
    h('p', { class: 'muted' }, 'Not proved is that these are all: that a query finds everything is the server\'s word (', h('code', {}, 'graven search --audit-completeness'), ').'),
    badge(report),
  ];
}

const size = (bytes) => (bytes < 1024 ? `${bytes} B` : bytes < 1024 * 1024 ? `${Math.round(bytes / 1024)} KB` : `${(bytes / 1024 / 1024).toFixed(1)} MB`);
