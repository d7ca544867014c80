// The file that is saved, read back by other code than wrote it: node's zlib, and a filter by hand.

import test from 'node:test';
import assert from 'node:assert/strict';
import { crc32, inflateSync } from 'node:zlib';
import { encodePng } from './png.js';

/** @param {{width: number, height: number, rows: number, pixel: (x: number, y: number) => number[]}} picture */
async function encode({ width, height, rows, pixel }) {
  const band = async (/** @type {number} */ top, /** @type {number} */ count) => {
    const line = (/** @type {number} */ y) => Array.from({ length: width }, (_, x) => [...pixel(x, y), 255]).flat();
    return Uint8Array.from(Array.from({ length: count }, (_, row) => line(top + row)).flat());
  };
  /** @type {Uint8Array[]} */
  const pieces = [];
  await encodePng({ width, height, rows, band, texts: { Software: 'Millefeuille – test' } }, async (piece) => void pieces.push(piece));
  return Buffer.concat(pieces);
}

/** @param {Buffer} file */
function chunks(file) {
  assert.deepEqual([...file.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
  const found = [];
  for (let at = 8; at < file.length;) {
    const length = file.readUInt32BE(at);
    const checked = file.subarray(at + 4, at + 8 + length);
    assert.equal(file.readUInt32BE(at + 8 + length), crc32(checked));
    found.push({ type: checked.toString('latin1', 0, 4), body: checked.subarray(4) });
    at += length + 12;
  }
  return found;
}

/** Undoes the filters Sub (1) and Up (2). @param {Buffer} lines @param {number} stride */
function unfiltered(lines, stride) {
  const out = [];
  let above = new Uint8Array(stride);
  for (let at = 0; at < lines.length; at += stride + 1) {
    const [filter, ...bytes] = lines.subarray(at, at + stride + 1);
    assert.ok(filter === 1 || filter === 2);
    const row = new Uint8Array(stride);
    bytes.forEach((byte, x) => { row[x] = byte + (filter === 2 ? above[x] : x < 3 ? 0 : row[x - 3]); });
    out.push(...row);
    above = row;
  }
  return out;
}

test('a picture comes back pixel for pixel, over the edges of bands', async () => {
  const [width, height] = [7, 11];
  // Rows that are alike and rows that are not, so that both filters are chosen.
  const pixel = (/** @type {number} */ x, /** @type {number} */ y) =>
    (y % 3 ? [x * 40, 255 - x, 7] : [(x * 97 + y * 31) % 256, (x * x * 13 + y) % 256, 255 - y]);
  const parts = chunks(await encode({ width, height, rows: 4, pixel }));
  assert.deepEqual([parts.at(0)?.type, parts.at(1)?.type, parts.at(-1)?.type], ['IHDR', 'tEXt', 'IEND']);
  assert.deepEqual([...parts[0].body], [0, 0, 0, width, 0, 0, 0, height, 8, 2, 0, 0, 0]);
  assert.equal(parts[1].body.toString('latin1'), 'Software\0Millefeuille ? test');

  const packed = Buffer.concat(parts.filter(({ type }) => type === 'IDAT').map(({ body }) => body));
  const expected = [];
  for (let y = 0; y < height; y += 1) for (let x = 0; x < width; x += 1) expected.push(...pixel(x, y));
  assert.deepEqual(unfiltered(inflateSync(packed), width * 3), expected);
});

test('how the rows are cut into bands changes no byte', async () => {
  const pixel = (/** @type {number} */ x, /** @type {number} */ y) => [(x * x + y) % 256, (x ^ y) % 256, (x * y * 7) % 256];
  const whole = await encode({ width: 300, height: 200, rows: 200, pixel });
  const inBands = await encode({ width: 300, height: 200, rows: 7, pixel });
  const packed = (/** @type {Buffer} */ file) => inflateSync(Buffer.concat(chunks(file).filter(({ type }) => type === 'IDAT').map(({ body }) => body)));
  assert.deepEqual(packed(inBands), packed(whole));
});

test('a file that nobody takes and a band that nobody paints end the work, with the reason', async () => {
  const picture = { width: 1000, height: 4000, rows: 100, texts: {} };
  let painted = 0;
  let seed = 1;
  const band = async () => {
    painted += 1;
    return new Uint8Array(picture.width * 100 * 4).map(() => (seed = Math.imul(seed, 1664525) + 1013904223) >>> 24);
  };
  let left = 100_000;
  const full = async (/** @type {Uint8Array} */ { length }) => {
    left -= length;
    if (left < 0) throw new Error('the disk is full');
  };
  await assert.rejects(encodePng({ ...picture, band }, full), /the disk is full/);
  assert.ok(painted < 10, `${painted} bands were painted for nobody`);
  const broken = async (/** @type {number} */ top) => {
    if (top) throw new Error('halted');
    return band();
  };
  await assert.rejects(encodePng({ ...picture, band: broken }, async () => {}), /halted/);
});
