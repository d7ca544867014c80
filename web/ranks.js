// Colours by rank, for the screen: which part of what is seen has lower numbers than a pixel.
//
// Numbers are turns of a palette's ring, as look.rs in crates/browser gives them, and so are the ranks made of them: from 0 to one
// turn. What crates/fractal/src/histogram.rs does for a file, in bins that are at least as narrow.

const TURN = 2 ** 20;
const ROOT_BITS = 25; // above them the root of Newton's method, which has no rank
const REST = (1 << ROOT_BITS) - 1;
const BIN_BITS = 8; // of a number: levels that lie further apart have a bin each
const BINS = (10 * TURN) >> BIN_BITS; // the largest level is below 10 turns

/** @typedef {[left: number, top: number, right: number, bottom: number]} Box pixels of a tile */
/** @typedef {Int32Array} Ranks for each bin the part below it, in 2^-20; one more for all */

/** How often each number occurs in parts of tiles. @returns {Uint32Array} */
export const nothing = () => new Uint32Array(BINS);

/**
 * Adds a part of a tile; the inside has no rank.
 * @param {Uint32Array} counts
 * @param {Int32Array} turns row by row
 * @param {number} width of the tile
 * @param {Box} part
 */
export function count(counts, turns, width, [left, top, right, bottom]) {
  for (let row = top; row < bottom; row += 1) {
    for (let at = row * width + left; at < row * width + right; at += 1) {
      if (turns[at] >= 0) counts[(turns[at] & REST) >> BIN_BITS] += 1;
    }
  }
}

/** @param {Uint32Array} counts @returns {Ranks} */
export function ranksOf(counts) {
  const all = counts.reduce((sum, each) => sum + each, 0) || 1;
  const below = new Int32Array(BINS + 1);
  let sum = 0;
  for (let bin = 0; bin < BINS; bin += 1) {
    sum += counts[bin];
    below[bin + 1] = Math.round((sum / all) * TURN);
  }
  return below;
}

/** Ranks in place of the numbers; within a bin they count as evenly spread. @param {Int32Array} turns @param {Ranks} below */
export function ranked(turns, below) {
  const width = 1 << BIN_BITS;
  return turns.map((turn) => {
    if (turn < 0) return turn;
    const bin = (turn & REST) >> BIN_BITS;
    const rank = below[bin] + (((below[bin + 1] - below[bin]) * (turn & (width - 1))) >> BIN_BITS);
    return (turn & ~REST) | rank;
  });
}
