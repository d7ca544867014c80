// A job of many frames as one picture: a sheet with a cell for each frame, row by row.
//
// So everything that shows, paints, tints and saves a picture does it with a gallery or a zoom as well.
// The frames as files of their own are for `millefeuille watch`.

import { t } from './language.js';

const SHAPE = 3 / 2; // a sheet is about as wide for its height

/**
 * Of a gallery or a zoom, as `opened` and `listed` have it.
 * @typedef {{kind: 'gallery', seed: string, first: number, count: number, tiles: number}
 *   | {kind: 'zoom', first: number, count: number, tiles: number}} Frames
 */

/**
 * @param {number} count of the frames
 * @param {{width: number, height: number}} frame
 */
export function sheetOf(count, { width, height }) {
  const columns = Math.min(count, Math.max(1, Math.round(Math.sqrt((count * SHAPE * height) / width))));
  return { columns, width: columns * width, height: Math.ceil(count / columns) * height };
}

/**
 * Where a tile of a frame is on the sheet.
 * @param {{columns: number}} sheet
 * @param {{width: number, height: number}} cell
 * @param {{frame: number, x: number, y: number}} tile
 */
export function placed({ columns }, cell, { frame, x, y }) {
  return { x: x + (frame % columns) * cell.width, y: y + Math.floor(frame / columns) * cell.height };
}

/** @param {Frames} frames @param {{width: number, height: number}} cell */
export function framesText({ kind, count }, { width, height }) {
  return t(kind, { n: count, size: `${width} × ${height}` });
}
