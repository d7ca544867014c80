// A tile worker: computes one tile at a time for the pool of the node's worker.
//
// In: {module} once; {t:'compute', ticket, params, task}; {t:'abandon'}.
// Out: {ticket, payload} or {ticket, error}. Between two slices of a few milliseconds it looks for
// orders, so stopping takes effect at once. It holds no state between tiles.

import init, { Tile } from './kernel.js';

const SLICE_MILLIS = 8;

/** @type {Promise<unknown>} */
let ready = Promise.resolve();
/** Iterations that fill a slice; found by measuring. */
let budget = 1 << 20;
/** The ticket under way; another one, or none, ends the tile. */
let current = 0;

onmessage = ({ data }) => {
  if (data.module) ready = init({ module_or_path: data.module });
  else if (data.t === 'abandon') current = 0;
  else void compute(data);
};

/** @param {{ticket: number, params: Uint8Array, task: number}} order */
async function compute({ ticket, params, task }) {
  current = ticket;
  try {
    await ready;
    const tile = new Tile(params, task);
    while (current === ticket && !slice(tile)) await breath();
    if (current !== ticket) return tile.free();
    const payload = tile.finish();
    postMessage({ ticket, payload }, { transfer: [payload.buffer] });
  } catch (error) {
    postMessage({ ticket, error: error instanceof Error ? error.message : String(error) });
  }
}

/** @param {Tile} tile */
function slice(tile) {
  const begin = performance.now();
  const done = tile.step(budget);
  const spent = performance.now() - begin;
  if (!done && spent < SLICE_MILLIS / 2) budget = Math.min(budget * 2, 2 ** 40);
  if (spent > SLICE_MILLIS * 2) budget = Math.max(budget / 2, 1 << 16);
  return done;
}

// A turn of the event loop; timers would wait four milliseconds.
const channel = new MessageChannel();
/** One for each message under way: a tile that was abandoned still has to wake, to be freed. @type {(() => void)[]} */
const sleepers = [];
channel.port1.onmessage = () => sleepers.shift()?.();

/** @returns {Promise<void>} */
function breath() {
  return new Promise((resolve) => {
    sleepers.push(resolve);
    channel.port2.postMessage(null);
  });
}
