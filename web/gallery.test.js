// Everybody's tabs agree on the pictures of a day, and on which of them are taken.

import test from 'node:test';
import assert from 'node:assert/strict';
import { dayOf, isTaken } from './gallery.js';
import { HOME } from './view.js';

test('a day is the same all over the world, and another than the one before', () => {
  const noon = Date.UTC(2026, 10, 28, 12);
  assert.equal(dayOf(noon), dayOf(Date.UTC(2026, 10, 28, 23, 59, 59)));
  assert.equal(dayOf(noon) + 1, dayOf(Date.UTC(2026, 10, 29)));
});

test('a picture is taken once a job shows the same place of the same family', () => {
  const jobs = [{ view: { ...HOME, re: '0.25' } }, { view: { ...HOME, formula: 'tricorn' } }];
  assert.ok(isTaken({ ...HOME, re: '0.25', max_iter: 7 }, jobs));
  for (const other of [HOME, { ...HOME, re: '0.25', zoom: '2' }, { ...HOME, formula: 'julia', re: '0.25' }]) {
    assert.ok(!isTaken(other, jobs));
  }
});
