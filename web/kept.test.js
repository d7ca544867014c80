// What the browser keeps of tiles stays within its limit, the least used go first, and what is not the
// tile that was put there is none.

import test from 'node:test';
import assert from 'node:assert/strict';
import { opened, sealed, surplus } from './kept.js';

/** @param {[string, number, number][]} list @returns {[string, {bytes: number, at: number}][]} */
const uses = (list) => list.map(([name, bytes, at]) => [name, { bytes, at }]);

test('within the limit nothing goes', () => {
  assert.deepEqual(surplus(uses([['a', 60, 1], ['b', 40, 2]]), 100), []);
  assert.deepEqual(surplus([], 0), []);
});

test('the longest unused go until there is room to write again', () => {
  const many = uses([['new', 30, 9], ['old', 30, 1], ['older', 30, 0], ['newer', 30, 10]]);
  assert.deepEqual(surplus(many, 100), ['older']); // 90 of 100 are left
  assert.deepEqual(surplus(many, 99), ['older', 'old']);
  assert.deepEqual(surplus(many, 0), ['older', 'old', 'new', 'newer']);
});

test('only what was kept comes back', async () => {
  const tile = Uint8Array.from({ length: 100 }, (_, at) => at);
  const kept = await sealed('a tile', tile);
  assert.deepEqual(await opened('a tile', kept), tile);
  assert.equal(await opened('another tile', kept), undefined);
  for (const at of [0, 50, 99]) {
    const bytes = tile.slice();
    bytes[at] ^= 1;
    assert.equal(await opened('a tile', { ...kept, bytes }), undefined, `byte ${at}`);
  }
  assert.equal(await opened('a tile', { ...kept, bytes: tile.subarray(1) }), undefined);
  assert.equal(await opened('a tile', { ...kept, digest: kept.digest.subarray(0, 31) }), undefined);
  for (const nothing of [undefined, null, tile, 'text', {}, { bytes: tile }]) {
    assert.equal(await opened('a tile', nothing), undefined);
  }
});
