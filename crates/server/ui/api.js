// The server's API, by the session's cookie.

import { parse } from './json.js';

/** What the server refuses, as its problem document says it. */
export class Problem extends Error {
  constructor(status, { code, detail, field, position } = {}) {
    super(detail ?? `the server answers ${status}`);
    Object.assign(this, { status, code, field, position });
  }
}

let csrf;
let bearer = {};

/** From now on asks by this credential, in the place of the session's cookie. */
export function useBearer(token) {
  bearer = { authorization: `Bearer ${token}` };
}

/** Reads something: the response, which is good. Never from the browser's cache: what is checked is what the server says now. */
async function get(path, signal) {
  return good(await fetch(path, { cache: 'no-store', headers: bearer, signal }));
}

/** Reads JSON of the server's own, never an event: numbers are JavaScript's. */
export async function getJson(path) {
  return (await get(path)).json();
}

/** Reads JSON that holds events: as `json.js` reads it. `signal` gives up on it. */
export async function getEvents(path, signal) {
  return parse(await (await get(path, signal)).text());
}

/** Reads text of the server's own. */
export async function getText(path) {
  return (await get(path)).text();
}

export async function getBytes(path) {
  return new Uint8Array(await (await get(path)).arrayBuffer());
}

/** Has something done. What changes something brings the token that only the session's own pages know. */
export async function send(method, path, body) {
  csrf ??= (await getJson('/api/v1/session')).csrf;
  const headers = csrf ? { 'x-graven-csrf': csrf } : {};
  if (body !== undefined) headers['content-type'] = 'application/json';
  return good(await fetch(path, { method, headers, body: body === undefined ? null : JSON.stringify(body) }));
}

/** Signs in, or starts to: no session is needed. */
export async function signIn(path, body) {
  const init = { method: 'POST' };
  if (body !== undefined) Object.assign(init, { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) });
  return good(await fetch(path, init));
}

async function good(response) {
  if (response.ok) return response;
  if (response.status === 401 && document.querySelector('#sign-out')) {
    // The session has ended meanwhile: this page again, to sign in on.
    location.reload();
  }
  let problem;
  try {
    problem = await response.json();
  } catch {
    // Something in between answered; its status has to do.
  }
  throw new Problem(response.status, problem);
}

document.querySelector('#sign-out')?.addEventListener('click', async () => {
  await send('DELETE', '/api/v1/session').catch(() => {});
  location.assign('/ui/');
});
