// How the explorer cuts what it shows into tiles, so that what was computed stays when the view moves.
//
// A scene is a view's family, constant, limit and pitch: panning stays within it, zooming leaves it.
// Around the place where it began lies an endless grid of tiles. A tile is a task of a large square
// picture that is never computed as a whole: so all of them have one reference orbit in deep scenes.
// Places are in pixels of the canvas, from where the scene began, which is the middle of tile 0, 0.
// Glances are small pictures of the whole canvas, for the time until the tiles are there.

import { difference, pitch, shifted, wide, wideOf } from './view.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {{id: number, view: View, width: number, step: import('./view.js').Wide}} Scene */
/** @typedef {{key: string, i: number, j: number, x: number, y: number, width: number, height: number}} Place */

/** Pixels of the canvas for each of a glance. */
const GLANCES = [16, 4];
const GLANCE_EXPONENT_MAX = 60; // deeper, a second glance takes longer for its orbit than for its pixels
const TILE = 256;
/** Tiles along a side of the square pictures, odd. Fewer where a picture would cost more than is allowed. */
const sideOf = (/** @type {Scene} */ { view }) => (view.max_iter > 2 ** 22 ? 7 : 15);

/** @param {number} id @param {View} view @param {number} width of the canvas @returns {Scene} */
export const createScene = (id, view, width) => ({ id, view, width, step: pitch(view, width) });

/** Whether tiles of the scene belong into a view. @param {Scene | undefined} scene @param {View} view @param {number} width */
export function holds(scene, view, width) {
  return Boolean(scene) && scene?.width === width
    && /** @type {const} */ (['formula', 'zoom', 'c_re', 'c_im', 'max_iter']).every((name) => scene.view[name] === view[name]);
}

/** Where the middle of a view lies in a scene of the same pitch. @param {Scene} scene @param {View} view */
export const middleOf = ({ view: { re, im }, step }, view) =>
  ({ x: difference(view.re, re, step), y: -difference(view.im, im, step) });

/**
 * The tiles that lie in a canvas around a middle, nearest to it first.
 * @param {number} scale pixels of the canvas for each computed one
 * @param {{x: number, y: number}} middle
 * @param {{width: number, height: number}} size
 * @returns {Place[]}
 */
export function placesIn(scale, { x, y }, { width, height }) {
  const side = TILE * scale;
  const first = (/** @type {number} */ edge) => Math.floor(edge / side + 0.5);
  const last = (/** @type {number} */ edge) => Math.ceil(edge / side - 0.5);
  const places = [];
  for (let j = first(y - height / 2); j <= last(y + height / 2); j += 1) {
    for (let i = first(x - width / 2); i <= last(x + width / 2); i += 1) {
      places.push({ key: `${i}.${j}`, i, j, x: (i - 0.5) * side, y: (j - 0.5) * side, width: side, height: side });
    }
  }
  const far = (/** @type {Place} */ at) => Math.hypot(at.i * side - x, at.j * side - y);
  return places.sort((a, b) => far(a) - far(b));
}

/**
 * The picture and the task by which the kernel knows a tile.
 * @param {Scene} scene
 * @param {Place} place
 * @returns {{view: View & {width: number, height: number}, task: number}}
 */
export function errandOf(scene, { i, j, width }) {
  const count = sideOf(scene);
  const samples = count * TILE;
  const scale = width / TILE;
  const half = (count - 1) / 2;
  const block = (/** @type {number} */ at) => Math.floor((at + half) / count);
  const within = (/** @type {number} */ at) => at + half - block(at) * count;
  const shift = (/** @type {number} */ at) => block(at) * samples * scale;
  const [m, e] = wideOf(scene.view.zoom);
  const zoom = wide((m * scene.width) / (samples * scale), e);
  const view = {
    ...shifted(scene.view, scene.step, shift(i), shift(j)), zoom: `${zoom[0]}e${zoom[1]}`, width: samples, height: samples,
  };
  return { view, task: tasksOf(count)[within(j) * count + within(i)] };
}

/**
 * The glances of a scene, the coarsest first.
 * @param {Scene} scene
 * @param {{width: number, height: number}} size
 */
export function glancesOf({ view }, { width, height }) {
  const scales = wideOf(view.zoom)[1] > GLANCE_EXPONENT_MAX ? GLANCES.slice(0, 1) : GLANCES;
  return scales.map((scale) => ({ ...view, width: Math.ceil(width / scale), height: Math.ceil(height / scale) }));
}

/** @type {Map<number, number[]>} */
const orders = new Map();

/**
 * The task of each tile of a square picture, row by row: the kernel numbers them from the middle.
 * @param {number} count of tiles along a side
 */
export function tasksOf(count) {
  const known = orders.get(count);
  if (known) return known;
  const far = (/** @type {number} */ at) => (2 * (at % count) + 1 - count) ** 2 + (2 * Math.floor(at / count) + 1 - count) ** 2;
  const tasks = Array(count * count).fill(0);
  [...tasks.keys()].sort((a, b) => far(a) - far(b)).forEach((at, task) => { tasks[at] = task; });
  orders.set(count, tasks);
  return tasks;
}
