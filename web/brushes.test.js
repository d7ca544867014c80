// By rank a picture's colours are settled a few times as it grows, and a frame's are its own.

import test from 'node:test';
import assert from 'node:assert/strict';
import { createBrushes, createRankedBrushes } from './brushes.js';

/** Says what it was made of. */
class Counts {
  /** @type {number[]} */
  bytes = [];
  /** @param {Uint8Array} payload */
  add(payload) { this.bytes.push(...payload); }
  free() {}
}

class Brush {
  /** @type {number[]} */
  ranks = [];
  /** @param {string} name */
  constructor(name) { this.name = name; }
  /** @param {Counts} counts */
  ranked({ bytes }) {
    this.ranks = [...bytes];
    return this;
  }
  free() {}
}

const kernel = /** @type {any} */ ({ Brush, Counts });
const plain = { name: 'dusk', density: 1, offset: 0 };
const even = /** @type {const} */ ({ ...plain, scale: 'rank' });

/** @param {number} task @param {number} [frame] @returns {any} */
const tile = (task, frame = 0) => ({ task, frame, width: 1, height: 1, formula: 'julia', payload: Uint8Array.of(task) });

/** @param {number} whole @returns {import('./shelf.js').Picture} */
const picture = (whole) => ({ width: whole, height: 1, whole, tiles: new Map(), isForgotten: false });

/** Adds tiles, one after the other; with how many the colours were settled. @param {ReturnType<typeof createRankedBrushes>} brushes @param {import('./shelf.js').Picture} held @param {number} count */
function grow(brushes, held, count) {
  const settled = [];
  for (let task = 0; task < count; task += 1) {
    held.tiles.set(task, tile(task));
    if (brushes.renew(held, tile(task)).length) settled.push(task + 1);
  }
  return settled;
}

/** @param {any} brush */
const ranks = ({ ranks }) => ranks;

test('colours settle when tiles are twice as many, and with the last', () => {
  const brushes = createRankedBrushes(kernel);
  const held = picture(13);
  assert.deepEqual(grow(brushes, held, 13), [1, 2, 4, 8, 13]);
  assert.equal(ranks(brushes.of(held, tile(0), even)).length, 13);
  assert.deepEqual(brushes.renew(held, tile(0)), [], 'painted again, it has not changed');
});

test('a preview speaks for the picture until all of it is there', () => {
  const brushes = createRankedBrushes(kernel);
  const held = picture(8);
  brushes.expect(held, tile(77));
  assert.deepEqual(grow(brushes, held, 7), []);
  assert.deepEqual(ranks(brushes.of(held, tile(0), even)), [77]);
  held.tiles.set(7, tile(7));
  assert.equal(brushes.renew(held, tile(7)).length, 8);
  assert.deepEqual(ranks(brushes.of(held, tile(0), even)), [0, 1, 2, 3, 4, 5, 6, 7]);
  // A tile that was none, and the one in its place.
  brushes.forget(held, tile(3));
  assert.equal(brushes.renew(held, tile(3)).length, 8);
});

test('in a file each frame has ranks of its own, and one brush serves all where colours go by number', () => {
  const tiles = [tile(1, 0), tile(2, 0), tile(3, 1)];
  const ranked = createBrushes(kernel, even, tiles);
  assert.deepEqual(tiles.map((each) => ranks(ranked.of(each))), [[1, 2], [1, 2], [3]]);
  const usual = createBrushes(kernel, plain, tiles);
  assert.equal(usual.of(tiles[0]), usual.of(tiles[2]));
  const own = { ...tiles[0], own: { name: 'ink', density: 1, offset: 0 } };
  assert.equal(/** @type {any} */ (ranked.of(own)).name, 'ink');
});
