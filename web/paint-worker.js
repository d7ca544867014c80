// Colours: keeps the numbers of every tile that is shown, and paints them with the chosen palette.
//
// In: add {picture, task, worker, x, y, width, height, formula, payload}, with {own} in colours of its own, with {palette}
// painted once and not kept; palette {name, density, offset, first}, whose pictures with that prefix are painted first;
// size {picture, width, height}; revoke {picture, task}; rename {from, to}; drop {prefix}; spare {pictures}, of which any may go
// when memory is short; png {id, picture, texts, place}; go-on {file, is}, the answer to a share; surprise {id, seed, index, width, height}.
// Out: share {id, share} of a file, which waits for the answer; painted {tiles: [{picture, task, worker, x, y, width, height, bitmap}]}; answer {id, value | error};
// trouble {reason}.
// A change of palette paints everything again and computes nothing. Numbers of the explorer are kept as
// turns of the palette's ring, so that all of a screen takes a few milliseconds; those of jobs as they
// came. A PNG has every tile that was added before it was asked for.

import init, { Brush, surprise, turns } from './kernel.js';
import { encodePng } from './png.js';
import { openSink } from './sink.js';
import { createShelf, isPreview } from './shelf.js';
import { colours, ringOf } from './ring-colours.js';

const TILE = 256; // rows of tiles begin at its multiples
const PAYLOAD_BYTES_MAX = 384 * 2 ** 20; // beyond it shelf.js gives up what can be spared
const PNG_PIXELS_MAX = 16_384 ** 2;
const BATCH = 8; // tiles between two looks for a newer palette

/** @typedef {import('./shelf.js').Tile} Tile */
/** @typedef {{name: string, density: number, offset: number}} Palette */

const shelf = createShelf(PAYLOAD_BYTES_MAX);
/** @type {Palette} */
let palette = { name: 'ember', density: 1, offset: 0 };
/** What is painted before everything else. */
let first = '';
/** Of the palette: a tile of an older one is painted again. */
let generation = 0;
/** Not painted with the present palette. @type {Map<Tile, string>} tile to picture */
let stale = new Map();
let isPainting = false;
/** Files that wait for leave to go on, by the message that asked. @type {Map<number, (isWanted: boolean) => void>} */
const files = new Map();

const ready = init();

onmessage = async ({ data }) => {
  try {
    await ready;
    const value = act(data);
    if (data.id) postMessage({ t: 'answer', id: data.id, value: await value });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    postMessage(data.id ? { t: 'answer', id: data.id, error: reason } : { t: 'trouble', reason });
  }
};

/** @param {any} data */
function act(data) {
  switch (data.t) {
    case 'add': return add(data);
    case 'size': return shelf.size(data.picture, data.width, data.height);
    case 'palette': return recolour(data);
    case 'revoke': return revoke(data.picture, data.task);
    case 'rename': return rename(data.from, data.to);
    case 'drop': return shelf.drop(data.prefix);
    case 'spare': return shelf.spare(data.pictures);
    case 'png': return png(data);
    case 'go-on': return files.get(data.file)?.(data.is);
    case 'surprise': return surprise(BigInt(data.seed), data.index, data.width, data.height);
    default: throw new Error(`unknown message ${data.t}`);
  }
}

/** @param {Omit<Tile, 'payload'> & {picture: string, payload: ArrayBuffer, palette?: Palette}} data */
function add({ picture, task, worker, x, y, width, height, formula, payload: buffer, own, palette: once }) {
  const bytes = new Uint8Array(buffer);
  const payload = isPreview(picture) ? turns(bytes, width, height, formula) : bytes;
  const tile = { task, worker, x, y, width, height, formula, payload, own };
  if (once) return void paintOnce(tile, picture, once);
  if (!shelf.add(picture, tile)) return;
  stale.set(tile, picture);
  void paintStale();
}

/** @param {string} picture @param {number} task */
function revoke(picture, task) {
  const tile = shelf.revoke(picture, task);
  if (tile) stale.delete(tile);
}

/** @param {string} from @param {string} to */
function rename(from, to) {
  shelf.rename(from, to);
  for (const [tile, picture] of stale) if (picture === from) stale.set(tile, to);
}

/** @param {Palette & {first: string}} next */
function recolour({ name, density, offset, first: prefix }) {
  palette = { name, density, offset };
  first = prefix;
  generation += 1;
  stale = new Map();
  for (const [picture, { tiles }] of shelf.all()) for (const tile of tiles.values()) if (!tile.own) stale.set(tile, picture);
  void paintStale();
}

/** Paints until nothing is stale: what is looked at all at once, so that no colours of before show. */
async function paintStale() {
  if (isPainting) return;
  isPainting = true;
  while (stale.size) {
    const all = [...stale];
    const seen = first ? all.filter(([, picture]) => picture.startsWith(first)) : [];
    const batch = seen.length ? seen : all.slice(0, BATCH);
    for (const [tile] of batch) stale.delete(tile);
    try {
      await paint(batch, palette);
    } catch (error) {
      postMessage({ t: 'trouble', reason: String(error) });
    }
  }
  isPainting = false;
}

/** @param {Tile} tile @param {string} picture @param {Palette} once */
const paintOnce = (tile, picture, once) => paint([[tile, picture]], once);

/** @param {[Tile, string][]} batch @param {Palette} using */
async function paint(batch, using) {
  const tiles = await Promise.all(batch.map(async ([tile, picture]) => {
    const { task, worker, x, y, width, height } = tile;
    const bitmap = await createImageBitmap(pixels(tile, using), { premultiplyAlpha: 'none' });
    return { picture, task, worker, x, y, width, height, bitmap };
  }));
  postMessage({ t: 'painted', tiles }, { transfer: tiles.map(({ bitmap }) => bitmap) });
}

/** @param {Tile} tile @param {Palette} shared of tiles that have no colours of their own */
function pixels({ payload, width, height, formula, own }, shared) {
  const using = own ?? shared;
  const numbers = payload instanceof Int32Array ? payload : turns(payload, width, height, formula);
  const roots = Number(/^newton-(\d)/.exec(formula)?.[1] ?? 0);
  const ring = ringOf(using.name, () => freed(new Brush(using.name, 1, 0, formula), (brush) => brush.ring()));
  return new ImageData(colours(numbers, ring, using, roots), width, height);
}

/** @template T @param {Brush} brush @param {(brush: Brush) => T} use @returns {T} */
function freed(brush, use) {
  try {
    return use(brush);
  } finally {
    brush.free();
  }
}

/**
 * A brush for each formula and palette of a picture: of 12 kB, and no more than a job has frames.
 * @param {Palette} shared of tiles that have no colours of their own
 */
function createBrushes(shared) {
  /** @type {Map<string, Brush>} */
  const brushes = new Map();
  return {
    /** @param {Tile} tile */
    of({ formula, own: { name, density, offset } = shared }) {
      const key = [formula, name, density, offset].join();
      const brush = brushes.get(key) ?? new Brush(name, density, offset, formula);
      brushes.set(key, brush);
      return brush;
    },
    free: () => brushes.forEach((brush) => brush.free()),
  };
}

/** @param {{id: number, picture: string, texts: Record<string, string>, place?: FileSystemFileHandle}} data */
async function png({ id, picture: name, texts, place }) {
  const held = shelf.get(name);
  if (!held) throw new Error('no-picture');
  if (held.isForgotten) throw new Error('made-room');
  const { width, height } = held;
  if (width * height > PNG_PIXELS_MAX) throw new Error('too-large');
  const tiles = [...held.tiles.values()];
  const brush = createBrushes(palette);
  /** @param {number} top @param {number} count */
  const band = async (top, count) => {
    // Meanwhile others have their turn.
    const isWanted = new Promise((resolve) => files.set(id, resolve));
    postMessage({ t: 'share', id, share: top / height });
    if (!await isWanted) throw new Error('halted');
    const pixels = new Uint8Array(width * count * 4);
    for (const tile of tiles) {
      // Frames of a sheet begin at any row.
      const [begin, end] = [Math.max(top, tile.y), Math.min(top + count, tile.y + tile.height)];
      if (begin >= end || tile.payload instanceof Int32Array) continue;
      const painted = brush.of(tile).paint(tile.payload, tile.width, tile.height);
      for (let row = begin; row < end; row += 1) {
        const from = (row - tile.y) * tile.width * 4;
        pixels.set(painted.subarray(from, from + tile.width * 4), ((row - top) * width + tile.x) * 4);
      }
    }
    return pixels;
  };
  const sink = await openSink('image/png', place);
  try {
    await encodePng({ width, height, rows: TILE, band, texts }, sink.write);
    return await sink.close();
  } catch (error) {
    await sink.abort();
    throw error;
  } finally {
    files.delete(id);
    brush.free();
  }
}
