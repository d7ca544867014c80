// The explorer's tiles: where they lie, and that the kernel computes what is shown there.

import test from 'node:test';
import assert from 'node:assert/strict';
import { LAYERS, createScene, errandOf, holds, middleOf, placesIn, tasksOf } from './mosaic.js';
import { HOME, difference, moved, pitch, ratio } from './view.js';

const DEEP = { ...HOME, re: `-0.${'7436438870371587'.repeat(20)}`, im: `0.${'1318259042053119'.repeat(20)}`, zoom: '3.3e290' };
const SIZE = { width: 1400, height: 850 };

test('tasks are numbered as the kernel numbers them: from the middle, row by row', () => {
  // The order of crates/fractal/src/tile.rs for 3 by 3 tiles.
  assert.deepEqual(tasksOf(3), [5, 1, 6, 2, 0, 3, 7, 4, 8]);
  assert.deepEqual([...tasksOf(16)].sort((a, b) => a - b), [...Array(256).keys()]);
});

test('tiles cover the canvas once, the middle first', () => {
  for (const layer of LAYERS.keys()) {
    const middle = { x: 123.4, y: -777 };
    const places = placesIn(layer, middle, SIZE);
    const { side } = places[0];
    assert.equal(new Set(places.map(({ key }) => key)).size, places.length);
    const left = Math.min(...places.map(({ x }) => x));
    const top = Math.min(...places.map(({ y }) => y));
    const right = Math.max(...places.map(({ x }) => x + side));
    const bottom = Math.max(...places.map(({ y }) => y + side));
    assert.ok(left <= middle.x - 700 && right >= middle.x + 700 && top <= middle.y - 425 && bottom >= middle.y + 425);
    assert.equal(places.length, ((right - left) / side) * ((bottom - top) / side));
    const [first] = places;
    assert.ok(first.x <= middle.x && middle.x <= first.x + side && first.y <= middle.y && middle.y <= first.y + side);
  }
});

test('what the kernel computes for a tile is what lies there, at any depth', () => {
  for (const base of [HOME, { ...HOME, max_iter: 10_000_000 }, DEEP]) {
    const scene = createScene(1, base, SIZE.width);
    for (const [layer, i, j] of [[2, 0, 0], [2, -1, -1], [2, 7, 8], [2, -40, 3], [0, 0, 0], [0, -9, 12], [1, 5, -8]]) {
      const side = 256 * LAYERS[layer];
      const { view, task } = errandOf(scene, { key: '', layer, i, j, x: i * side, y: j * side, side });
      assert.ok(view.width ** 2 * base.max_iter <= 2 ** 46, 'the kernel refuses more');
      const samples = pitch(view, view.width);
      assert.ok(Math.abs(ratio(samples, scene.step) - LAYERS[layer]) < 1e-9);
      // The tile's middle, as the kernel places it and as the page draws it.
      const at = tasksOf(view.width / 256).indexOf(task);
      const column = (at % (view.width / 256) + 0.5) * 256 - view.width / 2;
      const row = (Math.floor(at / (view.width / 256)) + 0.5) * 256 - view.height / 2;
      const computed = moved(view, view.width, column, row);
      const drawn = moved(base, SIZE.width, (i + 0.5) * side, (j + 0.5) * side);
      assert.ok(Math.abs(difference(computed.re, drawn.re, scene.step)) < 0.02, `${layer} ${i} ${j}`);
      assert.ok(Math.abs(difference(computed.im, drawn.im, scene.step)) < 0.02, `${layer} ${i} ${j}`);
    }
  }
});

test('panning stays in a scene, and everything else leaves it', () => {
  const scene = createScene(1, DEEP, SIZE.width);
  const panned = moved(DEEP, SIZE.width, 5000.25, -3);
  assert.ok(holds(scene, panned, SIZE.width));
  const { x, y } = middleOf(scene, panned);
  assert.ok(Math.abs(x - 5000.25) < 0.01 && Math.abs(y + 3) < 0.01);
  for (const change of [{ zoom: '3.31e290' }, { max_iter: 3 }, { formula: 'julia' }, { c_re: '1' }]) {
    assert.ok(!holds(scene, { ...DEEP, ...change }, SIZE.width));
  }
  assert.ok(!holds(scene, DEEP, SIZE.width + 1) && !holds(undefined, DEEP, SIZE.width));
});
