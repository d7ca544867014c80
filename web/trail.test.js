// Back and forward lead from place to place, not through every step between them.

import test from 'node:test';
import assert from 'node:assert/strict';
import { createTrail } from './trail.js';

test('a gesture is one step of the history, and a rest begins the next', ({ mock }) => {
  mock.timers.enable({ apis: ['setTimeout'] });
  const steps = ['#first'];
  let writes = 0;
  const follow = createTrail({
    read: () => steps[steps.length - 1],
    push: (link) => { writes += 1; steps.push(link); },
    replace: (link) => { writes += 1; steps[steps.length - 1] = link; },
  });
  const drag = (/** @type {string} */ name) => {
    for (let at = 0; at < 100; at += 1) {
      follow(`#${name}${at}`);
      mock.timers.tick(20);
    }
    mock.timers.tick(2000);
  };
  drag('a');
  assert.deepEqual(steps, ['#a99']);
  drag('b');
  assert.deepEqual(steps, ['#a99', '#b99']);
  assert.ok(writes <= 2 * 6, `${writes} writes in four seconds`);
  // Back: the address is there already, and stays.
  steps.pop();
  follow('#a99');
  mock.timers.tick(2000);
  assert.deepEqual(steps, ['#a99']);
  drag('c');
  assert.deepEqual(steps, ['#a99', '#c99']);
});
