import assert from 'node:assert/strict';
import test from 'node:test';
import { framesText, placed, sheetOf } from './sheet.js';

test('every frame has a cell of its own, and no row is empty', () => {
  for (const [width, height] of [[640, 360], [256, 256], [100, 900]]) {
    for (let count = 1; count <= 130; count += 1) {
      const sheet = sheetOf(count, { width, height });
      const seen = new Set();
      for (let frame = 0; frame < count; frame += 1) {
        const { x, y } = placed(sheet, { width, height }, { frame, x: 0, y: 0 });
        assert.ok(x + width <= sheet.width && y + height <= sheet.height);
        seen.add(`${x},${y}`);
      }
      assert.equal(seen.size, count);
      assert.ok(count * width * height > sheet.width * (sheet.height - height));
    }
  }
});

test('a sheet is about three by two', () => {
  const { width, height } = sheetOf(24, { width: 300, height: 300 });
  assert.equal(width / height, 1.5);
});

test('a tile keeps its place in its frame', () => {
  assert.deepEqual(placed({ columns: 3 }, { width: 640, height: 360 }, { frame: 4, x: 256, y: 0 }), { x: 896, y: 360 });
});

test('what it is, is said', () => {
  assert.equal(framesText({ kind: 'zoom', first: 0, count: 12, tiles: 2 }, { width: 640, height: 360 }), 'A zoom of 12 frames, 640 × 360');
});
