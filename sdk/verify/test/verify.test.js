// The package against the cases that the Rust library answers alike, and against published vectors.
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';

import * as verifier from '../index.js';

const { load, verifyCheckpoint, verifyEntry } = verifier;
const here = (path) => new URL(path, import.meta.url);
const cases = JSON.parse(readFileSync(here('cases.json'), 'utf8'));
const functions = {
  entry: verifier.verifyEntry,
  checkpoint: verifier.verifyCheckpoint,
  consistency: verifier.verifyConsistency,
  results: verifier.verifyResults,
  keys: verifier.verifyKeys,
};
const entryCase = cases.find(({ what, name }) => what === 'entry' && name === 'an entry');
const wasm = readFileSync(here('../graven_verify.wasm'));

for (const { name, what, arguments: given, answer } of cases) {
  test(`${what}: ${name}`, async () => {
    assert.deepEqual(await functions[what](given), answer);
  });
}

test('bytes count, not what they look like', async () => {
  const { entry, proof, ...trust } = entryCase.arguments;
  const bytes = new TextEncoder().encode(entry);
  assert.equal((await verifyEntry({ ...trust, entry: bytes, proof })).ok, true);
  for (let at = 0; at < bytes.length; at += 7) {
    const flipped = Uint8Array.from(bytes);
    flipped[at] ^= 0x80;
    assert.equal((await verifyEntry({ ...trust, entry: flipped, proof })).ok, false, `byte ${at}`);
  }
  const marked = Uint8Array.from([0xef, 0xbb, 0xbf, ...bytes]);
  assert.equal((await verifyEntry({ ...trust, entry: marked, proof })).kind, 'leaf_mismatch');
});

test('what is no argument is refused, not thrown', async () => {
  const good = entryCase.arguments;
  for (const wrong of [{ entry: undefined }, { proof: 7 }, { vkeys: ['a\nb'] }, { vkeys: [7] }, { origin: null }]) {
    const { ok, kind } = await verifyEntry({ ...good, ...wrong });
    assert.deepEqual({ ok, kind }, { ok: false, kind: 'bad_argument' }, JSON.stringify(wrong));
  }
});

test('a module that traps is a verdict, and the next request is answered', async () => {
  // (module (memory (export "memory") 1) and three functions of which `graven_request` is `unreachable`)
  const traps = Uint8Array.from(Buffer.from(
    '0061736d0100000001' + '0a0260017f017f6000017f' + '0304030001' + '01' + '0503010001' +
      '07' + '40' + '04' +
      '066d656d6f7279' + '0200' +
      '0e67726176656e5f72657175657374' + '0000' +
      '0d67726176656e5f616e73776572' + '0001' +
      '1267726176656e5f616e737765725f73697a65' + '0002' +
      '0a0f03' + '0300000b' + '040041000b' + '040041000b', 'hex'));
  await load(traps);
  const broken = await verifyEntry(entryCase.arguments);
  assert.deepEqual([broken.ok, broken.kind], [false, 'verifier_failed'], broken.detail);
  await load(wasm);
  assert.equal((await verifyEntry(entryCase.arguments)).ok, true);
});

test('a request over the limit is refused before any of it is copied', async () => {
  const { instance } = await WebAssembly.instantiate(wasm, {});
  assert.equal(instance.exports.graven_request(0x7fff_ffff), 0);
  assert.notEqual(instance.exports.graven_request(16), 0);
});

test('the module asks its host for nothing', () => {
  assert.deepEqual(WebAssembly.Module.imports(new WebAssembly.Module(wasm)), []);
});

test('published_vectors', async () => {
  const folder = here('../../../../shared/vectors/tlog/');
  if (!existsSync(folder)) {
    console.log('SKIP published_vectors: ../shared/vectors/tlog missing');
    assert.notEqual(process.env.CI, 'true', 'published_vectors may not be skipped where CI=true');
    return;
  }
  const read = (path) => readFileSync(new URL(path, folder));
  const vkeys = [read('log.vkey').toString().trim()];
  const witness = read('witness.vkey').toString().trim();
  const origin = 'example.com/audit/test';
  for (const size of [1, 5, 256, 600, 70000]) {
    const vector = JSON.parse(read(`vectors-${size}.json`));
    const checkpoint = read(`log-${size}/checkpoint`);
    const policy = `log ${vkeys[0]}\nwitness w ${witness}\nquorum w\n`;
    const verdict = await verifyCheckpoint({ origin, vkeys, policy, checkpoint });
    assert.equal(verdict.ok, true, verdict.detail);
    assert.equal(verdict.checkpoint.size, size);
    assert.equal(verdict.checkpoint.root, Buffer.from(vector.root, 'hex').toString('base64'));
    const spoiled = Uint8Array.from(checkpoint);
    spoiled[origin.length + 1] ^= 1;
    assert.equal((await verifyCheckpoint({ origin, vkeys, checkpoint: spoiled })).ok, false);
    // Their leaves are no entries of ours, so what is said of them is that; of others, that they are not in the tree.
    const proof = read(`proof-${size}.tlog-proof`);
    const other = await verifyEntry({ origin, vkeys, entry: 'another leaf', proof });
    assert.equal(other.kind, 'leaf_mismatch', other.detail);
  }
});
