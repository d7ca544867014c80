// The explorer: a canvas of tiles on which one drags, zooms and types, and which sharpens when left alone.
//
// What was computed stays: panning asks for what came into sight, and after a zoom the tiles of before
// lie scaled beneath until sharper ones arrive. It knows tiles and how they lie; gestures are in
// gestures.js, numbers are the workers', and which view is shown is the caller's.

import { LAYERS, createScene, errandOf, holds, middleOf, placesIn } from './mosaic.js';
import { difference, pitch, ratio } from './view.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {import('./mosaic.js').Place} Place */
/** @typedef {import('./mosaic.js').Scene & {tiles: Map<string, Place & {bitmap: ImageBitmap}>, isRefused: boolean}} Shown */

const PIXELS_MAX = 2200 * 1400; // above it the canvas has coarser pixels than the screen
const SCENES_MAX = 5; // what lies beneath; older ones go
const TILES_MAX = 320; // bitmaps in memory, of all scenes
const SCENE_MILLIS = 110; // between two scenes while a finger zooms
const ZOOM_OUT_MIN = 1 / 64; // what would be smaller or larger than this is not drawn
const ZOOM_IN_MAX = 4096;

/**
 * @param {object} options
 * @param {HTMLCanvasElement} options.canvas
 * @param {(name: string, view: View & {width: number, height: number}, task: number) => void} options.request
 * @param {(prefix: string) => void} options.forget
 * @param {() => number} options.inFlightMax tiles to ask for at once
 * @param {(done: number, total: number) => void} options.onProgress sharp tiles in sight
 */
export function createViewer({ canvas, request, forget, inFlightMax, onProgress }) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { alpha: false }));
  /** The latest last. @type {Shown[]} */
  const scenes = [];
  /** @type {View | null} */
  let view = null;
  /** Wanted, in this order, and not asked for yet. @type {Place[]} */
  let queue = [];
  /** Asked for, of the latest scene. @type {Map<string, string>} name to key */
  const inFlight = new Map();
  let created = 0;
  let sceneTimer = 0;
  let sceneAt = -SCENE_MILLIS;
  let isDue = false;

  const scene = () => scenes.at(-1);
  const nameOf = (/** @type {Shown} */ { id }, /** @type {string} */ key) => `x.${id}.${key}.`;

  function resize() {
    const { clientWidth, clientHeight } = canvas;
    if (!clientWidth || !clientHeight) return;
    const scale = Math.min(devicePixelRatio || 1, Math.sqrt(PIXELS_MAX / (clientWidth * clientHeight)));
    const [width, height] = [clientWidth, clientHeight].map((side) => Math.max(1, Math.round(side * scale)));
    if (canvas.width === width && canvas.height === height) return;
    Object.assign(canvas, { width, height });
    draw();
    if (view) show(view);
  }
  new ResizeObserver(resize).observe(canvas);

  // Drawing.

  function schedule() {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(draw);
  }

  function draw() {
    isDue = false;
    context.fillStyle = '#120b08';
    context.fillRect(0, 0, canvas.width, canvas.height);
    if (!view) return;
    const step = pitch(view, canvas.width);
    const latest = scene();
    for (const each of latest && isSharp(latest) ? [latest] : scenes) {
      const scale = ratio(each.step, step);
      if (!(scale > ZOOM_OUT_MIN && scale < ZOOM_IN_MAX)) continue;
      const x = canvas.width / 2 + difference(each.view.re, view.re, step);
      const y = canvas.height / 2 - difference(each.view.im, view.im, step);
      drawScene(each, scale, x, y);
    }
  }

  /** @param {Shown} each @param {number} scale @param {number} x @param {number} y where it began, on the canvas */
  function drawScene({ tiles }, scale, x, y) {
    // Edges on whole pixels: no seams, and sharp tiles are not sampled again.
    const at = (/** @type {number} */ from, /** @type {number} */ place) => Math.round(from) + Math.round(place * scale);
    for (let layer = 0; layer < LAYERS.length; layer += 1) {
      context.imageSmoothingEnabled = scale * LAYERS[layer] !== 1;
      for (const tile of tiles.values()) {
        if (tile.layer !== layer) continue;
        const [left, top] = [at(x, tile.x), at(y, tile.y)];
        const [right, bottom] = [at(x, tile.x + tile.side), at(y, tile.y + tile.side)];
        if (right <= 0 || bottom <= 0 || left >= canvas.width || top >= canvas.height) continue;
        context.drawImage(tile.bitmap, left, top, right - left, bottom - top);
      }
    }
  }

  /** @param {Shown} latest */
  function isSharp(latest) {
    return Boolean(view) && holds(latest, /** @type {View} */ (view), canvas.width)
      && sharpPlaces(latest).every(({ key }) => latest.tiles.has(key));
  }

  /** @param {Shown} latest */
  const sharpPlaces = (latest) => placesIn(LAYERS.length - 1, middleOf(latest, /** @type {View} */ (view)), canvas);

  // Asking for tiles.

  /** Shows a view. @param {View} next */
  function show(next) {
    view = next;
    schedule();
    if (holds(scene(), view, canvas.width)) return plan();
    if (sceneTimer) return;
    const wait = Math.max(0, sceneAt + SCENE_MILLIS - performance.now());
    sceneTimer = window.setTimeout(begin, wait);
  }

  function begin() {
    sceneTimer = 0;
    if (!view || !canvas.width) return;
    sceneAt = performance.now();
    cancel(() => true);
    if (holds(scene(), view, canvas.width)) return plan();
    scenes.push({ ...createScene(created += 1, view, canvas.width), tiles: new Map(), isRefused: false });
    if (scenes.length > SCENES_MAX) drop(/** @type {Shown} */ (scenes.shift()));
    plan();
  }

  /** Decides anew what is wanted of the latest scene. */
  function plan() {
    const latest = scene();
    if (!latest || !view || latest.isRefused) return;
    const middle = middleOf(latest, view);
    const wanted = [...LAYERS.keys()].flatMap((layer) => placesIn(layer, middle, canvas));
    const keys = new Set(wanted.map(({ key }) => key));
    cancel((key) => !keys.has(key));
    const sharp = sharpPlaces(latest);
    // A text that is no number has no place: the kernel says so in its words.
    if (!sharp.length) return request(nameOf(latest, '?'), { ...view, width: canvas.width, height: canvas.height }, 0);
    const missing = sharp.filter(({ key }) => !latest.tiles.has(key)).length;
    const asked = new Set(inFlight.values());
    queue = missing ? wanted.filter(({ key }) => !latest.tiles.has(key) && !asked.has(key)) : [];
    evict(latest, keys);
    onProgress(sharp.length - missing, sharp.length);
    ask();
  }

  function ask() {
    const latest = scene();
    while (latest && queue.length && inFlight.size < inFlightMax()) {
      const place = /** @type {Place} */ (queue.shift());
      const { view: picture, task } = errandOf(latest, place);
      const name = nameOf(latest, place.key);
      places.set(name, place);
      inFlight.set(name, place.key);
      request(name, picture, task);
    }
  }

  /** Where the tiles that are asked for lie. @type {Map<string, Place>} */
  const places = new Map();

  /** @param {(key: string) => boolean} isUnwanted */
  function cancel(isUnwanted) {
    for (const [name, key] of inFlight) {
      if (!isUnwanted(key)) continue;
      inFlight.delete(name);
      places.delete(name);
      forget(name);
    }
  }

  /** A tile is painted, for the first time or again. @param {import('./painter.js').Painted} tile */
  function take({ picture: name, bitmap }) {
    const [, id, layer, i, j] = name.split('.');
    const owner = scenes.find((each) => each.id === Number(id));
    const key = `${layer}.${i}.${j}`;
    const place = owner?.tiles.get(key) ?? places.get(name);
    places.delete(name);
    if (!owner || !place) return bitmap.close();
    owner.tiles.get(key)?.bitmap.close();
    owner.tiles.set(key, { ...place, bitmap });
    schedule();
    if (!inFlight.delete(name)) return;
    ask();
    const sharp = sharpPlaces(owner);
    if (holds(owner, /** @type {View} */ (view), canvas.width)) {
      onProgress(sharp.filter((each) => owner.tiles.has(each.key)).length, sharp.length);
    }
  }

  /** The kernel does not compute this scene. @param {string} name of one of its tiles */
  function refuse(name) {
    const latest = scene();
    if (!latest || !name.startsWith(`x.${latest.id}.`)) return;
    latest.isRefused = true;
    queue = [];
    cancel(() => true);
    onProgress(0, 0);
  }

  /** @param {Shown} latest @param {Set<string>} keys in sight */
  function evict(latest, keys) {
    let count = scenes.reduce((sum, { tiles }) => sum + tiles.size, 0);
    for (const each of scenes) {
      for (const [key, { bitmap }] of each.tiles) {
        if (count <= TILES_MAX) return;
        if (each === latest && keys.has(key)) continue;
        bitmap.close();
        each.tiles.delete(key);
        forget(nameOf(each, key));
        count -= 1;
      }
    }
  }

  /** @param {Shown} each */
  function drop(each) {
    for (const { bitmap } of each.tiles.values()) bitmap.close();
    forget(`x.${each.id}.`);
  }

  return {
    show, take, refuse, resize,
    /** The workers are others now: asks them again. */
    restart() {
      cancel(() => true);
      plan();
    },
    /** What a recolouring paints first. */
    first: () => (scene() ? `x.${scene()?.id}.` : ''),
  };
}
