// What is kept when there is no room for everything.

import test from 'node:test';
import assert from 'node:assert/strict';
import { createShelf } from './shelf.js';

/** @param {number} task @param {number} bytes */
const tile = (task, bytes) => (
  { task, worker: '', x: 0, y: 0, width: 1, height: 1, payload: new Uint8Array(bytes) });

/** @param {ReturnType<typeof createShelf>} shelf */
const kept = (shelf) => shelf.all().reverse().map(([name, { tiles }]) => [name, tiles.size]);

test('previews go first, then what can be spared, and what runs stays', () => {
  const shelf = createShelf(100);
  for (const name of ['old', 'running', 'b.old', 'x.1.2']) shelf.add(name, tile(0, 25));
  shelf.add('running', tile(1, 25));
  assert.deepEqual(kept(shelf), [['old', 1], ['running', 2], ['x.1.2', 1]]);
  shelf.spare(['old']);
  shelf.add('running', tile(2, 50));
  assert.deepEqual(kept(shelf), [['old', 0], ['running', 3]]);
  shelf.spare([]);
  shelf.add('running', tile(3, 100));
  assert.equal(shelf.get('running')?.tiles.size, 4);
});

test('whatever runs and is shown, there is an end', () => {
  const shelf = createShelf(100);
  shelf.add('mine', tile(0, 90));
  for (const task of [0, 1]) shelf.add('huge', tile(task, 150));
  assert.deepEqual(kept(shelf), [['mine', 1], ['huge', 0]]);
  assert.equal(shelf.get('huge')?.isForgotten, true);
});

test('a picture that went is known to have gone, until it is dropped', () => {
  const shelf = createShelf(10);
  shelf.size('a', 640, 480);
  shelf.add('a', tile(0, 20));
  shelf.spare(['a']);
  assert.equal(shelf.get('a')?.isForgotten, true);
  assert.equal(shelf.add('a', tile(1, 1)), true);
  assert.equal(shelf.get('a')?.tiles.size, 0);
  shelf.drop('a');
  assert.equal(shelf.get('a'), undefined);
});

test('room is made once for each tile that goes, under whatever name', () => {
  const shelf = createShelf(10);
  shelf.add('solo', tile(0, 6));
  assert.equal(shelf.add('solo', tile(0, 6)), false);
  shelf.rename('solo', 'a');
  shelf.drop('a');
  shelf.add('x.1.1', tile(0, 10));
  assert.deepEqual(kept(shelf), [['x.1.1', 1]]);
});

test('a tile that was none makes room for another', () => {
  const shelf = createShelf(1000);
  const tile = (byte) => ({ task: 3, worker: '', x: 0, y: 0, width: 1, height: 1, formula: 'julia', payload: new Uint8Array([byte]) });
  assert.equal(shelf.add('job', tile(1)), true);
  assert.equal(shelf.revoke('job', 3)?.payload[0], 1);
  assert.equal(shelf.revoke('job', 3), undefined);
  assert.equal(shelf.add('job', tile(2)), true);
  assert.equal(shelf.get('job')?.tiles.get(3)?.payload[0], 2);
});
