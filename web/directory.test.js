// Which jobs of the network are shown, and in which order.

import test from 'node:test';
import assert from 'node:assert/strict';
import { ordered } from './directory.js';

/** @param {string} id @param {number} created @param {'running' | 'finished' | 'cancelled'} state */
const job = (id, created, state) => /** @type {any} */ ({ id, created, state });

test('what runs comes first, then the latest, and what was stopped is not shown', () => {
  const jobs = [job('a', 5, 'finished'), job('b', 9, 'cancelled'), job('c', 1, 'running'), job('d', 7, 'finished'), job('e', 3, 'running')];
  assert.deepEqual(ordered(jobs).map(({ id }) => id), ['e', 'c', 'd', 'a']);
});

test('a long directory is cut, and what is given stays as it was', () => {
  const jobs = Array.from({ length: 100 }, (_, at) => job(String(at), at, 'finished'));
  assert.equal(ordered(jobs).length, 24);
  assert.equal(ordered(jobs)[0].id, '99');
  assert.equal(jobs[0].id, '0');
});
