// Coordinates are text of any length: what is added, moved and linked stays exact.

import test from 'node:test';
import assert from 'node:assert/strict';
import {
  HOME, HOME_PALETTE, added, coordinates, difference, iterationsAt, jobOfLink, linkOf, linkOfJob, moved, number, pitch, ratio,
  viewOfLink, wide, wideOf, zoomText, zoomed,
} from './view.js';

const DEEP = { ...HOME, re: '-0.743643887037158704752191506114774', im: '0.131825904205311970493132056385139', zoom: '1e10' };

test('adding keeps digits that a double would lose', () => {
  assert.equal(added(DEEP.re, wide(1e-20), 33), '-0.743643887037158704742191506114774');
  assert.equal(added('0.1', wide(0.2), 20), '0.3');
  assert.equal(added('-0.75', wide(0.75), 10), '0');
  assert.equal(added('-1e-3', wide(0.0005), 8), '-0.0005');
  assert.equal(added('1.5e2', wide(-1), 4), '149');
});

test('adding rounds half away from zero and cuts zeros', () => {
  assert.equal(added('0.00005', wide(0), 4), '0.0001');
  assert.equal(added('-0.00005', wide(0), 4), '-0.0001');
  assert.equal(added('0.12344999', wide(0), 4), '0.1234');
  assert.equal(added('2.5', wide(0), 8), '2.5');
});

test('text that is no number is left as a person wrote it', () => {
  for (const text of ['', '-', '.', '1e', 'NaN', '0x10', '1 2', '1,5']) assert.equal(added(text, wide(1), 8), text);
  assert.equal(added('0.5', [Infinity, 0], 8), '0.5');
  assert.ok(Number.isNaN(difference('0.5', 'half')));
});

test('a difference is exact before it is rounded', () => {
  assert.equal(difference('1.00000000000000000000000000000001', '1'), 1e-32);
  assert.equal(difference('-0.5', '0.25'), -0.75);
  assert.equal(difference(`0.${'3'.repeat(400)}`, `0.${'3'.repeat(399)}2`), 0);
  assert.equal(difference(`0.${'3'.repeat(400)}`, '0.25'), 1 / 12);
  assert.equal(difference(DEEP.re, DEEP.re), 0);
});

test('moving there and back is no move, however deep', () => {
  const there = moved(DEEP, 1600, 321, -123);
  assert.notEqual(there.re, DEEP.re);
  const back = moved(there, 1600, -321, 123);
  // A thousandth of a pixel is what the text tells apart.
  assert.ok(Math.abs(difference(back.re, DEEP.re)) < number(pitch(DEEP, 1600)) / 500);
  assert.ok(Math.abs(difference(back.im, DEEP.im)) < number(pitch(DEEP, 1600)) / 500);
});

test('right is along the real axis, down against the imaginary one', () => {
  const { re, im } = moved({ ...HOME, re: '0', im: '0', zoom: '1' }, 400, 100, 100);
  assert.deepEqual([re, im], ['1', '-1']);
});

test('the point under the pointer stays under it', () => {
  const [width, x, y] = [1200, 417, -233];
  for (const factor of [2, 0.5, 1.0018]) {
    const before = moved(DEEP, width, x, y);
    const after = moved(zoomed(DEEP, width, factor, x, y), width, x, y);
    assert.ok(Math.abs(difference(before.re, after.re)) < number(pitch(DEEP, width)) / 100, `real, ${factor}`);
    assert.ok(Math.abs(difference(before.im, after.im)) < number(pitch(DEEP, width)) / 100, `imaginary, ${factor}`);
  }
});

test('zooming at the middle leaves the centre as it is written', () => {
  const { re, im, zoom } = zoomed(DEEP, 1200, 2, 0, 0);
  assert.deepEqual([re, im, Number(zoom)], [DEEP.re, DEEP.im, 2e10]);
  assert.equal(Number(zoomed({ ...HOME, zoom: '0.06' }, 1200, 1e-9, 0, 0).zoom), 0.05);
});

test('a zoom is written short, and read back', () => {
  const check = (/** @type {number} */ zoom, /** @type {string} */ text) => {
    assert.equal(zoomText(wide(zoom)), text);
    assert.ok(Math.abs(Number(text) / zoom - 1) < 1e-5);
  };
  check(1, '1');
  check(0.95, '0.95');
  check(100, '100');
  check(1234.5678, '1234.57');
  check(1e10, '1e10');
  check(1.5e300, '1.5e300');
  assert.equal(zoomText([2.5, 900]), '2.5e900');
  assert.deepEqual(wideOf('2.5e900'), [2.5, 900]);
});

/** Numbers in [0, 1), the same in every run. @param {number} seed */
function dice(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** @param {() => number} next @param {number} count */
const digits = (next, count) => Array.from({ length: count }, () => Math.floor(next() * 10)).join('');

/** A view at any depth that a link may name. @param {() => number} next @returns {import('./view.js').View} */
function anyView(next) {
  const depth = Math.floor(next() * 1080);
  const coordinate = () => `${next() < 0.5 ? '-' : ''}${Math.floor(next() * 2)}.${digits(next, depth + 4)}1`;
  const formula = ['mandelbrot', 'julia', 'burning-ship', 'newton-5', 'multibrot-4-julia'][Math.floor(next() * 5)];
  return {
    formula, re: coordinate(), im: coordinate(), zoom: zoomText([1 + 8.9 * next(), depth]),
    c_re: next() < 0.5 ? '0' : coordinate(), c_im: coordinate(), max_iter: 1 + Math.floor(next() * 1e6),
  };
}

test('two hundred views come back from their links to the last digit', () => {
  const next = dice(7);
  for (let at = 0; at < 200; at += 1) {
    const view = anyView(next);
    /** @type {import('./view.js').Palette} */
    const plain = { name: 'ocean', density: 2 ** (6 * next() - 3), offset: next() };
    /** @type {import('./view.js').Palette} */
    const palette = at % 3 ? plain : { ...plain, scale: 'rank' };
    const link = linkOf(view, palette);
    assert.deepEqual(viewOfLink(link), { view, palette });
    assert.deepEqual(viewOfLink(`${link}&later=1`), { view, palette });
    assert.equal(linkOf(view, palette), link);
  }
});

test('at any depth the point under the pointer stays, and a move is as many pixels as it says', () => {
  const next = dice(11);
  const width = 1400;
  for (let at = 0; at < 200; at += 1) {
    const view = anyView(next);
    const [x, y] = [Math.round((next() - 0.5) * width), Math.round((next() - 0.5) * 900)];
    const there = moved(view, width, x, y);
    const step = pitch(view, width);
    assert.ok(Math.abs(difference(there.re, view.re, step) - x) < 0.01, `${at}`);
    assert.ok(Math.abs(difference(there.im, view.im, step) + y) < 0.01, `${at}`);
    const after = zoomed(view, width, 0.3 + 3 * next(), x, y);
    const finer = pitch(after, width);
    const still = moved(after, width, x, y);
    assert.ok(Math.abs(difference(still.re, there.re, finer)) < 0.05, `${at}`);
    assert.ok(Math.abs(difference(still.im, there.im, finer)) < 0.05, `${at}`);
  }
});

test('zooming ends where the digits end', () => {
  let view = { ...DEEP, zoom: '1e1080' };
  for (let at = 0; at < 40; at += 1) view = zoomed(view, 1400, 2, 300, 200);
  assert.equal(view.zoom, '1e1085');
  assert.ok(view.re.length <= 1100);
  assert.equal(ratio(pitch({ ...view, zoom: '1e1085' }, 1400), pitch(view, 1400)), 1);
});

test('deeper pictures take more steps, and a text that is no depth the fewest', () => {
  const steps = ['0.05', '1', '1e4', '1e13', '1e100', '1e1000'].map(iterationsAt);
  assert.deepEqual(steps, [1600, 1600, 4500, 14000, 212100, 4000000]);
  assert.equal(iterationsAt('deep'), 1600);
});

test('both coordinates are read from one text, and one number is not taken for two', () => {
  for (const text of ['-0.75 + 0.1i', '-0.75+0.1i', '-0.75, 0.1', '-0.75 0.1', '-0.75; 0.1 i']) {
    assert.deepEqual(coordinates(text), { re: '-0.75', im: '0.1' }, text);
  }
  assert.deepEqual(coordinates('1.5e-3 - 2e-4*i'), { re: '1.5e-3', im: '-2e-4' });
  for (const text of ['', '-0.75', '1e-5', '0,5', '-', '1 2 3', 'i', '. .']) assert.equal(coordinates(text), null, text);
});

test('a permalink names what is shown', () => {
  const julia = { ...DEEP, formula: 'julia', c_re: '-0.8', c_im: '0.156', max_iter: 5000 };
  const palette = { name: 'ocean', density: 0.25, offset: -0.5 };
  for (const [view, colours] of /** @type {const} */ ([[HOME, HOME_PALETTE], [julia, palette],
    [{ ...julia, formula: 'multibrot-3-julia' }, palette]])) {
    assert.deepEqual(viewOfLink(linkOf(view, colours)), { view, palette: colours });
  }
});

test('what is damaged in a permalink is left at home', () => {
  for (const hash of ['', '#', '#main', '#p=ocean']) assert.equal(viewOfLink(hash), null);
  const link = viewOfLink('#re=oops&im=0.5&z=&i=many&f=<i>&p=<b>&d=-1&o=x&s=x');
  assert.deepEqual(link, { view: { ...HOME, im: '0.5' }, palette: HOME_PALETTE });
});

test('a job\'s link names the job and its view, and what is no id names none', () => {
  const job = '0123456789abcdef0123456789abcdef';
  const link = linkOfJob(job, DEEP, HOME_PALETTE);
  assert.equal(jobOfLink(link), job);
  assert.deepEqual(viewOfLink(link)?.view, DEEP);
  assert.equal(jobOfLink(`#job=${job}`), job);
  for (const hash of ['', '#', linkOf(DEEP, HOME_PALETTE), '#job=', '#job=0123', `#job=${job}0`, '#job=../../etc']) {
    assert.equal(jobOfLink(hash), null, hash);
  }
});
