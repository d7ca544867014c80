// Tiles that this browser computed before: found again after a reload instead of computed again.
//
// A cache: it is written in batches, the tiles that were not used for longest go when it is full, and
// when the browser has no room at all it does without. Tiles of another build of the kernel are
// others, since their names begin with the folder that the kernel came from.

import { TILES, USES, committed, openDatabase, settled } from './database.js';

export const KEPT_BYTES_MAX = 256 * 2 ** 20;

const BATCH_TILES = 32;
const BATCH_MILLIS = 250;
const SWEEP_TILES = 128; // written between two looks at the whole
const SWEEP_SHARE = 0.9; // of the limit that is left after one
const SWEEP_LOCK = 'millefeuille-sweep';

/**
 * Names of what goes so that the rest is at most `bytesMax`: the longest unused first.
 * @param {[string, {bytes: number, at: number}][]} uses
 * @param {number} bytesMax
 * @returns {string[]}
 */
export function surplus(uses, bytesMax) {
  let bytes = uses.reduce((sum, [, use]) => sum + use.bytes, 0);
  if (bytes <= bytesMax) return [];
  const gone = [];
  for (const [name, use] of [...uses].sort(([, a], [, b]) => a.at - b.at)) {
    if (bytes <= bytesMax * SWEEP_SHARE) break;
    bytes -= use.bytes;
    gone.push(name);
  }
  return gone;
}

/** @param {() => void} [onFull] the browser gives no room at all @param {number} [bytesMax] */
export function createKept(onFull, bytesMax = KEPT_BYTES_MAX) {
  /** Null when there is no store to be had. @type {Promise<IDBDatabase | null>} */
  const opening = openDatabase().catch(() => null);
  /** @type {Map<string, Uint8Array>} */
  let waiting = new Map();
  let timer = 0;
  let written = SWEEP_TILES; // the first batch looks at once
  let isFull = false;

  async function flush() {
    clearTimeout(timer);
    timer = 0;
    const batch = waiting;
    waiting = new Map();
    const database = await opening;
    if (!database || isFull) return;
    try {
      await write(database, batch);
    } catch {
      // Most likely there is no room: half of it goes, and then the browser has the last word.
      try {
        await sweep(database, bytesMax / 2);
        await write(database, batch);
      } catch {
        isFull = true;
        onFull?.();
      }
    }
    written += batch.size;
    if (written < SWEEP_TILES) return;
    written = 0;
    await sweep(database, bytesMax).catch(() => {});
  }

  return {
    /** @param {string} name @returns {Promise<Uint8Array | undefined>} */
    async get(name) {
      const database = await opening;
      if (waiting.has(name) || !database) return waiting.get(name);
      try {
        const transaction = database.transaction([TILES, USES], 'readwrite');
        const bytes = await settled(transaction.objectStore(TILES).get(name));
        if (bytes) transaction.objectStore(USES).put({ bytes: bytes.byteLength, at: Date.now() }, name);
        return bytes;
      } catch {
        return undefined; // erased, or closed by a newer page
      }
    },
    /** @param {string} name @param {Uint8Array} bytes */
    put(name, bytes) {
      waiting.set(name, bytes);
      if (waiting.size >= BATCH_TILES) void flush();
      else timer ||= Number(setTimeout(flush, BATCH_MILLIS));
    },
  };
}

/** @param {IDBDatabase} database @param {Map<string, Uint8Array>} batch */
function write(database, batch) {
  const transaction = database.transaction([TILES, USES], 'readwrite');
  for (const [name, bytes] of batch) {
    transaction.objectStore(TILES).put(bytes, name);
    transaction.objectStore(USES).put({ bytes: bytes.byteLength, at: Date.now() }, name);
  }
  return committed(transaction);
}

/** One of the workers of all tabs looks through everything. @param {IDBDatabase} database @param {number} bytesMax */
function sweep(database, bytesMax) {
  return navigator.locks.request(SWEEP_LOCK, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    const reading = database.transaction(USES).objectStore(USES);
    const [names, uses] = await Promise.all([settled(reading.getAllKeys()), settled(reading.getAll())]);
    const gone = surplus(names.map((name, at) => [String(name), uses[at]]), bytesMax);
    if (!gone.length) return;
    const transaction = database.transaction([TILES, USES], 'readwrite');
    for (const name of gone) for (const store of [TILES, USES]) transaction.objectStore(store).delete(name);
    await committed(transaction);
  });
}
