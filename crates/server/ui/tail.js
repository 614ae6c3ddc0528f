// Entries as they come.

import { parse } from './json.js';

/**
 * Follows a log from an index on. `came` is told the index, the time and the event of each entry, `said` what there is to say of the
 * connection. While nobody looks at the page it rests, as each browser has only a few connections to a server. Gives what ends it.
 */
export function follow(log, { from, query, came, said }) {
  let next = from;
  let tail;

  function start() {
    tail = new EventSource(`/api/v1/logs/${log}/tail?${new URLSearchParams({ from: next, ...(query && { q: query }) })}`);
    tail.addEventListener('open', () => said('live'));
    tail.addEventListener('message', ({ data }) => {
      const { index, entry } = JSON.parse(data);
      next = index + 1;
      came(index, ...read(entry));
    });
    tail.addEventListener('error', ({ data }) => {
      if (data) {
        // The server says why, and closes; asking again would be told the same.
        stop();
        said(`No longer live: ${JSON.parse(data).detail}`);
      } else {
        said(tail.readyState === EventSource.CLOSED ? 'Not live: this log is not yours to read, or the server is busy.' : 'Connecting again …');
      }
    });
  }

  const look = () => (document.hidden ? tail.close() : start());
  document.addEventListener('visibilitychange', look);
  function stop() {
    document.removeEventListener('visibilitychange', look);
    tail.close();
  }
  start();
  return stop;
}

/** The time and the event of an entry; nothing where it cannot be read. */
function read(entry) {
  try {
    const [header, event] = entry.split('\n');
    return [parse(header).get('time'), parse(event)];
  } catch {
    return [];
  }
}
