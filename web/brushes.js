// Brushes for pictures whose numbers are kept as they came: in f64, and by rank where that is asked for.
//
// By rank a frame has its own histogram: of all of its tiles in a file, of those that are here on the screen, where it is
// made anew when they have become twice as many, and with the last. A picture's small preview speaks for all of
// it until then, so its colours hardly change as it grows.

/** @typedef {import('./shelf.js').Tile} Tile */
/** @typedef {import('./shelf.js').Picture} Picture */
/** @typedef {import('./view.js').Palette} Palette */
/** @typedef {Pick<typeof import('./kernel.js'), 'Brush' | 'Counts'>} Kernel */
/** @typedef {import('./kernel.js').Brush} Brush */
/** @typedef {{counts: import('./kernel.js').Counts, pixels: number, key?: string, brush?: Brush}} Known counted of a frame, and what was last painted with */

/** @param {Kernel} kernel @param {Tile[]} tiles */
function countsOf({ Counts }, tiles) {
  const counts = new Counts();
  for (const { payload, width, height } of tiles) if (payload instanceof Uint8Array) counts.add(payload, width, height);
  return counts;
}

/** What a tile is painted with. @param {Tile} tile @param {Palette} shared of tiles that have no colours of their own */
const lookOf = ({ formula, own }, shared) => {
  const { name, density, offset } = own ?? shared;
  return /** @type {const} */ ([name, density, offset, formula]);
};

/**
 * For a file: a brush for each look and, by rank, for each frame; of 12 to 70 kB, and no more than a job has frames.
 * @param {Kernel} kernel
 * @param {Palette} shared
 * @param {Tile[]} tiles of the file
 */
export function createBrushes(kernel, shared, tiles) {
  /** @type {Map<string, Brush>} */
  const brushes = new Map();
  /** @type {Map<number, Tile[]>} */
  const frames = new Map();
  if (shared.scale) for (const tile of tiles) frames.set(tile.frame, [...frames.get(tile.frame) ?? [], tile]);
  const counts = new Map([...frames].map(([frame, its]) => [frame, countsOf(kernel, its)]));
  return {
    /** @param {Tile} tile */
    of(tile) {
      const look = lookOf(tile, shared);
      const counted = counts.get(tile.frame);
      const key = [...look, counted && tile.frame].join();
      const known = brushes.get(key);
      if (known) return known;
      const plain = new kernel.Brush(...look);
      const brush = counted ? plain.ranked(counted) : plain;
      brushes.set(key, brush);
      return brush;
    },
    free: () => [...brushes.values(), ...counts.values()].forEach((each) => each.free()),
  };
}

/** For the screen. What it keeps goes with the pictures. @param {Kernel} kernel */
export function createRankedBrushes(kernel) {
  /** By frame. @type {WeakMap<Picture, Map<number, Known>>} */
  const pictures = new WeakMap();

  /** @param {Picture} picture */
  function framesOf(picture) {
    const frames = pictures.get(picture) ?? new Map();
    pictures.set(picture, frames);
    return frames;
  }

  return {
    /** The numbers of a small preview speak for the picture. @param {Picture} picture @param {Tile & {payload: Uint8Array}} preview */
    expect(picture, preview) {
      const { frame } = preview;
      if (!framesOf(picture).has(frame)) framesOf(picture).set(frame, { counts: countsOf(kernel, [preview]), pixels: picture.whole / 2 + 1 });
    },
    /** A tile was none. @param {Picture} picture @param {Tile} tile */
    forget: (picture, { frame }) => framesOf(picture).delete(frame),
    /** Tiles that have other colours now that this one is here. @param {Picture} picture @param {Tile} tile @returns {Tile[]} */
    renew(picture, tile) {
      const frames = framesOf(picture);
      const known = frames.get(tile.frame);
      const all = [...picture.tiles.values()].filter(({ frame }) => frame === tile.frame);
      const pixels = all.reduce((sum, { width, height }) => sum + width * height, 0);
      if (known && (pixels < Math.min(2 * known.pixels, picture.whole) || pixels === known.pixels)) return [];
      known?.counts.free();
      known?.brush?.free();
      // Of a picture that had to make room the tiles are not here.
      frames.set(tile.frame, { counts: countsOf(kernel, all.length ? all : [tile]), pixels });
      return all;
    },
    /** @param {Picture} picture @param {Tile} tile @param {Palette} shared */
    of(picture, tile, shared) {
      const known = /** @type {Known} */ (framesOf(picture).get(tile.frame));
      const look = lookOf(tile, shared);
      if (known.brush && known.key === look.join()) return known.brush;
      known.brush?.free();
      known.key = look.join();
      known.brush = new kernel.Brush(...look).ranked(known.counts);
      return known.brush;
    },
  };
}
