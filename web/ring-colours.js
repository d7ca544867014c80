// Turns of a palette's ring to colours, for the screen: a multiplication and a table look-up a pixel.
//
// Turns come as whole numbers, 2^20 to a turn, so that times a density of 2^12 to one their product
// holds the part of a turn in its 32 bits, and whole turns fall off by themselves.

const ENTRIES_BITS = 12; // of a ring; the entry behind them is the inside
const DENSITY_BITS = 12;
const ROOT_BITS = 25; // where crates/browser/src/look.rs puts the root of Newton's method

/** @type {Map<string, Uint32Array>} */
const rings = new Map();

/** A ring as pixels, made once. @param {string} name @param {() => Uint8Array} make RGBA */
export function ringOf(name, make) {
  const ring = rings.get(name) ?? new Uint32Array(make().slice().buffer);
  rings.set(name, ring);
  return ring;
}

/**
 * @param {Int32Array} turns at density 1, in 2^-20 turns and with roots above them; below 0 inside
 * @param {Uint32Array} ring
 * @param {{density: number, offset: number}} winding
 * @param {number} roots that the numbers tell apart, 0 for none
 * @returns {Uint8ClampedArray<ArrayBuffer>} RGBA
 */
export function colours(turns, ring, { density, offset }, roots) {
  const out = new Uint32Array(turns.length);
  const times = Math.round(density * 2 ** DENSITY_BITS);
  const begin = Math.floor((offset - Math.floor(offset)) * 2 ** 32) | 0;
  const shift = 32 - ENTRIES_BITS;
  const inside = ring[1 << ENTRIES_BITS];
  if (!roots) {
    for (let at = 0; at < out.length; at += 1) {
      const turn = turns[at];
      out[at] = turn < 0 ? inside : ring[(Math.imul(turn, times) + begin) >>> shift];
    }
    return new Uint8ClampedArray(out.buffer);
  }
  const begins = Int32Array.from({ length: 8 }, (_, root) => begin + (root / roots) * 2 ** 32);
  for (let at = 0; at < out.length; at += 1) {
    const turn = turns[at] & ((1 << ROOT_BITS) - 1);
    const root = turns[at] >>> ROOT_BITS;
    out[at] = turns[at] < 0 ? inside : ring[(Math.imul(turn, times) + begins[root]) >>> shift];
  }
  return new Uint8ClampedArray(out.buffer);
}
