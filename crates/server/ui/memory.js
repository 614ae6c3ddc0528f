// What this browser keeps: for each log the origin, the keys and the checkpoint of the last time that all was well.

const KEY = 'graven.seen.';

/** What this browser saw last of a log of this server: `{origin, vkeys, note, size, at}`; none before the first time. */
export function seen(log) {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY + log));
    return typeof kept?.note === 'string' && Array.isArray(kept.vkeys) ? kept : undefined;
  } catch {
    return undefined;
  }
}

/** Forgets it: the next look is a first one. */
export function forget(log) {
  localStorage.removeItem(KEY + log);
}

/** Keeps it; whether the browser does. */
export function keep(log, kept) {
  // Another page may have seen more meanwhile.
  if ((seen(log)?.size ?? -1) > kept.size) return true;
  try {
    localStorage.setItem(KEY + log, JSON.stringify(kept));
    return true;
  } catch {
    return false;
  }
}
