// The modules that need no page: reading JSON, changing queries, and the way up the tree.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';

import { entryRow, head } from '../csv.js';
import { Raw, parse, show, token } from '../json.js';
import { hashesOf, steps } from '../path.js';
import { isSealed, putBack } from '../state.js';
import { resourceOf } from '../links.js';
import { because, isCheck, shorter } from '../when.js';
import { placeOf, spanOf, termOf, terms, toggled, typedAt, withSpan, withTerm } from '../query.js';

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

test('a query is taken apart into its terms', () => {
  const rows = [
    ['', []], ['  a  b ', ['a', 'b']], ['a:"x y" b', ['a:"x y"', 'b']], ['a:"x\\" y" b', ['a:"x\\" y"', 'b']], ['(a OR b) c', ['(a OR b)', 'c']],
    ['n:[1 TO 9] m:{1 TO *]', ['n:[1 TO 9]', 'm:{1 TO *]']], ['NOT a:b c', ['NOT a:b', 'c']], ['-(a (b c)) d', ['-(a (b c))', 'd']],
    ['a\\ b', ['a\\ b']], ['"never shut', ['"never shut']], ['a) b', ['a)', 'b']], ['x\\', ['x\\']],
  ];
  for (const [query, expected] of rows) assert.deepEqual(terms(query).map(({ text }) => text), expected, query);
});

test('a term comes and goes, and an alternative stays one', () => {
  const rows = [
    ['', 'a:1', 'a:1'], ['a:1', 'a:1', ''], ['b a:1  c', 'a:1', 'b c'], ['b AND a:1 AND c', 'a:1', 'b c'], ['b', 'a:1', 'b a:1'],
    ['a:1 OR b', 'a:1', '(a:1 OR b) a:1'], ['(a:1 OR b) a:1', 'a:1', '(a:1 OR b)'], ['NOT a:1', 'a:1', 'NOT a:1 a:1'], ['"x OR y"', 'a:1', '"x OR y" a:1'],
  ];
  for (const [query, term, expected] of rows) assert.equal(toggled(query, term), expected, query);
  assert.equal(withTerm('a:1 b', 'a:1'), 'a:1 b');
});

test('a query has one span of time', () => {
  const rows = [
    ['a', { since: '24h' }, 'a since:24h'], ['since:1h a until:2h', { since: '7d' }, 'a since:7d'], ['since:1h', {}, ''],
    ['a OR b', { since: '1h', until: '2026-11-20T10:00:00Z' }, '(a OR b) since:1h until:2026-11-20T10:00:00Z'],
  ];
  for (const [query, span, expected] of rows) assert.equal(withSpan(query, span), expected, query);
  assert.deepEqual(spanOf('a since:24h until:2026-11-20'), { since: '24h', until: '2026-11-20' });
  assert.deepEqual(spanOf('since:24h OR a'), {});
});

test('a value is found as it is', () => {
  const rows = [
    ['alice', 'alice'], ['invoice.update', 'invoice.update'], ['a..b', '"a..b"'], ['7', '"7"'], ['true', '"true"'], ['null', '"null"'], ['', '""'],
    ['a b', '"a b"'], ['a"b\\c', '"a\\"b\\\\c"'], ['in*', '"in*"'], ['10.0.0.1', '"10.0.0.1"'], ['fe80::1', '"fe80::1"'], ['\u00e9', '"\u00e9"'], ['a@b/c-d_e', 'a@b/c-d_e'],
  ];
  for (const [value, expected] of rows) assert.equal(termOf('x', value), `x:${expected}`, value);
});

test('what is being typed is a name, a value, or nothing', () => {
  const rows = [
    ['act|', { start: 0, end: 3, begin: 'act' }], ['a -act|or b', { start: 3, end: 8, begin: 'act' }], ['(actor.i|', { start: 1, end: 8, begin: 'actor.i' }],
    ['actor:|', { start: 0, end: 6, field: 'actor', begin: '' }], ['x actor:al|ice y', { start: 2, end: 13, field: 'actor', begin: 'al' }],
    ['a:"x y|" b', { start: 0, end: 7, field: 'a', begin: 'x y' }], ['a:"x\\" y|', { start: 0, end: 8, field: 'a', begin: 'x" y' }],
    ['|', undefined], ['a |', undefined], ['"some act|', undefined], ['n:>5|', undefined], ['a:b*|', undefined],
  ];
  for (const [marked, expected] of rows) {
    const caret = marked.indexOf('|');
    assert.deepEqual(typedAt(marked.replace('|', ''), caret), expected, marked);
  }
  assert.equal(placeOf('\u00e9\u{1f600}x', 6), 3);
});

test('what would have to be put back is what was before', () => {
  const differences = parse('{"a":{"before":1.50,"after":2},"b":{"after":1},"c":{"before":{"_sd":["x"]}},"d":{"before":null}}');
  const { values, gone, shut } = putBack(differences);
  assert.deepEqual([show(values), gone, shut], ['{"a": 1.50, "d": null}', ['b'], ['c']]);
  assert.ok(!isSealed(parse('{"_sd":[],"x":1}')));
  for (const [target, expected] of [['"x"', 'x'], ['{"type":"t","id":"1"}', 't/1'], ['{"id":"1"}', '1'], ['{"id":7}', undefined], ['{}', undefined], ['""', undefined], ['null', undefined]]) {
    assert.equal(resourceOf(parse(target)), expected, target);
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

test('a condition is shown in its largest units', () => {
  const rows = [
    ['each', 'each'], ['at least 5 in 600s', 'at least 5 in 10m'], ['none in 3600s', 'none in 1h'], ['none in 90s', 'none in 90s'],
    ['unverified in 86400s', 'unverified in 1d'], ['disk under 5368709120', 'disk under 5G'], ['disk under 1025', 'disk under 1025'],
    ['lag over 10000', 'lag over 10000'], ['outside 07:00-19:00 mon-fri +00:00', 'outside 07:00-19:00 mon-fri +00:00'],
  ];
  for (const [when, expected] of rows) assert.equal(shorter(when), expected, when);
  assert.deepEqual(['each', 'none in 5s', 'disk under 5', 'lag over 5', 'unverified in 5s'].map(isCheck), [false, false, true, true, true]);
  assert.equal(because({ reason: 'disk', count: 0, measured: 3 * 2 ** 29 }), '1.5 GiB free');
  assert.equal(because({ reason: 'toString', count: 0, measured: null }), 'toString');
});
