// Colours: keeps the numbers of every tile that is shown, and paints them with the chosen palette.
//
// In: add {picture, task, worker, x, y, width, height, payload}, with {palette} painted once and not
// kept; palette {name, density, offset};
// size {picture, width, height}; rename {from, to}; drop {prefix}; png {id, picture, texts}.
// Out: painted {picture, task, worker, x, y, width, height, bitmap}; png {id, blob | error}; trouble {reason}.
// A change of palette paints everything again, the last picture first; nothing is computed again.
// Messages are handled in order, so a PNG has every tile that was added before it was asked for.

import init, { Brush } from './kernel.js';
import { encodePng } from './png.js';

const TILE = 256; // rows of tiles begin at its multiples
const PAYLOAD_BYTES_MAX = 384 * 2 ** 20; // beyond it the oldest finished picture is forgotten

/** @typedef {{task: number, worker: string, x: number, y: number, width: number, height: number, payload: Uint8Array}} Tile */

/** @type {Map<string, {width: number, height: number, tiles: Map<number, Tile>}>} */
const pictures = new Map();
let heldBytes = 0;
let palette = { name: 'ember', density: 1, offset: 0 };
/** @type {Brush | null} */
let brush = null;
/** Of the palette that is being applied; a newer one ends the older's repainting. */
let generation = 0;

/** @type {Promise<unknown>} */
let queue = init();

onmessage = ({ data }) => {
  if (data.t === 'palette') generation += 1;
  queue = queue.then(() => act(data)).catch((error) => {
    const reason = error instanceof Error ? error.message : String(error);
    postMessage(data.t === 'png' ? { t: 'png', id: data.id, error: reason } : { t: 'trouble', reason });
  });
};

/** @param {any} data */
async function act(data) {
  switch (data.t) {
    case 'add': return add(data);
    case 'size': return void picture(data.picture, data.width, data.height);
    case 'palette': {
      palette = { name: data.name, density: data.density, offset: data.offset };
      brush?.free();
      brush = null;
      return repaint(generation);
    }
    case 'rename': {
      const held = pictures.get(data.from);
      pictures.delete(data.from);
      if (held) pictures.set(data.to, held);
      return;
    }
    case 'drop':
      for (const name of pictures.keys()) if (name.startsWith(data.prefix)) forget(name);
      return;
    case 'png': return png(data);
    default: throw new Error(`unknown message ${data.t}`);
  }
}

/** @param {string} name @param {number} [width] @param {number} [height] */
function picture(name, width = 0, height = 0) {
  const held = pictures.get(name) ?? { width, height, tiles: new Map() };
  if (width) Object.assign(held, { width, height });
  pictures.set(name, held);
  return held;
}

/** @param {Omit<Tile, 'payload'> & {picture: string, payload: ArrayBuffer, palette?: {name: string, density: number, offset: number}}} data */
async function add(data) {
  const { picture: name, task, worker, x, y, width, height } = data;
  if (data.palette) {
    const once = new Brush(data.palette.name, data.palette.density, data.palette.offset);
    await paint(name, { ...data, payload: new Uint8Array(data.payload) }, once);
    return once.free();
  }
  const held = picture(name);
  if (held.tiles.has(task)) return;
  const payload = new Uint8Array(data.payload);
  const tile = { task, worker, x, y, width, height, payload };
  held.tiles.set(task, tile);
  heldBytes += payload.byteLength;
  await paint(name, tile, chosen());
  for (const oldest of pictures.keys()) {
    if (heldBytes <= PAYLOAD_BYTES_MAX || oldest === name) break;
    forget(oldest);
  }
}

/** @param {string} name */
function forget(name) {
  for (const tile of pictures.get(name)?.tiles.values() ?? []) heldBytes -= tile.payload.byteLength;
  pictures.delete(name);
}

/** @param {number} wanted */
async function repaint(wanted) {
  for (const [name, { tiles }] of [...pictures].reverse()) {
    for (const tile of [...tiles.values()]) {
      if (generation !== wanted) return;
      await paint(name, tile, chosen());
    }
  }
}

function chosen() {
  brush ??= new Brush(palette.name, palette.density, palette.offset);
  return brush;
}

/** @param {Tile} tile @param {Brush} using */
function pixels({ payload, width, height }, using) {
  const bytes = using.paint(payload, width, height);
  return new ImageData(new Uint8ClampedArray(bytes.buffer), width, height);
}

/** @param {string} name @param {Tile} tile @param {Brush} using */
async function paint(name, tile, using) {
  const bitmap = await createImageBitmap(pixels(tile, using), { premultiplyAlpha: 'none' });
  const { task, worker, x, y, width, height } = tile;
  const note = { t: 'painted', picture: name, task, worker, x, y, width, height, bitmap };
  postMessage(note, { transfer: [bitmap] });
}

/** @param {{id: number, picture: string, texts: Record<string, string>}} data */
async function png({ id, picture: name, texts }) {
  const held = pictures.get(name);
  if (!held) throw new Error('there is no picture');
  const { width, height, tiles } = held;
  /** @param {number} top @param {number} rows */
  const band = (top, rows) => {
    const pixels = new Uint8Array(width * rows * 4);
    for (const tile of tiles.values()) {
      if (tile.y !== top) continue;
      const painted = chosen().paint(tile.payload, tile.width, tile.height);
      for (let row = 0; row < tile.height; row += 1) {
        const from = row * tile.width * 4;
        pixels.set(painted.subarray(from, from + tile.width * 4), (row * width + tile.x) * 4);
      }
    }
    return pixels;
  };
  const blob = await encodePng({ width, height, rows: TILE, band, texts });
  postMessage({ t: 'png', id, blob });
}
