// The same tiles from native code and from the page's wasm kernel, bit for bit.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { computeTile, digest, loadKernel, tilesProgram } from '../kernel.mjs';

const tiles = tilesProgram('debug');

test('500 random tiles are the same bytes in Node', async () => {
  const kernel = await loadKernel();
  const lines = execFileSync(tiles, ['1', '500'], { maxBuffer: 1 << 26 }).toString().trim();
  const expected = lines.split('\n').map((line) => JSON.parse(line));
  assert.equal(expected.length, 500);
  for (const tile of expected) {
    const bytes = computeTile(kernel, tile.params, tile.task);
    assert.equal(digest(bytes), tile.digest, JSON.stringify(tile));
  }
});

test('the kernel refuses what is no job', async () => {
  const kernel = await loadKernel();
  assert.throws(() => new kernel.Tile(new Uint8Array([1, 2, 3]), 0), Error);
  const [line] = execFileSync(tiles, ['1', '1']).toString().trim().split('\n');
  const { params } = JSON.parse(line);
  assert.throws(() => new kernel.Tile(Buffer.from(params, 'hex'), 1 << 30), /no such task/);
});
