// Colours: keeps the numbers of every tile that is shown, and paints them with the chosen palette.
//
// In: add {picture, task, frame, worker, x, y, width, height, formula, payload}, with {own} in colours of its own, with {palette}
// painted once and not kept; palette {palette, first, sight}, whose pictures with that prefix are painted first;
// size {picture, width, height, whole}; revoke {picture, task}; rename {from, to}; drop {prefix}; spare {pictures}, of which any may go
// when memory is short; png {id, picture, texts, place}; go-on {file, is}, the answer to a share; surprise {id, seed, index, width, height}.
// Out: share {id, share} of a file, which waits for the answer; painted {tiles: [{picture, task, worker, x, y, width, height, bitmap}]}; answer {id, value | error};
// trouble {reason}.
// A change of palette paints everything again and computes nothing. Numbers of the explorer are kept as
// turns of the palette's ring, so that all of a screen takes a few milliseconds; those of jobs as they
// came. Where colours go by rank, the explorer's are those of what is in sight, which it says, and every other picture or frame has its own.
// A PNG has every tile that was added before it was asked for.

import init, { Brush, Counts, surprise, turns } from './kernel.js';
import { encodePng } from './png.js';
import { openSink } from './sink.js';
import { createShelf, isPreview } from './shelf.js';
import { colours, ringOf } from './ring-colours.js';
import { count, nothing, ranked, ranksOf } from './ranks.js';
import { createBrushes, createRankedBrushes } from './brushes.js';

const TILE = 256; // rows of tiles begin at its multiples
const PAYLOAD_BYTES_MAX = 384 * 2 ** 20; // beyond it shelf.js gives up what can be spared
const PNG_PIXELS_MAX = 16_384 ** 2;
const BATCH = 8; // tiles between two looks for a newer palette
const LOOKED_MAX = 256; // of what is looked at: a quarter of a megabyte each

/** @typedef {import('./shelf.js').Tile} Tile */
/** @typedef {import('./view.js').Palette} Palette */

const shelf = createShelf(PAYLOAD_BYTES_MAX);
/** @type {Palette} */
let palette = { name: 'ember', density: 1, offset: 0 };
/** What is painted before everything else. */
let first = '';
/** Of what the explorer shows; null until it has said so. @type {import('./ranks.js').Ranks | null} */
let seen = null;
const rankedBrushes = createRankedBrushes({ Brush, Counts });
/** Not painted with the present palette. @type {Map<Tile, string>} tile to picture */
const stale = new Map();
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
    case 'size': return shelf.size(data.picture, data);
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
function add({ picture, task, worker, x, y, width, height, formula, frame, payload: buffer, own, palette: once }) {
  const bytes = new Uint8Array(buffer);
  const payload = isPreview(picture) ? turns(bytes, width, height, formula) : bytes;
  const tile = { task, worker, x, y, width, height, formula, frame, payload, own };
  if (once) return void paintOnce(tile, picture, once);
  const previewed = picture.startsWith('b.') && shelf.get(picture.slice(2));
  if (previewed) rankedBrushes.expect(previewed, { ...tile, payload: bytes });
  if (!shelf.add(picture, tile)) return;
  stale.set(tile, picture);
  void paintStale();
}

/** @param {string} picture @param {number} task */
function revoke(picture, task) {
  const tile = shelf.revoke(picture, task);
  const held = shelf.get(picture);
  if (!tile || !held) return;
  stale.delete(tile);
  rankedBrushes.forget(held, tile);
}

/** @param {string} from @param {string} to */
function rename(from, to) {
  shelf.rename(from, to);
  for (const [tile, picture] of stale) if (picture === from) stale.set(tile, to);
}

/** Tiles of the explorer: a glance, which is the whole, has its own ranks. @param {string} picture */
const isSeen = (picture) => /^[xy]\.\d+\.(?!g0)/.test(picture);

/** @param {{palette: Palette, first: string, sight: import('./viewer.js').Sight}} next */
function recolour({ palette: next, first: prefix, sight }) {
  const before = palette;
  const isSame = /** @type {const} */ (['name', 'density', 'offset', 'scale']).every((each) => before[each] === next[each]);
  palette = next;
  first = prefix;
  seen = ranksIn(sight) ?? seen;
  for (const [picture, { tiles }] of shelf.all()) {
    if (isSame && !isSeen(picture)) continue;
    for (const tile of tiles.values()) if (!tile.own || before.scale !== next.scale) stale.set(tile, picture);
  }
  void paintStale();
}

/** Of those parts of tiles that are here, if any. @param {import('./viewer.js').Sight} sight */
function ranksIn(sight) {
  const counts = nothing();
  let isHere = false;
  for (const { picture, part } of sight) {
    for (const { payload, width, height } of shelf.get(picture)?.tiles.values() ?? []) {
      count(counts, /** @type {Int32Array} */ (payload), width, part ?? [0, 0, width, height]);
      isHere = true;
    }
  }
  return isHere ? ranksOf(counts) : null;
}

/** Paints until nothing is stale: what is looked at all at once, so that no colours of before show. */
async function paintStale() {
  if (isPainting) return;
  isPainting = true;
  while (stale.size) {
    const all = [...stale];
    const looked = first ? all.filter(([, picture]) => picture.startsWith(first)) : [];
    const batch = looked.length ? looked.slice(0, LOOKED_MAX) : all.slice(0, BATCH);
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
  if (using.scale) for (const [tile, picture] of batch) renew(tile, picture);
  for (const [tile] of batch) stale.delete(tile); // they are among the others
  const tiles = await Promise.all(batch.map(async ([tile, picture]) => {
    const { task, worker, x, y, width, height } = tile;
    const bitmap = await createImageBitmap(new ImageData(pixels(tile, picture, using), width, height), { premultiplyAlpha: 'none' });
    return { picture, task, worker, x, y, width, height, bitmap };
  }));
  postMessage({ t: 'painted', tiles }, { transfer: tiles.map(({ bitmap }) => bitmap) });
}

/** A tile is here: others of its picture may have other colours now. @param {Tile} tile @param {string} picture */
function renew(tile, picture) {
  const held = shelf.get(picture);
  if (!held || isPreview(picture)) return;
  for (const each of rankedBrushes.renew(held, tile)) stale.set(each, picture);
}

/** @param {Tile} tile @param {string} picture @param {Palette} shared of tiles that have no colours of their own */
function pixels(tile, picture, shared) {
  const { payload, width, height, formula } = tile;
  const held = shelf.get(picture);
  if (shared.scale && payload instanceof Uint8Array && held) {
    return new Uint8ClampedArray(rankedBrushes.of(held, tile, shared).paint(payload, width, height).buffer);
  }
  const using = tile.own ?? shared;
  const numbers = payload instanceof Int32Array ? payload : turns(payload, width, height, formula);
  const roots = Number(/^newton-(\d)/.exec(formula)?.[1] ?? 0);
  const ring = ringOf(using.name, () => freed(new Brush(using.name, 1, 0, formula), (brush) => brush.ring()));
  return colours(using.scale ? byRank(numbers, picture, width, height) : numbers, ring, using, roots);
}

/** @param {Int32Array} numbers @param {string} picture @param {number} width @param {number} height */
function byRank(numbers, picture, width, height) {
  if (seen && isSeen(picture)) return ranked(numbers, seen);
  const counts = nothing();
  count(counts, numbers, width, [0, 0, width, height]);
  return ranked(numbers, ranksOf(counts));
}

/** @template T @param {Brush} brush @param {(brush: Brush) => T} use @returns {T} */
function freed(brush, use) {
  try {
    return use(brush);
  } finally {
    brush.free();
  }
}

/** @param {{id: number, picture: string, texts: Record<string, string>, place?: FileSystemFileHandle}} data */
async function png({ id, picture: name, texts, place }) {
  const held = shelf.get(name);
  if (!held) throw new Error('no-picture');
  if (held.isForgotten) throw new Error('made-room');
  const { width, height } = held;
  if (width * height > PNG_PIXELS_MAX) throw new Error('too-large');
  const tiles = [...held.tiles.values()];
  const brushes = createBrushes({ Brush, Counts }, palette, tiles);
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
      const painted = brushes.of(tile).paint(tile.payload, tile.width, tile.height);
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
    brushes.free();
  }
}
