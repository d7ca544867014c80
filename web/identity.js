// The key of this tab: made once, kept by the browser, never readable by a script.
//
// An Ed25519 key pair of WebCrypto lies in IndexedDB, its secret half non-extractable, beside the
// voucher of the network, where its introducers are, and the number of the last start. Two tabs of one browser are two peers:
// each takes the first identity that no other tab holds, guarded by a Web Lock for the life of its
// worker (which also asks the browser not to freeze it). Without a store the key lives as long as
// the tab, and the page says so.

import { IDENTITY, openDatabase, settled } from './database.js';

const IDENTITIES_MAX = 64; // beyond it a tab gets a key of its own that is not kept

/**
 * @typedef {object} Identity
 * @property {Uint8Array} publicKey
 * @property {number} epoch
 * @property {Uint8Array} voucher empty if there is none
 * @property {string} introducers WebSockets of the network, separated by spaces
 * @property {boolean} kept
 * @property {(bytes: Uint8Array) => Promise<Uint8Array>} sign
 * @property {(voucher: Uint8Array, introducers: string) => void} keepVoucher
 */

/**
 * @typedef {object} Kept
 * @property {CryptoKeyPair} keys
 * @property {Uint8Array} publicKey
 * @property {number} epoch
 * @property {Uint8Array} voucher
 * @property {string} [introducers]
 */

/** @param {boolean} mayKeep whether the browser may keep it @returns {Promise<Identity>} */
export async function openIdentity(mayKeep) {
  if (!globalThis.crypto?.subtle) {
    throw new Error('no-https');
  }
  const slot = mayKeep ? await takeSlot() : null;
  const database = slot === null ? null : await openDatabase().catch(() => null);
  const kept = database && await read(database, /** @type {number} */ (slot)).catch(() => null);
  const fresh = kept ?? await generate();
  // Higher at each start, also when the store was cleared in between.
  const record = { ...fresh, epoch: Math.max(fresh.epoch + 1, Date.now()) };
  /** @returns {Promise<boolean>} */
  const save = async () => {
    if (!database || slot === null) return false;
    return write(database, slot, record).then(() => true, () => false);
  };
  const isKept = await save();
  return {
    publicKey: record.publicKey,
    epoch: record.epoch,
    voucher: record.voucher,
    introducers: record.introducers ?? '',
    kept: isKept,
    async sign(bytes) {
      const { privateKey } = record.keys;
      return new Uint8Array(await crypto.subtle.sign('Ed25519', privateKey, new Uint8Array(bytes)));
    },
    keepVoucher(voucher, introducers) {
      Object.assign(record, { voucher, introducers });
      void save();
    },
  };
}

/** @returns {Promise<Kept>} */
async function generate() {
  /** @type {CryptoKeyPair} */
  let keys;
  try {
    keys = /** @type {any} */ (await crypto.subtle.generateKey('Ed25519', false, ['sign', 'verify']));
  } catch {
    throw new Error('no-ed25519');
  }
  const publicKey = new Uint8Array(await crypto.subtle.exportKey('raw', keys.publicKey));
  return { keys, publicKey, epoch: 0, voucher: new Uint8Array() };
}

/** The number of an identity that no other tab uses, held until this worker ends. */
async function takeSlot() {
  if (!navigator.locks) return null;
  for (let slot = 0; slot < IDENTITIES_MAX; slot += 1) {
    if (await hold(`millefeuille-identity-${slot}`)) return slot;
  }
  return null;
}

/** @param {string} name @returns {Promise<boolean>} */
function hold(name) {
  return new Promise((resolve) => {
    navigator.locks.request(name, { ifAvailable: true }, (lock) => {
      resolve(lock !== null);
      // Never settles: the lock is held until the worker ends.
      return lock ? new Promise(() => {}) : undefined;
    }).catch(() => resolve(false));
  });
}

/** @param {IDBDatabase} database @param {number} slot @returns {Promise<Kept | undefined>} */
function read(database, slot) {
  return settled(database.transaction(IDENTITY).objectStore(IDENTITY).get(slot));
}

/** @param {IDBDatabase} database @param {number} slot @param {Kept} record */
function write(database, slot, record) {
  return settled(database.transaction(IDENTITY, 'readwrite').objectStore(IDENTITY).put(record, slot));
}
