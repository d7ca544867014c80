// What of the explorer's tiles is drawn, and in which order: coarse beneath fine, whichever came first.

import { glancesOf } from './mosaic.js';
import { difference, pitch, ratio } from './view.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {{x: number, y: number, width: number, height: number, bitmap: ImageBitmap, isStale?: boolean}} Tile in pixels of its scene */
/** @typedef {import('./mosaic.js').Scene & {size: {width: number, height: number}, glances: Map<string, Tile>, tiles: Map<string, Tile>, fine: Map<string, Tile>}} Drawn */
/** @typedef {{tiles: Iterable<Tile>, grain: number, scale: number, x: number, y: number}} Layer tiles whose computed pixels are as large as `grain` */

/** Pixels of the canvas for each computed one of a fine tile, in each direction. */
export const FINE = 0.5;
const ZOOM_OUT_MIN = 1 / 64; // what would be smaller or larger than this is not drawn
const ZOOM_IN_MAX = 4096;

/**
 * @param {CanvasRenderingContext2D} context
 * @param {View} view
 * @param {Drawn[]} scenes
 */
export function drawScenes(context, view, scenes) {
  const layers = related(scenes, view).flatMap((scene) => layersOf(scene, view, context.canvas));
  for (const layer of layers.sort((a, b) => b.grain - a.grain)) drawLayer(context, layer);
}

/** Scenes of the view's family and constant, if any of them has something to show. @param {Drawn[]} scenes @param {View} now */
function related(scenes, now) {
  const same = scenes.filter(({ view: { formula, c_re, c_im } }) => formula === now.formula && c_re === now.c_re && c_im === now.c_im);
  return same.some(({ glances, tiles }) => glances.size + tiles.size) ? same : scenes;
}

/** @param {Drawn} scene @param {View} view @param {HTMLCanvasElement} canvas @returns {Layer[]} */
function layersOf(scene, view, { width, height }) {
  const step = pitch(view, width);
  const scale = ratio(scene.step, step);
  if (!(scale > ZOOM_OUT_MIN && scale < ZOOM_IN_MAX)) return [];
  const x = width / 2 + difference(scene.view.re, view.re, step);
  const y = height / 2 - difference(scene.view.im, view.im, step);
  const glances = glancesOf(scene, scene.size).map((picture, at) => ({
    tiles: [...scene.glances].filter(([key]) => key.startsWith(`g${at}.`)).map(([, tile]) => tile),
    grain: (scale * scene.width) / picture.width, scale, x, y,
  }));
  return [...glances, { tiles: scene.tiles.values(), grain: scale, scale, x, y },
    { tiles: scene.fine.values(), grain: scale * FINE, scale, x, y }];
}

/** @param {CanvasRenderingContext2D} context @param {Layer} layer */
function drawLayer(context, { tiles, grain, scale, x, y }) {
  const { width, height } = context.canvas;
  // Edges on whole pixels: no seams, and sharp tiles are not sampled again.
  const at = (/** @type {number} */ from, /** @type {number} */ place) => Math.round(from) + Math.round(place * scale);
  context.imageSmoothingEnabled = grain !== 1;
  for (const tile of tiles) {
    const [left, top] = [at(x, tile.x), at(y, tile.y)];
    const [right, bottom] = [at(x, tile.x + tile.width), at(y, tile.y + tile.height)];
    if (tile.isStale || right <= 0 || bottom <= 0 || left >= width || top >= height) continue;
    context.drawImage(tile.bitmap, left, top, right - left, bottom - top);
  }
}
