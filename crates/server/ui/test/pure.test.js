// The modules that need no page: reading JSON, and the way up the tree.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { entryRow, head } from '../csv.js';
import { Raw, parse, show, token } from '../json.js';
import { hashesOf, steps } from '../path.js';

test('what JSON says is kept', () => {
  const rows = [
    ['1.50', '1.50'], ['-0', '-0'], ['1e400', '1e400'], ['9007199254740993', '9007199254740993'],
    ['"a\\u00e9\\n"', 'a\u00e9\n'], ['true', 'true'], [' null ', 'null'], ['[]', '[]'], ['{}', '{}'],
    ['{"b":1,"a":[2.0,{"10":3,"2":4}]}', '{"b": 1, "a": [2.0, {"10": 3, "2": 4}]}'],
    ['{"__proto__":{"x":1}}', '{"__proto__": {"x": 1}}'],
  ];
  for (const [source, expected] of rows) assert.equal(show(parse(source)), expected, source);
  assert.ok(parse('7') instanceof Raw);
  assert.equal(token('a/b~c'), 'a~1b~0c');
});

test('what is no JSON is refused', () => {
  for (const source of ['', 'x', '{', '[1', '[1 2]', '[,]', '[1,]', '{"a":1,}', '{"a"}', '{"a" 1}', '{"a":1,"a":2}', '{a:1}', '1 2', '"a', '}', ':', '{"a":}']) {
    assert.throws(() => parse(source), SyntaxError, source);
  }
});

test('the drawn way is that of the proof', () => {
  // The proofs of the package's cases lead to the root that their checkpoint states, hashed along the way that is drawn.
  const cases = JSON.parse(readFileSync(new URL('../../../../sdk/verify/test/cases.json', import.meta.url), 'utf8'));
  const good = cases.filter(({ what, answer }) => what === 'entry' && answer.ok);
  assert.ok(good.length > 1);
  const hash = (...parts) => createHash('sha256').update(Buffer.concat(parts)).digest();
  for (const { arguments: { proof }, answer: { index, leaf, checkpoint } } of good) {
    const hashes = hashesOf(new TextEncoder().encode(proof)).map((line) => Buffer.from(line, 'base64'));
    const way = steps(index, checkpoint.size);
    assert.equal(way.length, hashes.length);
    const root = way.reduce((node, { side }, level) => {
      const pair = side > 0 ? [node, hashes[level]] : [hashes[level], node];
      return hash(Buffer.from([1]), ...pair);
    }, Buffer.from(leaf, 'base64'));
    assert.equal(root.toString('base64'), checkpoint.root);
    assert.deepEqual(way.at(-1).node, [0, checkpoint.size]);
  }
});

test('rows of CSV hold what the entry says, and no formulas', () => {
  const header = '{"graven":"entry/v1","index":7,"time":"2026-11-20T22:55:01.123456789Z","writer":"w","grade":"asserted"}';
  const rows = [
    ['{"actor":{"type":"user","id":"42","name":"Ada"},"action":"a.b","target":{"type":"t","id":"1"},"outcome":"success","reason":"so"}',
      '7,2026-11-20T22:55:01.123456789Z,w,asserted,user,42,Ada,a.b,t,1,success,so,'],
    ['{"actor":{"id":"=1+1"},"action":"@x","target":[{"id":"1"},{"id":"2"}],"reason":"a, \\"b\\"\\nc"}',
      '7,2026-11-20T22:55:01.123456789Z,w,asserted,,\'=1+1,,\'@x,,1 2,,"a, ""b""\nc",'],
    ['{"actor":"x","action":5.0}', '7,2026-11-20T22:55:01.123456789Z,w,asserted,,,,5.0,,,,,'],
  ];
  for (const [event, expected] of rows) {
    assert.equal(entryRow(7, `${header}\n${event}\n`), `${expected}"${event.replaceAll('"', '""')}"\r\n`);
  }
  assert.equal(head().split(',').length, 13);
});
