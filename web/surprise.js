// What a seed chooses: views with the colours that become them, the same for everybody.

import { viewOfLink } from './view.js';

/**
 * @param {{painter: ReturnType<typeof import('./painter.js').createPainter>}} app
 * @param {number | string} seed
 * @param {number} index
 * @param {{width: number, height: number}} size
 */
export async function surprise({ painter }, seed, index, size) {
  const link = viewOfLink(`#${await painter.surprise(seed, index, size)}`);
  return /** @type {NonNullable<typeof link>} */ (link);
}
