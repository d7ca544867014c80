// Colours: keeps the numbers of every tile that is shown, and paints them with the chosen palette.
//
// In: add {picture, task, worker, x, y, width, height, payload}, with {palette} painted once and not
// kept; palette {name, density, offset};
// size {picture, width, height}; rename {from, to}; drop {prefix}; spare {pictures}, of which any may go
// when memory is short; png {id, picture, texts}.
// Out: painted {picture, task, worker, x, y, width, height, bitmap}; png {id, blob | error}; trouble {reason}.
// A change of palette paints everything again, the last picture first; nothing is computed again.
// Messages are handled in order, so a PNG has every tile that was added before it was asked for.

import init, { Brush } from './kernel.js';
import { encodePng } from './png.js';
import { createShelf } from './shelf.js';

const TILE = 256; // rows of tiles begin at its multiples
const PAYLOAD_BYTES_MAX = 384 * 2 ** 20; // beyond it shelf.js gives up what can be spared

/** @typedef {import('./shelf.js').Tile} Tile */

const shelf = createShelf(PAYLOAD_BYTES_MAX);
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
    case 'size': return shelf.size(data.picture, data.width, data.height);
    case 'palette': {
      palette = { name: data.name, density: data.density, offset: data.offset };
      brush?.free();
      brush = null;
      return repaint(generation);
    }
    case 'rename': return shelf.rename(data.from, data.to);
    case 'drop': return shelf.drop(data.prefix);
    case 'spare': return shelf.spare(data.pictures);
    case 'png': return png(data);
    default: throw new Error(`unknown message ${data.t}`);
  }
}

/** @param {Omit<Tile, 'payload'> & {picture: string, payload: ArrayBuffer, palette?: {name: string, density: number, offset: number}}} data */
async function add(data) {
  const { picture: name, task, worker, x, y, width, height } = data;
  if (data.palette) {
    const once = new Brush(data.palette.name, data.palette.density, data.palette.offset);
    await paint(name, { ...data, payload: new Uint8Array(data.payload) }, once);
    return once.free();
  }
  const payload = new Uint8Array(data.payload);
  const tile = { task, worker, x, y, width, height, payload };
  if (shelf.add(name, tile)) await paint(name, tile, chosen());
}

/** @param {number} wanted */
async function repaint(wanted) {
  for (const [name, { tiles }] of shelf.all()) {
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
  const held = shelf.get(name);
  if (!held) throw new Error('there is no picture');
  if (held.isForgotten) throw new Error('its numbers had to make room for newer pictures');
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
