// Verifies what a Graven log says of itself: bytes in, a verdict out. The judgements are those of the project's Rust
// library, compiled to WebAssembly (graven_verify.wasm, beside this file); no network, no clock, no storage.

/** How many bytes the largest answer may have: what is larger is no answer. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true });

/** The compiled module, and the instance that runs it until it traps. */
let compiled;
let instance;

/** Verifies that an entry is in the log, by its tlog-proof. */
export function verifyEntry({ origin, vkeys, policy, entry, proof, disclosures }) {
  return verify('entry', { origin, vkeys, policy }, [entry, proof, disclosures ?? []]);
}

/** Verifies that a signed note is a checkpoint of the log. */
export function verifyCheckpoint({ origin, vkeys, policy, checkpoint }) {
  return verify('checkpoint', { origin, vkeys, policy }, [checkpoint]);
}

/** Verifies that the log whose checkpoint was `old` has grown to `new`, and was neither shortened nor rewritten. */
export function verifyConsistency({ origin, vkeys, policy, old, new: newer, proof }) {
  return verify('consistency', { origin, vkeys, policy }, [old, newer, proof]);
}

/** Verifies a result file (`graven/results/v1`): each of its entries, by its one proof. */
export function verifyResults({ origin, vkeys, policy, results }) {
  return verify('results', { origin, vkeys, policy }, [results]);
}

/** Verifies a result file of entries that change the log's keys: by keys that were known, those that are believed now. */
export function verifyKeys({ origin, vkeys, policy, results }) {
  return verify('keys', { origin, vkeys, policy }, [results]);
}

/** Loads the module from elsewhere: its bytes, or a compiled `WebAssembly.Module`. Not needed where it lies beside this file. */
export async function load(source) {
  compiled = Promise.resolve(source instanceof WebAssembly.Module ? source : WebAssembly.compile(source));
  instance = undefined;
  await compiled;
}

async function verify(what, { origin, vkeys, policy }, fields) {
  let request;
  try {
    request = encode([what, origin, vkeys, policy ?? '', ...fields]);
  } catch (error) {
    return refused('bad_argument', error);
  }
  try {
    instance ??= await WebAssembly.instantiate(await module(), {});
    return ask(instance.exports, request);
  } catch (error) {
    // A trap leaves the instance as it was in the middle of something: the next request gets another one.
    instance = undefined;
    return refused('verifier_failed', error);
  }
}

/** Puts a request to the module. Throws where it traps, or answers what is no answer. */
function ask({ memory, graven_request, graven_answer, graven_answer_size }, request) {
  const room = graven_request(request.length) >>> 0;
  if (room === 0) return refused('bad_argument', 'what is to be verified is too large');
  new Uint8Array(memory.buffer, room, request.length).set(request);
  const start = graven_answer() >>> 0;
  const size = graven_answer_size() >>> 0;
  if (size > ANSWER_BYTES_MAX) throw new Error(`the answer has ${size} bytes`);
  // The memory may have grown meanwhile, which gives it another buffer.
  const answer = JSON.parse(decoder.decode(new Uint8Array(memory.buffer, start, size)));
  if (typeof answer.ok !== 'boolean') throw new Error('the answer says neither yes nor no');
  return answer;
}

function refused(kind, error) {
  return { ok: false, kind, index: null, detail: error instanceof Error ? error.message : String(error) };
}

/** Fields, each with its length before it. */
function encode(fields) {
  const parts = fields.map(bytesOf);
  const request = new Uint8Array(parts.reduce((sum, part) => sum + 4 + part.length, 0));
  const view = new DataView(request.buffer);
  let at = 0;
  for (const part of parts) {
    view.setUint32(at, part.length);
    request.set(part, at + 4);
    at += 4 + part.length;
  }
  return request;
}

/** Text, bytes, or lines of text. */
function bytesOf(value) {
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  if (Array.isArray(value)) return bytesOf(value.map(line).join('\n'));
  if (typeof value === 'string') return encoder.encode(value);
  throw new TypeError(`an argument is ${value === undefined ? 'missing' : typeof value}; give text or bytes`);
}

/** One of several lines: a line feed in it would make it two. */
function line(value) {
  if (typeof value !== 'string' || /[\r\n]/.test(value)) throw new TypeError('a list holds texts of one line each');
  return value;
}

function module() {
  // A failed load is tried again by the next request.
  compiled ??= compileBeside().catch((error) => {
    compiled = undefined;
    throw error;
  });
  return compiled;
}

async function compileBeside() {
  const url = new URL('./graven_verify.wasm', import.meta.url);
  if (url.protocol === 'file:') {
    const { readFile } = await import('node:fs/promises');
    return WebAssembly.compile(await readFile(url));
  }
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return WebAssembly.compile(await response.arrayBuffer());
}
