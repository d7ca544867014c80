// What the browser keeps of tiles stays within its limit, and the least used go first.

import test from 'node:test';
import assert from 'node:assert/strict';
import { surplus } from './kept.js';

/** @param {[string, number, number][]} list @returns {[string, {bytes: number, at: number}][]} */
const uses = (list) => list.map(([name, bytes, at]) => [name, { bytes, at }]);

test('within the limit nothing goes', () => {
  assert.deepEqual(surplus(uses([['a', 60, 1], ['b', 40, 2]]), 100), []);
  assert.deepEqual(surplus([], 0), []);
});

test('the longest unused go until there is room to write again', () => {
  const many = uses([['new', 30, 9], ['old', 30, 1], ['older', 30, 0], ['newer', 30, 10]]);
  assert.deepEqual(surplus(many, 100), ['older']); // 90 of 100 are left
  assert.deepEqual(surplus(many, 99), ['older', 'old']);
  assert.deepEqual(surplus(many, 0), ['older', 'old', 'new', 'newer']);
});
