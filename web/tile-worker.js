// A tile worker: computes one tile at a time for the pool of the node's worker.
//
// In: {module} once; {t:'compute', ticket, params, task}; {t:'audit', ticket, params, task, payload,
// seed, places}; {t:'abandon'}. Out: {ticket, payload}, {ticket, sound} or {ticket, error}. Between two slices of a few milliseconds it looks for
// orders, so stopping takes effect at once. It holds no state between tiles.

import init, { Inspection, Tile } from './kernel.js';

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
  else void work(data);
};

/**
 * @typedef {{ticket: number, params: Uint8Array, task: number}} Order
 * @param {Order & {payload?: Uint8Array, seed: bigint, places: number}} order
 */
async function work({ ticket, params, task, payload, seed, places }) {
  current = ticket;
  try {
    await ready;
    if (payload) {
      const look = await steps(ticket, new Inspection(params, task, payload, seed, places));
      if (look) postMessage({ ticket, sound: look.finish() });
    } else {
      const tile = (await steps(ticket, new Tile(params, task)))?.finish();
      if (tile) postMessage({ ticket, payload: tile }, { transfer: [tile.buffer] });
    }
  } catch (error) {
    postMessage({ ticket, error: error instanceof Error ? error.message : String(error) });
  }
}

/**
 * Takes all steps; null when the ticket was abandoned on the way.
 * @template {Tile | Inspection} T
 * @param {number} ticket
 * @param {T} todo
 */
async function steps(ticket, todo) {
  while (current === ticket && !slice(todo)) await breath();
  if (current === ticket) return todo;
  todo.free();
  return null;
}

/** @param {Tile | Inspection} todo */
function slice(todo) {
  const begin = performance.now();
  const done = todo.step(budget);
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
