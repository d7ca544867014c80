// What is counted of a job: tiles once each, a rate while it runs, an end that stays.

import test from 'node:test';
import assert from 'node:assert/strict';
import { hueOf, nameSelf, noteRefused, noteState, noteTile, openJob, prune, rateOf, scaleFor, spare } from './jobs.js';
import { HOME } from './view.js';

// The one thing of a document that a job needs.
globalThis.document = /** @type {any} */ ({ createElement: () => ({}) });

/** @param {string} picture @param {number} tasks */
function job(picture, tasks, width = 512, height = 256) {
  return openJob({ picture, owner: 'self', mine: true, tasks, view: { ...HOME, width, height } });
}

test('a tile counts once, for whoever was first', () => {
  const two = job('a', 2);
  noteTile(two, 0, 'ann');
  noteTile(two, 0, 'bob');
  assert.deepEqual([two.tiles.size, two.by], [1, { ann: 1 }]);
});

test('a job ends here when all of it is here', () => {
  const two = job('a', 2);
  noteTile(two, 0, 'ann');
  noteState(two, 'finished');
  assert.equal(two.state, 'running');
  noteTile(two, 1, 'ann');
  noteState(two, 'finished');
  const { endedAt } = two;
  assert.ok(endedAt > 0);
  noteState(two, 'orphaned');
  assert.deepEqual([two.state, two.endedAt], ['finished', endedAt]);
});

test('a job that is refused says why, and a finished one is not refused', () => {
  const [one, done] = [job('a', 1), job('b', 1)];
  noteTile(done, 0, 'ann');
  noteState(done, 'finished');
  for (const each of [one, done]) noteRefused(each, 'too many jobs are under way here');
  assert.deepEqual([one.state, one.reason], ['refused', 'Too many jobs are under way here.']);
  assert.deepEqual([done.state, done.reason], ['finished', '']);
});

test('what a tab did before it had a name is its own', () => {
  const three = job('a', 3);
  for (const [task, worker] of ['self', 'ann', 'me'].entries()) noteTile(three, task, worker);
  nameSelf(three, 'me');
  assert.deepEqual(three.by, { ann: 1, me: 2 });
  assert.deepEqual([...three.tiles.values()], ['me', 'ann', 'me']);
});

test('a rate is of the last tiles, and of a running job only', () => {
  const many = job('a', 300);
  assert.equal(rateOf(many), 0);
  for (let task = 0; task < 100; task += 1) noteTile(many, task, 'ann');
  assert.equal(many.arrivals.length, 48);
  const now = performance.now();
  many.arrivals = Array.from({ length: 48 }, (_, at) => now - (47 - at) * 10);
  assert.ok(Math.abs(rateOf(many) - 100) < 5, `${rateOf(many)}`);
  noteState(many, 'cancelled');
  assert.equal(rateOf(many), 0);
});

test('of too many jobs the one that ended longest ago goes, never one that runs', () => {
  const jobs = new Map(Array.from({ length: 13 }, (_, at) => [`${at}`, job(`${at}`, 1)]));
  assert.equal(prune(jobs), null);
  for (const [at, id] of ['7', '3', '9'].entries()) Object.assign(jobs.get(id) ?? {}, { state: 'cancelled', endedAt: 100 + at });
  assert.equal(prune(jobs), '7');
  assert.deepEqual([jobs.size, jobs.has('7'), prune(jobs)], [12, false, null]);
});

test('numbers can be spared of what is neither shown nor rendered for this tab', () => {
  const jobs = new Map(['a', 'b', 'c'].map((id) => [id, job(id, 1)]));
  for (const id of ['a', 'c']) Object.assign(jobs.get(id) ?? {}, { state: 'cancelled' });
  Object.assign(jobs.get('b') ?? {}, { mine: true });
  assert.deepEqual(spare(jobs, 'c'), ['a']);
  assert.deepEqual(spare(jobs, null), ['a', 'c']);
  Object.assign(jobs.get('b') ?? {}, { mine: false });
  assert.deepEqual([spare(jobs, 'b'), spare(jobs, null)], [['a', 'c'], ['a', 'b', 'c']]);
});

test('a large picture is drawn smaller by a power of two, so that tiles keep whole pixels', () => {
  const check = (/** @type {[number, number]} */ [width, height], /** @type {number[]} */ expected) => {
    const { canvas, scale } = job('a', 1, width, height);
    assert.deepEqual([canvas.width, canvas.height, scale], expected);
  };
  check([2560, 1440], [2560, 1440, 1]);
  check([2561, 1440], [1281, 720, 2]);
  check([16_384, 100], [2048, 13, 8]);
});

test('a canvas is no finer than the screen', () => {
  const scale = (/** @type {number} */ width, /** @type {number} */ height) => scaleFor({ width, height }, { width: 1280, height: 900 });
  assert.deepEqual([scale(1280, 720), scale(1920, 1080), scale(2048, 2048), scale(3840, 2160), scale(100, 1799), scale(100, 1800)], [1, 1, 2, 2, 1, 2]);
  assert.equal(scaleFor({ width: 16_384, height: 16_384 }, { width: 3840, height: 2160 }), 8);
});

test('hues of neighbours are far apart, and a peer keeps its own', () => {
  const hues = Array.from({ length: 8 }, (_, at) => hueOf(`peer ${at}`));
  for (const [at, hue] of hues.entries()) {
    assert.equal(hueOf(`peer ${at}`), hue);
    for (const other of hues.slice(at + 1)) {
      const apart = Math.abs(hue - other);
      assert.ok(Math.min(apart, 360 - apart) > 20, `${hue} and ${other}`);
    }
  }
  for (let at = 0; at < 2000; at += 1) hueOf(`peer ${at}`);
  const late = hueOf('abcdef0123');
  assert.ok(late >= 0 && late < 360 && late === hueOf('abcdef0123'));
});
