// The one database of this page in the browser: its stores, opening it, and erasing it.
//
// Everything in it is a cache: the network holds what matters, and a visitor may erase it all.

const NAME = 'millefeuille';
const VERSION = 2;

/** Keys by slot; payloads of tiles by name; their sizes and last uses by the same names. */
export const IDENTITY = 'identity';
export const TILES = 'tiles';
export const USES = 'uses';

/** @template T @param {IDBRequest<T>} request @returns {Promise<T>} */
export function settled(request) {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Resolves when everything asked of a transaction is done. @param {IDBTransaction} transaction @returns {Promise<void>} */
export function committed(transaction) {
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = transaction.onerror = () => reject(transaction.error);
  });
}

/** @returns {Promise<IDBDatabase>} */
export async function openDatabase() {
  const request = indexedDB.open(NAME, VERSION);
  request.onupgradeneeded = () => {
    const { result: database } = request;
    for (const store of [IDENTITY, TILES, USES]) {
      if (!database.objectStoreNames.contains(store)) database.createObjectStore(store);
    }
  };
  const database = await settled(request);
  // Another tab erases everything, or has a newer page.
  database.onversionchange = () => database.close();
  return database;
}

/** How much it holds. */
export async function counted() {
  const known = await indexedDB.databases();
  if (!known.some(({ name }) => name === NAME)) return { keys: 0, tiles: 0, bytes: 0 };
  const database = await openDatabase();
  const transaction = database.transaction([IDENTITY, USES]);
  const [keys, uses] = await Promise.all([
    settled(transaction.objectStore(IDENTITY).count()),
    settled(/** @type {IDBRequest<{bytes: number}[]>} */ (transaction.objectStore(USES).getAll())),
  ]);
  database.close();
  return { keys, tiles: uses.length, bytes: uses.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/** Everything that this origin keeps. Whoever has a database open must have ended. */
export async function eraseEverything() {
  for (const { name } of await indexedDB.databases()) {
    if (name) await settled(indexedDB.deleteDatabase(name));
  }
  for (const name of await globalThis.caches?.keys() ?? []) await caches.delete(name);
  localStorage.clear();
  sessionStorage.clear();
}
