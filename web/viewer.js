// The explorer: a canvas of tiles on which one drags, zooms and types, and which sharpens when left alone.
//
// What was computed stays: panning asks for what came into sight, and after a zoom the tiles of before
// lie scaled beneath until sharper ones arrive. Where that was quick, tiles of four points a pixel follow. It knows tiles and how they lie; gestures are in
// gestures.js, numbers are the workers', and which view is shown is the caller's.

import { createScene, errandOf, glancesOf, holds, middleOf, placesIn } from './mosaic.js';
import { FINE, drawScenes } from './layers.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {import('./mosaic.js').Place} Place */
/** @typedef {import('./layers.js').Tile} Tile */
/** @typedef {import('./layers.js').Drawn & {beganAt: number, isRefused: boolean}} Shown */
/** @typedef {{picture: string, part?: import('./ranks.js').Box}[]} Sight tiles by the names under which they were asked for, or parts of them */

const PIXELS_MAX = 2200 * 1400; // above it the canvas has coarser pixels than the screen
const SCENES_MAX = 5; // what lies beneath; older ones go
const TILES_MAX = 320; // bitmaps in memory, of all scenes
const FINE_TILES_MAX = 160; // of a canvas; larger ones have small enough pixels
const FINE_MILLIS_MAX = 5000; // what takes longer to become sharp does not become finer
const SCENE_MILLIS = 110; // between two scenes while a finger zooms
const SETTLE_MILLIS = 200; // between two looks at what is seen

/**
 * @param {object} options
 * @param {HTMLCanvasElement} options.canvas
 * @param {(name: string, view: View & {width: number, height: number}, task?: number) => void} options.request one task, or all
 * @param {(prefix: string) => void} options.forget
 * @param {() => number} options.inFlightMax tiles to ask for at once
 * @param {(done: number, total: number) => void} options.onProgress sharp tiles in sight
 * @param {() => void} options.onSight what is seen may be something else now, for a while
 */
export function createViewer({ canvas, request, forget, inFlightMax, onProgress, onSight }) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { alpha: false }));
  /** The latest last. @type {Shown[]} */
  const scenes = [];
  /** @type {View | null} */
  let view = null;
  /** Wanted, in this order, and not asked for yet. @type {{name: string, place: Place}[]} */
  let queue = [];
  /** Asked for, of the latest scene, by name. @type {Map<string, Place>} */
  const inFlight = new Map();
  let created = 0;
  let sceneTimer = 0;
  let sceneAt = -SCENE_MILLIS;
  let isDue = false;
  let sightTimer = 0;
  let sightAt = -SETTLE_MILLIS;

  const scene = () => scenes.at(-1);
  const nameOf = (/** @type {Shown} */ { id }, /** @type {string} */ key, kind = 'x') => `${kind}.${id}.${key}.`;

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
    const latest = scene();
    drawScenes(context, view, latest && isSharp(latest) ? [latest] : scenes);
  }

  /** @param {Shown} latest */
  function isSharp(latest) {
    return Boolean(view) && holds(latest, /** @type {View} */ (view), canvas.width)
      && sharpPlaces(latest).every(({ key }) => latest.tiles.has(key));
  }

  /** @param {Shown} latest */
  const sharpPlaces = (latest) => placesIn(1, middleOf(latest, /** @type {View} */ (view)), canvas);

  // Asking for tiles.

  /** Shows a view. @param {View} next */
  function show(next) {
    view = next;
    schedule();
    if (holds(scene(), view, canvas.width)) {
      // What is seen is what is there when the move rests.
      clearTimeout(sightTimer);
      sightTimer = 0;
      return plan();
    }
    if (sceneTimer) return;
    const wait = Math.max(0, sceneAt + SCENE_MILLIS - performance.now());
    sceneTimer = window.setTimeout(begin, wait);
  }

  function begin() {
    sceneTimer = 0;
    if (!view || !canvas.width) return;
    sceneAt = performance.now();
    halt();
    if (holds(scene(), view, canvas.width)) return plan();
    const latest = {
      ...createScene(created += 1, view, canvas.width), size: { width: canvas.width, height: canvas.height },
      glances: new Map(), tiles: new Map(), fine: new Map(), beganAt: sceneAt, isRefused: false,
    };
    scenes.push(latest);
    if (scenes.length > SCENES_MAX) drop(/** @type {Shown} */ (scenes.shift()));
    glancesOf(latest, canvas).forEach((picture, at) => request(nameOf(latest, `g${at}`), picture));
    plan();
  }

  /** Decides anew what is wanted of the latest scene. */
  function plan() {
    const latest = scene();
    if (!latest || !view || latest.isRefused) return;
    const wanted = sharpPlaces(latest);
    // A text that is no number has no place: the kernel says so in its words.
    if (!wanted.length) return request(nameOf(latest, '?'), { ...view, width: canvas.width, height: canvas.height }, 0);
    let errands = wanted.filter(({ key }) => !latest.tiles.has(key)).map((place) => ({ name: nameOf(latest, place.key), place }));
    if (!errands.length) errands = finePlaces(latest).map((place) => ({ name: nameOf(latest, place.key, 'y'), place }));
    const names = new Set(errands.map(({ name }) => name));
    cancel((name) => !names.has(name));
    queue = errands.filter(({ name }) => !inFlight.has(name));
    evict(latest, new Set(wanted.map(({ key }) => key)));
    report(latest);
    ask();
  }

  /** Those that are missing, if it is worth it. @param {Shown} latest */
  function finePlaces(latest) {
    const places = placesIn(FINE, middleOf(latest, /** @type {View} */ (view)), canvas);
    const isQuick = latest.fine.size || performance.now() - latest.beganAt < FINE_MILLIS_MAX;
    return isQuick && places.length <= FINE_TILES_MAX ? places.filter(({ key }) => !latest.fine.has(key)) : [];
  }

  function ask() {
    const latest = scene();
    while (latest && queue.length && inFlight.size < inFlightMax()) {
      const { name, place } = /** @type {typeof queue[0]} */ (queue.shift());
      const { view: picture, task } = errandOf(latest, place);
      inFlight.set(name, place);
      request(name, picture, task);
    }
  }

  /** @param {(name: string) => boolean} isUnwanted */
  function cancel(isUnwanted) {
    for (const name of inFlight.keys()) {
      if (!isUnwanted(name)) continue;
      inFlight.delete(name);
      forget(name);
    }
  }

  /** Nothing more of the latest scene. */
  function halt() {
    cancel(() => true);
    const latest = scene();
    if (latest) for (const glance of ['g0', 'g1']) if (!latest.glances.has(`${glance}.0`)) forget(nameOf(latest, glance));
  }

  /** @param {Shown} latest */
  function report(latest) {
    const sharp = sharpPlaces(latest);
    const done = sharp.filter(({ key }) => latest.tiles.has(key)).length;
    onProgress(done, sharp.length);
    if (done === sharp.length) settle(SETTLE_MILLIS);
  }

  /** @param {number} wait */
  function settle(wait) {
    sightTimer ||= window.setTimeout(() => {
      sightTimer = 0;
      sightAt = performance.now();
      onSight();
    }, wait);
  }

  /** The sharp tiles in sight, each as far as it is; the first glance until they are there. @returns {Sight} */
  function sight() {
    const latest = scene();
    if (!latest || !view) return [];
    if (!isSharp(latest)) return latest.glances.has('g0.0') ? [{ picture: nameOf(latest, 'g0') }] : [];
    const { x, y } = middleOf(latest, view);
    const [left, top] = [x - canvas.width / 2, y - canvas.height / 2];
    return sharpPlaces(latest).map((place) => {
      const within = (/** @type {number} */ at, /** @type {number} */ side) => Math.min(Math.max(Math.round(at), 0), side);
      return {
        picture: nameOf(latest, place.key),
        part: [
          within(left - place.x, place.width), within(top - place.y, place.height),
          within(left + canvas.width - place.x, place.width), within(top + canvas.height - place.y, place.height),
        ],
      };
    });
  }

  /** A tile is painted, for the first time or again. @param {import('./painter.js').Painted} tile */
  function take({ picture: name, task, x, y, width, height, bitmap }) {
    const [kind, id, i, j] = name.split('.');
    const owner = scenes.find((each) => each.id === Number(id));
    if (!owner) return bitmap.close();
    schedule();
    if (i.startsWith('g')) {
      const { width: wide, height: high } = glancesOf(owner, owner.size)[Number(i.slice(1))];
      const scale = owner.width / wide;
      keep(owner.glances, `${i}.${task}`, {
        x: (x - wide / 2) * scale, y: (y - high / 2) * scale, width: width * scale, height: height * scale, bitmap,
      });
      // At once if there was none lately.
      return settle(Math.max(0, sightAt + SETTLE_MILLIS - performance.now()));
    }
    const key = `${i}.${j}`;
    const tiles = kind === 'y' ? owner.fine : owner.tiles;
    const place = tiles.get(key) ?? inFlight.get(name);
    if (!place) return bitmap.close();
    keep(tiles, key, { ...place, bitmap, isStale: false });
    if (!inFlight.delete(name)) return;
    if (owner !== scene()) return;
    if (queue.length || inFlight.size) ask();
    else plan();
    if (kind === 'x') report(owner);
  }

  /** @param {Map<string, Tile>} tiles @param {string} key @param {Tile} tile */
  function keep(tiles, key, tile) {
    tiles.get(key)?.bitmap.close();
    tiles.set(key, tile);
  }

  /** The kernel does not compute this picture. Whether that is worth a word. @param {string} name */
  function refuse(name) {
    const latest = scene();
    if (name.startsWith('y.')) {
      // So deep that four points a pixel are nearer than the kernel tells apart.
      queue = [];
      cancel(() => true);
      if (latest) latest.beganAt = -Infinity;
      return false;
    }
    if (!latest || !name.startsWith(`x.${latest.id}.`)) return !name.startsWith('x.');
    latest.isRefused = true;
    queue = [];
    cancel(() => true);
    onProgress(0, 0);
    return true;
  }

  /** @param {Shown} latest @param {Set<string>} keys in sight */
  function evict(latest, keys) {
    let count = scenes.reduce((sum, { tiles, fine }) => sum + tiles.size + fine.size, 0);
    for (const each of scenes) {
      for (const [kind, tiles] of /** @type {const} */ ([['y', each.fine], ['x', each.tiles]])) {
        for (const [key, { bitmap }] of tiles) {
          if (count <= TILES_MAX) return;
          if (each === latest && (kind === 'y' || keys.has(key))) continue;
          bitmap.close();
          tiles.delete(key);
          forget(nameOf(each, key, kind));
          count -= 1;
        }
      }
    }
    // Fine tiles out of sight, when nothing else is left to go.
    if (count > TILES_MAX) clearFine(latest);
  }

  /** @param {Shown} each */
  function drop(each) {
    for (const { bitmap } of [...each.tiles.values(), ...each.glances.values()]) bitmap.close();
    forget(`x.${each.id}.`);
    clearFine(each);
  }

  /** @param {Shown} each */
  function clearFine({ id, fine }) {
    for (const { bitmap } of fine.values()) bitmap.close();
    fine.clear();
    forget(`y.${id}.`);
  }

  return {
    show, take, refuse, resize, sight,
    /** The workers are others now: asks them again. */
    restart() {
      cancel(() => true);
      plan();
    },
    /** The colours are others: fine tiles come back when they are painted. */
    recolour() {
      for (const { fine } of scenes) for (const tile of fine.values()) tile.isStale = true;
    },
    /** What is painted before everything else. */
    first: () => (scene() ? `x.${scene()?.id}.` : ''),
  };
}
