// Estimates are ranges that hold what comes, and claim nothing before there is something to go by.

import test from 'node:test';
import assert from 'node:assert/strict';
import { leftOf, leftText, speedUp } from './pace.js';

/** @param {number[]} arrivals @param {number} total @param {Record<string, number>} [by] */
const job = (arrivals, total, by = {}) => ({ arrivals, total, tiles: { size: arrivals.length }, by });

test('an even pace gives a narrow range around the truth', () => {
  const arrivals = Array.from({ length: 40 }, (_, at) => 1000 + at * 100);
  const left = leftOf(job(arrivals, 140), 4900);
  assert.ok(left && left[0] <= 10.01 && left[1] >= 9.9 && left[1] - left[0] < 0.6, `${left}`);
});

test('an uneven pace gives a wide one, and a standstill a longer one', () => {
  const arrivals = Array.from({ length: 40 }, (_, at) => (at < 20 ? at * 100 : 2000 + (at - 20) * 400));
  const left = leftOf(job(arrivals, 140), 9600);
  assert.ok(left && left[1] > 1.3 * left[0], `${left}`);
  const later = leftOf(job(arrivals, 140), 30_000);
  assert.ok(later && left && later[1] > left[1]);
});

test('nothing is said of a few tiles', () => {
  assert.equal(leftOf(job([1, 2, 3], 9), 4), null);
  assert.equal(speedUp(job([], 9, { me: 3 }), ['me']), null);
});

test('ranges read well', () => {
  assert.equal(leftText([9.2, 9.6]), 'about 10 sec left');
  assert.equal(leftText([20, 34]), '20 to 34 sec left');
  assert.equal(leftText([70, 200]), '70 sec to 3 min left');
});

test('the speed-up is what all did for each tile of this tab', () => {
  const by = { self: 2, me: 8, other: 30 };
  assert.equal(speedUp({ ...job([], 0, by), tiles: { size: 40 } }, ['self', 'me']), 4);
});
