// How fast a job goes: its rate, when it may be done, and what the others add. From arrivals alone.

import { timeRange } from './words.js';

const PARTS = 4; // of the lately arrived, whose rates tell how sure the estimate is
const MINE_MIN = 4; // tiles by this tab before it is compared with

/** @typedef {{arrivals: number[], total: number, tiles: {size: number}, by: Record<string, number>}} Pace of a running job; arrivals in milliseconds */

/**
 * Seconds that are left, at least and at most; `null` before that can be said.
 * @param {Pace} job
 * @param {number} now
 * @returns {[number, number] | null}
 */
export function leftOf({ arrivals, total, tiles }, now) {
  if (arrivals.length < 2 * PARTS) return null;
  const count = Math.floor(arrivals.length / PARTS);
  /** @type {number[]} */
  const rates = [];
  for (let part = 0; part < PARTS; part += 1) {
    const from = arrivals.length - 1 - (part + 1) * count;
    const begin = arrivals[Math.max(from, 0)];
    const end = part ? arrivals[arrivals.length - 1 - part * count] : Math.max(now, arrivals[arrivals.length - 1]);
    rates.push((count * 1000) / Math.max(end - begin, 1));
  }
  const mean = ((arrivals.length - 1) * 1000) / Math.max(now - arrivals[0], 1);
  const spread = Math.sqrt(rates.reduce((sum, rate) => sum + (rate - mean) ** 2, 0) / PARTS) / Math.sqrt(PARTS);
  const left = total - tiles.size;
  return [left / (mean + spread), left / Math.max(mean - spread, mean / 3)];
}

/** The estimate in words, a range where its ends read differently. @param {[number, number]} left */
export function leftText([least, most]) {
  return timeRange(Math.ceil(least), Math.ceil(most));
}

/**
 * How many times as fast as this tab alone, by what each has done; `null` while this tab does too little.
 * @param {Pace} job
 * @param {string[]} names of this tab
 */
export function speedUp({ tiles, by }, names) {
  const mine = names.reduce((sum, name) => sum + (by[name] ?? 0), 0);
  return mine < MINE_MIN ? null : tiles.size / mine;
}
