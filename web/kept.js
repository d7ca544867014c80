// Tiles that this browser computed before: found again after a reload instead of computed again.
//
// A cache: it is written in batches, the tiles that were not used for longest go when it is full, and
// when the browser has no room at all it does without. Tiles of another build of the kernel are
// others, since their names begin with the folder that the kernel came from. Nothing is believed
// because it lies there: a tile goes back out as this peer's own work, so each is kept with a digest
// of its name and its bytes, and what does not agree with it is dropped and computed again.

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

/** Of a tile and its name: a tile in the wrong place is as wrong as a damaged one. @param {string} name @param {Uint8Array} bytes */
async function digestOf(name, bytes) {
  const head = new TextEncoder().encode(`${name}\n`);
  const whole = new Uint8Array(head.length + bytes.length);
  whole.set(head);
  whole.set(bytes, head.length);
  return new Uint8Array(await crypto.subtle.digest('SHA-256', whole));
}

/** A tile as it is kept. @typedef {{bytes: Uint8Array, digest: Uint8Array}} Sealed */

/** @param {string} name @param {Uint8Array} bytes @returns {Promise<Sealed>} */
export async function sealed(name, bytes) {
  return { bytes, digest: await digestOf(name, bytes) };
}

/** The tile, if what was kept is it. @param {string} name @param {unknown} kept @returns {Promise<Uint8Array | undefined>} */
export async function opened(name, kept) {
  const { bytes, digest } = /** @type {Partial<Sealed>} */ (kept ?? {});
  if (!(bytes instanceof Uint8Array && digest instanceof Uint8Array)) return undefined;
  const right = await digestOf(name, bytes);
  return right.length === digest.length && right.every((byte, at) => byte === digest[at]) ? bytes : undefined;
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
        const kept = await settled(transaction.objectStore(TILES).get(name));
        if (!kept) return undefined;
        transaction.objectStore(USES).put({ bytes: kept.bytes?.byteLength ?? 0, at: Date.now() }, name);
        const bytes = await opened(name, kept);
        if (!bytes) await remove(database, [name]);
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
async function write(database, batch) {
  // A transaction does not wait for digests.
  const tiles = await Promise.all([...batch].map(([name, bytes]) => sealed(name, bytes)));
  const transaction = database.transaction([TILES, USES], 'readwrite');
  [...batch.keys()].forEach((name, at) => {
    transaction.objectStore(TILES).put(tiles[at], name);
    transaction.objectStore(USES).put({ bytes: tiles[at].bytes.byteLength, at: Date.now() }, name);
  });
  return committed(transaction);
}

/** @param {IDBDatabase} database @param {string[]} names */
function remove(database, names) {
  const transaction = database.transaction([TILES, USES], 'readwrite');
  for (const name of names) for (const store of [TILES, USES]) transaction.objectStore(store).delete(name);
  return committed(transaction);
}

/** One of the workers of all tabs looks through everything. @param {IDBDatabase} database @param {number} bytesMax */
function sweep(database, bytesMax) {
  return navigator.locks.request(SWEEP_LOCK, { ifAvailable: true }, async (lock) => {
    if (!lock) return;
    const reading = database.transaction(USES).objectStore(USES);
    const [names, uses] = await Promise.all([settled(reading.getAllKeys()), settled(reading.getAll())]);
    const gone = surplus(names.map((name, at) => [String(name), uses[at]]), bytesMax);
    if (gone.length) await remove(database, gone);
  });
}
