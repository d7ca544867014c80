// A tile worker: computes one tile at a time for the pool of the node's worker.
//
// In: {module, keeps} once; {t:'intensity', percent}; {t:'compute', ticket, params, task, urgent};
// {t:'audit', ticket, params, task, payload, seed, places}; {t:'abandon'}. Out: {ticket, payload,
// kept}, {ticket, sound} or {ticket, error}. Between two slices of a few milliseconds it looks for
// orders, so stopping takes effect at once, and rests as long as its share of the processor asks.
// Tiles that were dear are kept by the browser, and found again.

import init, { Inspection, Tile } from './kernel.js';
import { createKept } from './kept.js';

const SLICE_MILLIS = 8;
const DEAR_MILLIS = 10; // a tile that took longer is worth a place in the store
const REST_MILLIS_MAX = 2000; // that one slice earns: a machine that slept through it owes nothing

/** @type {Promise<unknown>} */
let ready = Promise.resolve();
/** Iterations that fill a slice; found by measuring. */
let budget = 1 << 20;
/** The ticket under way; another one, or none, ends the tile. */
let current = 0;
/** The share of its time that this worker computes, in percent. */
let intensity = 100;
/** Null where nothing may be kept. @type {ReturnType<typeof createKept> | null} */
let store = null;
/** Milliseconds of rest that the last slices earned. */
let owed = 0;

onmessage = ({ data }) => {
  if (data.module) {
    ready = init({ module_or_path: data.module });
    if (data.keeps && globalThis.crypto?.subtle) store = createKept(() => postMessage({ full: true }));
  } else if (data.t === 'intensity') [intensity, owed] = [data.percent, 0];
  else if (data.t === 'abandon') current = 0;
  else if (data.t === 'audit') void audit(data);
  else void compute(data);
};

/**
 * Looks at a tile of somebody else, without rests: others wait for it, and it is short.
 * @param {{ticket: number, params: Uint8Array, task: number, payload: Uint8Array, seed: bigint, places: number}} order
 */
async function audit({ ticket, params, task, payload, seed, places }) {
  current = ticket;
  try {
    await ready;
    const look = new Inspection(params, task, payload, seed, places);
    do {
      await breath();
      if (current !== ticket) return look.free();
    } while (!slice(look));
    postMessage({ ticket, sound: look.finish() });
  } catch (error) {
    postMessage({ ticket, error: error instanceof Error ? error.message : String(error) });
  }
}

/** @param {{ticket: number, params: Uint8Array, task: number, urgent: boolean}} order */
async function compute({ ticket, params, task, urgent }) {
  current = ticket;
  try {
    await ready;
    // What a person waits for is soon computed, and seldom asked for twice.
    const name = store && !urgent ? await nameOf(params, task) : '';
    const kept = name && await store?.get(name);
    if (current !== ticket) return;
    if (kept) return postMessage({ ticket, payload: kept, kept: true }, { transfer: [kept.buffer] });
    const tile = new Tile(params, task);
    let [millis, isDone] = [0, false];
    do {
      await (urgent || owed < 1 ? breath() : rest());
      if (current !== ticket) return tile.free();
      millis -= performance.now();
      isDone = slice(tile);
      millis += performance.now();
    } while (!isDone);
    const payload = tile.finish();
    if (name && millis > DEAR_MILLIS) store?.put(name, payload.slice());
    postMessage({ ticket, payload }, { transfer: [payload.buffer] });
  } catch (error) {
    postMessage({ ticket, error: error instanceof Error ? error.message : String(error) });
  }
}

/** Of all tiles of all builds. @param {Uint8Array} params @param {number} task @returns {Promise<string>} */
async function nameOf(params, task) {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(params)));
  const picture = btoa(String.fromCharCode(...digest.subarray(0, 18)));
  return `${new URL('.', import.meta.url).pathname} ${picture} ${task}`;
}

/** @param {Tile | Inspection} todo */
function slice(todo) {
  const begin = performance.now();
  const done = todo.step(budget);
  const spent = performance.now() - begin;
  owed += Math.min((spent * (100 - intensity)) / intensity, REST_MILLIS_MAX);
  if (!done && spent < SLICE_MILLIS / 2) budget = Math.min(budget * 2, 2 ** 40);
  if (spent > SLICE_MILLIS * 2) budget = Math.max(budget / 2, 1 << 16);
  return done;
}

/** A timer is late by its nature: what it overslept is taken off the next rest. */
async function rest() {
  const begin = performance.now();
  await new Promise((resolve) => setTimeout(resolve, owed));
  owed -= performance.now() - begin;
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
