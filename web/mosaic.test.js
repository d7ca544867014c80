// The explorer's tiles: where they lie, and that the kernel computes what is shown there.

import test from 'node:test';
import assert from 'node:assert/strict';
import { createScene, errandOf, glancesOf, holds, middleOf, placesIn, tasksOf } from './mosaic.js';
import { HOME, difference, moved, pitch, ratio } from './view.js';

const DEEP = { ...HOME, re: `-0.${'7436438870371587'.repeat(20)}`, im: `0.${'1318259042053119'.repeat(20)}`, zoom: '3.3e290' };
const SIZE = { width: 1400, height: 850 };

test('tasks are numbered as the kernel numbers them: from the middle, row by row', () => {
  // The order of crates/fractal/src/tile.rs for 3 by 3 tiles.
  assert.deepEqual(tasksOf(3), [5, 1, 6, 2, 0, 3, 7, 4, 8]);
  assert.deepEqual([...tasksOf(15)].sort((a, b) => a - b), [...Array(225).keys()]);
});

test('tiles cover the canvas once, the middle first', () => {
  const middle = { x: 123.4, y: -777 };
  for (const scale of [1, 0.5]) checkCover(placesIn(scale, middle, SIZE), middle, 256 * scale);
});

/** @param {import('./mosaic.js').Place[]} places @param {{x: number, y: number}} middle @param {number} side */
function checkCover(places, middle, side) {
  assert.equal(new Set(places.map(({ key }) => key)).size, places.length);
  const left = Math.min(...places.map(({ x }) => x));
  const top = Math.min(...places.map(({ y }) => y));
  const right = Math.max(...places.map(({ x, width }) => x + width));
  const bottom = Math.max(...places.map(({ y, height }) => y + height));
  assert.ok(left <= middle.x - 700 && right >= middle.x + 700 && top <= middle.y - 425 && bottom >= middle.y + 425);
  assert.equal(places.length * side * side, (right - left) * (bottom - top));
  const [first] = places;
  assert.ok(first.x <= middle.x && middle.x <= first.x + side && first.y <= middle.y && middle.y <= first.y + side);
}

test('glances are of the whole canvas, and the first is small', () => {
  const [first, second] = glancesOf(createScene(1, HOME, SIZE.width), SIZE);
  assert.ok(first.width * first.height < 5000 && second.width > first.width);
  assert.ok(Math.abs(first.width / first.height - SIZE.width / SIZE.height) < 0.05);
  assert.equal(glancesOf(createScene(1, DEEP, SIZE.width), SIZE).length, 1);
});

test('what the kernel computes for a tile is what lies there, at any depth', () => {
  for (const base of [HOME, { ...HOME, max_iter: 10_000_000 }, DEEP]) {
    const scene = createScene(1, base, SIZE.width);
    for (const [i, j, scale] of [[0, 0, 1], [-1, -1, 1], [7, 8, 1], [-40, 3, 1], [-9, 12, 0.5], [5, -8, 0.5]]) {
      const side = 256 * scale;
      const { view, task } = errandOf(scene, { key: '', i, j, x: (i - 0.5) * side, y: (j - 0.5) * side, width: side, height: side });
      assert.ok(view.width ** 2 * base.max_iter <= 2 ** 46, 'the kernel refuses more');
      const samples = pitch(view, view.width);
      assert.ok(Math.abs(ratio(samples, scene.step) - scale) < 1e-9);
      // The tile's middle, as the kernel places it and as the page draws it.
      const at = tasksOf(view.width / 256).indexOf(task);
      const column = (at % (view.width / 256) + 0.5) * 256 - view.width / 2;
      const row = (Math.floor(at / (view.width / 256)) + 0.5) * 256 - view.height / 2;
      const computed = moved(view, view.width, column, row);
      const drawn = moved(base, SIZE.width, i * side, j * side);
      assert.ok(Math.abs(difference(computed.re, drawn.re, scene.step)) < 0.02, `${i} ${j}`);
      assert.ok(Math.abs(difference(computed.im, drawn.im, scene.step)) < 0.02, `${i} ${j}`);
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
