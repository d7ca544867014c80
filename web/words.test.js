// What a person reads: units change where a number would get long.

import test from 'node:test';
import assert from 'node:assert/strict';
import { bytesText, familyName, fileName, timeText } from './words.js';
import { sentence } from './log.js';
import { HOME } from './view.js';

test('times', () => {
  const expected = { 0: '0 sec', 9.94: '9.9 sec', 12.4: '12 sec', 89: '89 sec', 90: '2 min', 5399: '90 min', 5400: '1.5 hr' };
  for (const [seconds, text] of Object.entries(expected)) assert.equal(timeText(Number(seconds)), text);
});

test('amounts', () => {
  assert.deepEqual([0, 1499, 999_000, 1e6, 2.34e9].map(bytesText), ['0 kB', '1 kB', '999 kB', '1 MB', '2,340 MB']);
});

test('families', () => {
  const expected = {
    mandelbrot: 'Mandelbrot set', julia: 'Julia set', 'burning-ship-julia': 'Burning ship Julia set',
    'multibrot-3': 'Multibrot 3 set', 'multibrot-8-julia': 'Multibrot 8 Julia set', 'newton-3': 'Newton 3 set',
  };
  for (const [formula, name] of Object.entries(expected)) assert.equal(familyName(formula), name);
  assert.equal(familyName('of-tomorrow'), 'of-tomorrow set');
});

test('a file is named by what it shows, and fits a file system', () => {
  const view = { ...HOME, re: `-0.${'7'.repeat(500)}`, im: '0.25', zoom: '1e10', width: 640, height: 480 };
  assert.equal(fileName(view), 'millefeuille-mandelbrot_-0.77777777777_0.25_z1e10_640x480.png');
  assert.equal(fileName(), 'millefeuille.png');
});

test('an event is one sentence, or nothing', () => {
  const peer = 'a1b2c3d4e5f60718293a4b5c6d7e8f90';
  assert.equal(sentence({ what: 'worker-lost', peer, tasks: 1, left: false }), 'a1b2c3d4 was lost – 1 tile handed to others.');
  assert.equal(sentence({ what: 'worker-lost', peer, tasks: 0, left: true }), 'a1b2c3d4 left.');
  assert.equal(sentence({ what: 'peer-gone', peer, left: true }), 'a1b2c3d4 said goodbye.');
  const broken = { what: 'worker-broke', reason: 'a test', replaced: false, gone: false };
  assert.equal(sentence(broken), 'A tile worker broke down: a test.');
  assert.equal(sentence({ ...broken, replaced: true }), 'A tile worker broke down and was replaced: a test.');
  assert.match(sentence({ ...broken, gone: true }) ?? '', /none is left/);
  assert.equal(sentence({ what: 'something new' }), null);
});
