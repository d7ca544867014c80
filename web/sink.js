// Where a file goes while it is made: to a place on the disk that the visitor chose, or to the browser.
//
// Small pieces are gathered: a file is written in large ones, and what the browser holds leaves this worker's memory
// with each of them. Nothing is at a chosen place, or what was there before, until the file is whole.

const PART_BYTES = 4 * 2 ** 20;

/** @typedef {Awaited<ReturnType<typeof openSink>>} Sink */

/** @param {string} type @param {FileSystemFileHandle} [place] */
export async function openSink(type, place) {
  const file = await place?.createWritable();
  /** @type {Blob[]} */
  const parts = [];
  /** @type {Uint8Array<ArrayBuffer>[]} */
  let pieces = [];
  let bytes = 0;

  async function flush() {
    const part = new Blob(pieces);
    pieces = [];
    bytes = 0;
    if (file) await file.write(part);
    else parts.push(part);
  }

  return {
    /** @param {Uint8Array<ArrayBuffer>} piece */
    async write(piece) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes >= PART_BYTES) await flush();
    },
    /** All that was written; nothing in it if it went to a place. */
    async close() {
      await flush();
      await file?.close();
      return new Blob(parts, { type });
    },
    /** As if nothing had been written. */
    async abort() {
      await file?.abort();
      // Whoever asks for a place makes an empty file there.
      if (place && !(await place.getFile()).size) await /** @type {any} */ (place).remove?.();
    },
  };
}
