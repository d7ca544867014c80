// The numbers of pictures, kept within a budget.
//
// Beyond it previews go first, then the pictures that the page can spare, each the oldest first.
// What is being rendered here or looked at stays, up to three times the budget. A picture that went is remembered
// as such, so that nobody takes the rest of it for the whole.

/** @typedef {{task: number, worker: string, x: number, y: number, width: number, height: number, formula: string, frame: number, payload: Uint8Array | Int32Array, own?: import('./view.js').Palette}} Tile `own` are its colours, whatever the palette */
/** @typedef {{width: number, height: number, whole: number, tiles: Map<number, Tile>, isForgotten: boolean}} Picture `whole` are the pixels of a frame */

const HARD = 3; // times the budget

/** Previews have a dot in their names; jobs do not. @param {string} name */
export const isPreview = (name) => name.includes('.');

/** @param {number} bytesMax of payloads */
export function createShelf(bytesMax) {
  /** @type {Map<string, Picture>} */
  const pictures = new Map();
  /** @type {Set<string>} */
  let spare = new Set();
  let heldBytes = 0;

  /** @param {string} name */
  function open(name) {
    const held = pictures.get(name) ?? { width: 0, height: 0, whole: 0, tiles: new Map(), isForgotten: false };
    pictures.set(name, held);
    return held;
  }

  /** @param {Picture} picture */
  function clear({ tiles }) {
    for (const tile of tiles.values()) heldBytes -= tile.payload.byteLength;
    tiles.clear();
  }

  function shrink() {
    for (const name of pictures.keys()) {
      if (heldBytes <= bytesMax) return;
      if (isPreview(name)) remove(name);
    }
    for (const [name, picture] of pictures) {
      if (heldBytes <= bytesMax) return;
      if (!spare.has(name)) continue;
      forget(picture);
    }
    // A stranger's job may be of any size, and be shown.
    while (heldBytes > HARD * bytesMax) {
      const bytes = (/** @type {Picture} */ { tiles }) => [...tiles.values()].reduce((sum, { payload }) => sum + payload.byteLength, 0);
      forget([...pictures.values()].reduce((one, other) => (bytes(other) > bytes(one) ? other : one)));
    }
  }

  /** @param {Picture} picture */
  function forget(picture) {
    clear(picture);
    picture.isForgotten = true;
  }

  /** @param {string} name */
  function remove(name) {
    const held = pictures.get(name);
    if (held) clear(held);
    pictures.delete(name);
  }

  return {
    /** @param {string} name @param {{width: number, height: number, whole: number}} size */
    size: (name, { width, height, whole }) => void Object.assign(open(name), { width, height, whole }),
    /** False for a tile that is here already. @param {string} name @param {Tile} tile */
    add(name, tile) {
      const held = open(name);
      if (held.tiles.has(tile.task)) return false;
      if (held.isForgotten) return true;
      held.tiles.set(tile.task, tile);
      heldBytes += tile.payload.byteLength;
      shrink();
      return true;
    },
    /** A tile was none; it, if it is here. @param {string} name @param {number} task */
    revoke(name, task) {
      const tile = pictures.get(name)?.tiles.get(task);
      if (!tile) return undefined;
      pictures.get(name)?.tiles.delete(task);
      heldBytes -= tile.payload.byteLength;
      return tile;
    },
    /** @param {string} name */
    get: (name) => pictures.get(name),
    /** The latest first. */
    all: () => [...pictures].reverse(),
    /** @param {string} from @param {string} to */
    rename(from, to) {
      const held = pictures.get(from);
      pictures.delete(from);
      if (held) pictures.set(to, held);
    },
    /** Which pictures may go when the budget is spent. @param {string[]} names */
    spare(names) {
      spare = new Set(names);
      shrink();
    },
    /** @param {string} prefix */
    drop(prefix) {
      for (const name of pictures.keys()) if (name.startsWith(prefix)) remove(name);
    },
  };
}
