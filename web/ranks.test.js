// By rank every part of the ring covers as much of what is seen as any other.

import test from 'node:test';
import assert from 'node:assert/strict';
import { count, nothing, ranked, ranksOf } from './ranks.js';

const TURN = 2 ** 20;
const SIDE = 64;
/** Crowded at one end, as numbers of fractals are. */
const crowded = Int32Array.from({ length: SIDE * SIDE }, (_, at) => Math.floor(((at / SIDE / SIDE) ** 3) * 4 * TURN) + 300);

/** @param {Int32Array} turns @param {import('./ranks.js').Box} [part] */
function ranksIn(turns, part = [0, 0, SIDE, SIDE]) {
  const counts = nothing();
  count(counts, turns, SIDE, part);
  return ranksOf(counts);
}

test('ranks are evenly spread, and never fall', () => {
  const ranks = ranked(crowded, ranksIn(crowded));
  ranks.forEach((rank, at) => {
    assert.ok(Math.abs(rank / TURN - at / ranks.length) < 0.01, `${at}`);
    assert.ok(at === 0 || rank >= ranks[at - 1]);
  });
});

test('the inside has no rank, and a root keeps its place', () => {
  const root = 3 << 25;
  const turns = Int32Array.from([-1, 5000, root | 5000, root | 9000]);
  const counts = nothing();
  count(counts, turns, 2, [0, 0, 2, 2]);
  const ranks = ranked(turns, ranksOf(counts));
  assert.equal(ranks[0], -1);
  assert.deepEqual([ranks[2] >> 25, ranks[3] >> 25], [3, 3]);
  assert.equal(ranks[1], ranks[2] & (2 ** 25 - 1));
  assert.ok((ranks[3] & (2 ** 25 - 1)) >= (TURN * 2) / 3);
});

test('only the part that is seen counts, and what lies beyond it has its end of the ring', () => {
  const [first, second] = [ranksIn(crowded, [0, 0, SIDE, SIDE / 2]), ranksIn(crowded, [0, 0, SIDE / 2, SIDE])];
  const upper = ranked(crowded, first);
  assert.ok(Math.abs(upper[(SIDE * SIDE) / 4] / TURN - 0.5) < 0.01);
  assert.ok(upper.subarray((SIDE * SIDE * 5) / 8).every((rank) => rank === TURN));
  assert.ok(Math.abs(ranked(crowded, second)[(SIDE * SIDE) / 2] / TURN - 0.5) < 0.02);
});

test('where nothing was counted, everything is at the beginning', () => {
  assert.ok(ranked(crowded, ranksOf(nothing())).every((rank) => rank === 0));
});

test('the largest number has a bin', () => {
  const turns = Int32Array.from([Math.floor(9.61 * TURN)]);
  const counts = nothing();
  count(counts, turns, 1, [0, 0, 1, 1]);
  assert.ok(ranked(turns, ranksOf(counts))[0] < TURN);
});
