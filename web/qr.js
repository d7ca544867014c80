// A QR code of a short text, as ISO/IEC 18004 has it: byte mode, correction level M, versions 1 to 9.
//
// That is 180 bytes, more than a link to a job has. No other modes, and no decoder.

export const QR_BYTES_MAX = 180;

const VERSION_MAX = 9;
/** Of level M, by version: correction codewords of a block, and blocks. */
const CHECKS = [0, 10, 16, 26, 18, 24, 16, 18, 22, 22];
const BLOCKS = [0, 1, 1, 1, 2, 2, 4, 4, 4, 5];

/** Powers of 2 in GF(256), and their logarithms. */
const EXP = new Uint8Array(255);
const LOG = new Uint8Array(256);
for (let power = 0, value = 1; power < 255; power += 1) {
  [EXP[power], LOG[value]] = [value, power];
  value = (value << 1) ^ (value & 128 ? 0x11d : 0);
}

/** @param {number} a @param {number} b */
const times = (a, b) => (a && b ? EXP[(LOG[a] + LOG[b]) % 255] : 0);

/** @param {number} version */
const centres = (version) => (version < 2 ? [] : version < 7 ? [6, 4 * version + 10] : [6, 2 * version + 8, 4 * version + 10]);

/** Codewords that fit, data and correction. @param {number} version */
function room(version) {
  const count = centres(version).length;
  const aligned = count ? (25 * count - 10) * count - 55 : 0;
  return ((16 * version + 128) * version + 64 - aligned - (version < 7 ? 0 : 36)) >> 3;
}

/** The remainder of a division by the generator: Reed and Solomon's check. @param {number[]} data @param {number} count */
export function checksOf(data, count) {
  let generator = [1];
  for (let power = 0; power < count; power += 1) {
    generator = [...generator, 0].map((each, at) => each ^ times(generator[at - 1] ?? 0, EXP[power]));
  }
  const rest = [...data, ...new Array(count).fill(0)];
  data.forEach((_, at) => {
    const lead = rest[at];
    generator.forEach((each, offset) => { rest[at + offset] ^= times(each, lead); });
  });
  return rest.slice(data.length);
}

/** Data in blocks, each with its checks, interleaved. @param {Uint8Array} bytes @param {number} version */
function codewords(bytes, version) {
  const [count, checks] = [BLOCKS[version], CHECKS[version]];
  const total = room(version) - count * checks;
  // Mode 4 and the length, each byte half a byte late, and padding.
  const data = [0x40 | (bytes.length >> 4)];
  let half = bytes.length & 15;
  for (const byte of bytes) {
    data.push((half << 4) | (byte >> 4));
    half = byte & 15;
  }
  data.push(half << 4);
  for (let pad = 0xec; data.length < total; pad ^= 0xec ^ 0x11) data.push(pad);
  const short = Math.floor(total / count);
  const shortCount = count - (total % count);
  let from = 0;
  const blocks = Array.from({ length: count }, (_, at) =>
    data.slice(from, from += short + (at < shortCount ? 0 : 1)));
  const interleaved = (/** @type {number[][]} */ lists) =>
    Array.from({ length: Math.max(...lists.map(({ length }) => length)) }, (_, at) => lists.map((list) => list[at]))
      .flat().filter((word) => word !== undefined);
  return [...interleaved(blocks), ...interleaved(blocks.map((block) => checksOf(block, checks)))];
}

/** @param {number} value @param {number} polynomial @param {number} bits of the remainder */
function checked(value, polynomial, bits) {
  let rest = value << bits;
  for (let at = 31 - Math.clz32(rest); at >= bits; at = 31 - Math.clz32(rest)) rest ^= polynomial << (at - bits);
  return (value << bits) | rest;
}

/** @type {((x: number, y: number) => number)[]} */
const MASKS = [
  (x, y) => (x + y) % 2, (_, y) => y % 2, (x) => x % 3, (x, y) => (x + y) % 3,
  (x, y) => ((x / 3 | 0) + (y >> 1)) % 2, (x, y) => (x * y) % 2 + (x * y) % 3,
  (x, y) => ((x * y) % 2 + (x * y) % 3) % 2, (x, y) => ((x + y) % 2 + (x * y) % 3) % 2,
];

/** How hard to read, by the standard's four rules. @param {number[][]} rows */
function penalty(rows) {
  let points = 0;
  const columns = rows.map((_, x) => rows.map((row) => row[x]));
  for (const line of [...rows, ...columns]) {
    const text = line.join('');
    for (const [run] of text.matchAll(/0{5,}|1{5,}/g)) points += run.length - 2;
    points += 40 * [...text.matchAll(/(?=00001011101|10111010000)/g)].length;
  }
  rows.slice(1).forEach((row, y) => row.slice(1).forEach((each, x) => {
    if (rows[y][x] === each && rows[y][x + 1] === each && row[x] === each) points += 3;
  }));
  const dark = rows.flat().reduce((sum, each) => sum + each, 0);
  return points + 10 * Math.floor(Math.abs((20 * dark) / rows.length ** 2 - 10));
}

/**
 * The modules of a text's code, row by row: 1 is dark. Null when the text is too long.
 * @param {string} text
 * @returns {number[][] | null}
 */
export function qrOf(text) {
  const bytes = new TextEncoder().encode(text);
  let version = 1;
  while (room(version) - BLOCKS[version] * CHECKS[version] < bytes.length + 2) if (++version > VERSION_MAX) return null;
  const side = 4 * version + 17;
  /** What is dark whatever the text; undefined where the text goes. @type {(number | undefined)[][]} */
  const fixed = Array.from({ length: side }, () => new Array(side).fill(undefined));
  drawFixed(fixed, version);
  const words = codewords(bytes, version);
  let best = null;
  let least = Infinity;
  MASKS.forEach((mask, number) => {
    const rows = filled(fixed, words, mask);
    drawFormat(rows, number);
    const points = penalty(rows);
    if (points < least) [best, least] = [rows, points];
  });
  return best;
}

/** Finders, timing, alignment, version, and the room for the format. @param {(number | undefined)[][]} rows @param {number} version */
function drawFixed(rows, version) {
  const side = rows.length;
  /** @param {number} cx @param {number} cy @param {number} reach @param {number[]} light distances from the middle */
  const square = (cx, cy, reach, light) => {
    for (let y = Math.max(0, cy - reach); y <= Math.min(side - 1, cy + reach); y += 1) {
      for (let x = Math.max(0, cx - reach); x <= Math.min(side - 1, cx + reach); x += 1) {
        rows[y][x] = light.includes(Math.max(Math.abs(x - cx), Math.abs(y - cy))) ? 0 : 1;
      }
    }
  };
  for (let at = 0; at < side; at += 1) rows[6][at] = rows[at][6] = 1 - (at & 1);
  const spots = centres(version);
  for (const y of spots) for (const x of spots) {
    const corner = [x, y].filter((each) => each === 6).length;
    if (corner === 2 || (corner === 1 && Math.max(x, y) === side - 7)) continue;
    square(x, y, 2, [1]);
  }
  for (const [x, y] of [[3, 3], [side - 4, 3], [3, side - 4]]) square(x, y, 4, [2, 4]);
  drawFormat(/** @type {number[][]} */ (rows), 0);
  if (version < 7) return;
  const bits = checked(version, 0x1f25, 12);
  for (let at = 0; at < 18; at += 1) {
    const [a, b] = [side - 11 + (at % 3), Math.floor(at / 3)];
    rows[b][a] = rows[a][b] = (bits >> at) & 1;
  }
}

/** Level M and the mask, twice. @param {number[][]} rows @param {number} mask */
function drawFormat(rows, mask) {
  const side = rows.length;
  const bits = checked(mask, 0x537, 10) ^ 0x5412;
  for (let at = 0; at < 15; at += 1) {
    const bit = (bits >> at) & 1;
    const near = at < 6 ? at : at < 8 ? at + 1 : at === 8 ? 7 : 14 - at;
    if (at < 8) [rows[near][8], rows[8][side - 1 - at]] = [bit, bit];
    else [rows[8][near], rows[side - 15 + at][8]] = [bit, bit];
  }
  rows[side - 8][8] = 1;
}

/** @param {(number | undefined)[][]} fixed @param {number[]} words @param {(x: number, y: number) => number} mask */
function filled(fixed, words, mask) {
  const side = fixed.length;
  const rows = fixed.map((row) => [...row]);
  let bit = 0;
  for (let right = side - 1; right > 0; right -= 2) {
    if (right === 6) right = 5; // the column of the timing pattern
    const upwards = ((right + 1) & 2) === 0;
    for (let step = 0; step < side; step += 1) {
      const y = upwards ? side - 1 - step : step;
      for (const x of [right, right - 1]) {
        if (rows[y][x] !== undefined) continue;
        const dark = ((words[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
        rows[y][x] = dark ^ (mask(x, y) === 0 ? 1 : 0);
        bit += 1;
      }
    }
  }
  return /** @type {number[][]} */ (rows);
}
