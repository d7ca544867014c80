// The page's end of paint-worker.js.

import { foreignWorker, isOwn } from './spawn.js';
import { t } from './language.js';

/**
 * @typedef {object} Painted
 * @property {string} picture
 * @property {number} task
 * @property {string} worker
 * @property {number} x
 * @property {number} y
 * @property {number} width
 * @property {number} height
 * @property {ImageBitmap} bitmap to be closed by whoever draws it
 */

/**
 * @param {(painted: Painted) => void} onPainted
 * @param {(reason: string) => void} onTrouble
 */
export function createPainter(onPainted, onTrouble) {
  const worker = isOwn(import.meta.url)
    ? new Worker(new URL('./paint-worker.js', import.meta.url), { type: 'module' })
    : foreignWorker(new URL('./paint-worker.js', import.meta.url));
  /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void, onShare?: (share: number) => boolean}>} */
  const waiting = new Map();
  let asked = 0;
  let spared = '';

  worker.onmessage = ({ data }) => {
    if (data.t === 'painted') return data.tiles.forEach(onPainted);
    if (data.t === 'trouble') return onTrouble(data.reason);
    const { resolve, reject, onShare } = waiting.get(data.id) ?? {};
    if (data.t === 'share') return worker.postMessage({ t: 'go-on', file: data.id, is: onShare?.(data.share) ?? true });
    waiting.delete(data.id);
    if (data.error) reject?.(new Error(t(data.error)));
    else resolve?.(data.value);
  };
  worker.onerror = (event) => {
    event.preventDefault();
    const reason = event.message || 'no-painter';
    for (const { reject } of waiting.values()) reject(new Error(reason));
    waiting.clear();
    onTrouble(reason);
  };

  /** @param {object} question @param {(share: number) => boolean} [onShare] @returns {Promise<any>} */
  function ask(question, onShare) {
    const id = ++asked;
    worker.postMessage({ ...question, id });
    return new Promise((resolve, reject) => waiting.set(id, { resolve, reject, onShare }));
  }

  return {
    /** @param {any} tile */
    add: (tile) => worker.postMessage({ ...tile, t: 'add' }, [tile.payload]),
    /**
     * @param {import('./view.js').Palette} palette
     * @param {string} first prefix of what is painted first
     * @param {import('./viewer.js').Sight} sight what the explorer shows, if its ranks go by something else now
     */
    palette: ({ name, density, offset, scale }, first, sight) =>
      worker.postMessage({ t: 'palette', palette: { name, density, offset, scale }, first, sight }),
    /** @param {string} picture @param {{width: number, height: number}} size @param {{width: number, height: number}} frame */
    size: (picture, { width, height }, frame) =>
      worker.postMessage({ t: 'size', picture, width, height, whole: frame.width * frame.height }),
    /** @param {string} picture @param {number} task */
    revoke: (picture, task) => worker.postMessage({ t: 'revoke', picture, task }),
    /** @param {string} from @param {string} to */
    rename: (from, to) => worker.postMessage({ t: 'rename', from, to }),
    /** Pictures that may go when memory is short. @param {string[]} pictures */
    spare(pictures) {
      const names = pictures.join();
      if (names !== spared) worker.postMessage({ t: 'spare', pictures });
      spared = names;
    },
    /** @param {string} prefix */
    drop: (prefix) => worker.postMessage({ t: 'drop', prefix }),
    end: () => worker.terminate(),
    /**
     * @param {string} picture
     * @param {Record<string, string>} texts
     * @param {FileSystemFileHandle} [place]
     * @param {(share: number) => boolean} [onShare] hears how much is done, and says whether to go on
     * @returns {Promise<Blob>}
     */
    png: (picture, texts, place, onShare) => ask({ t: 'png', picture, texts, place }, onShare),
    /**
     * A picture that nobody asked for by name, as the parameters of a link.
     * @param {number | string} seed
     * @param {number} index
     * @param {{width: number, height: number}} size
     * @returns {Promise<string>}
     */
    surprise: (seed, index, { width, height }) => ask({ t: 'surprise', seed, index, width, height }),
  };
}
