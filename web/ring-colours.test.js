// The colours of the screen are those of the ring, wound as asked.

import test from 'node:test';
import assert from 'node:assert/strict';
import { colours, ringOf } from './ring-colours.js';

/** A ring in which an entry's colour is its number; the inside is 99. */
const ring = Uint32Array.from({ length: 4097 }, (_, entry) => (entry === 4096 ? 99 << 24 : entry));
/** @param {number[]} turns @param {number} density @param {number} offset @param {number} [roots] */
const entries = (turns, density, offset, roots = 0) =>
  [...new Uint32Array(colours(Int32Array.from(turns.map(fixed)), ring, { density, offset }, roots).buffer)];
/** Turns, and 100 more for each root, as the kernel writes them. @param {number} turns */
const fixed = (turns) => (turns < 0 ? -1 : Math.floor(turns / 100) * 2 ** 25 + Math.round((turns % 100) * 2 ** 20));

test('turns go round and round, and the inside has its own colour', () => {
  assert.deepEqual(entries([0, 0.25, 1, 1.5, -1], 1, 0), [0, 1024, 0, 2048, 99 << 24]);
  assert.deepEqual(entries([0.25, 1.5], 2, 0), [2048, 0]);
  assert.deepEqual(entries([0, 0.25], 1, -0.25), [3072, 0]);
  assert.deepEqual(entries([0.25], 1, 7.5), [3072]);
});

test('roots begin at even distances, whatever the density', () => {
  assert.deepEqual(entries([0.25, 100.25, 200.25], 1, 0, 4), [1024, 2048, 3072]);
  assert.deepEqual(entries([0.25, 100.25], 2, 0, 4), [2048, 3072]);
});

test('a ring is made once', () => {
  let made = 0;
  const make = () => { made += 1; return new Uint8Array(4097 * 4).fill(7); };
  assert.equal(ringOf('x', make), ringOf('x', make));
  assert.equal(made, 1);
  assert.equal(ringOf('x', make).length, 4097);
});

test('a full screen is recoloured from its numbers in one pass', () => {
  const turns = Int32Array.from({ length: 65536 }, (_, at) => (at % 9 ? at * 200 : -1));
  const seen = new Uint32Array(colours(turns, ring, { density: 0.7, offset: 0.1 }, 0).buffer);
  assert.equal(seen.length, turns.length);
  assert.ok(seen.every((entry, at) => (turns[at] < 0 ? entry === 99 << 24 : entry < 4096)));
});
