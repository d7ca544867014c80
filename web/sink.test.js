// A file in pieces is the same file, wherever it goes; and one that is given up was never there.

import test from 'node:test';
import assert from 'node:assert/strict';
import { openSink } from './sink.js';

/** A place on a disk, as a browser gives it. */
function createPlace() {
  /** @type {Blob[]} */
  const written = [];
  const place = {
    /** @type {Blob | null} */
    file: null,
    isRemoved: false,
    writes: written,
    createWritable: async () => ({
      write: async (/** @type {Blob} */ part) => void written.push(part),
      close: async () => { place.file = new Blob(written); },
      abort: async () => { written.length = 0; },
    }),
    getFile: async () => place.file ?? new Blob(),
    remove: async () => { place.isRemoved = true; },
  };
  return place;
}

const pieces = Array.from({ length: 90 }, (_, at) => new Uint8Array(100_000 + at).fill(at));
const expected = Buffer.concat(pieces);

/** @param {Blob | null} file */
const bytesOf = async (file) => Buffer.from(await /** @type {Blob} */ (file).arrayBuffer());

test('without a place the pieces come back as one file', async () => {
  const sink = await openSink('image/png');
  for (const piece of pieces) await sink.write(piece);
  const file = await sink.close();
  assert.equal(file.type, 'image/png');
  assert.ok(expected.equals(await bytesOf(file)));
});

test('a place gets large pieces, and nothing is kept of them', async () => {
  const place = createPlace();
  const sink = await openSink('image/png', /** @type {any} */ (place));
  for (const piece of pieces) await sink.write(piece);
  assert.equal(place.file, null);
  assert.equal((await sink.close()).size, 0);
  assert.ok(expected.equals(await bytesOf(place.file)));
  assert.deepEqual(place.writes.map(({ size }) => size > 2 ** 22), [true, true, false]);
});

test('a file that is given up leaves no empty one, and spares one that was there', async () => {
  const place = createPlace();
  const sink = await openSink('image/png', /** @type {any} */ (place));
  for (const piece of pieces) await sink.write(piece);
  await sink.abort();
  assert.deepEqual([place.file, place.isRemoved], [null, true]);
  const other = createPlace();
  other.file = new Blob(['older']);
  await (await openSink('image/png', /** @type {any} */ (other))).abort();
  assert.deepEqual([other.file.size, other.isRemoved], [5, false]);
});
