// Writes a PNG: 8-bit RGB, opaque, with text chunks, band by band.
//
// Not the canvas' encoder: browsers that resist fingerprinting change the pixels that a canvas
// gives back, limit its size, and add an alpha channel. Deflate is the browser's own.

const SIGNATURE = Uint8Array.of(137, 80, 78, 71, 13, 10, 26, 10);
const RGB = 2;
const SUB = 1;
const UP = 2;

/**
 * @param {object} picture
 * @param {number} picture.width
 * @param {number} picture.height
 * @param {number} picture.rows of each band
 * @param {(top: number, rows: number) => Promise<Uint8Array>} picture.band RGBA pixels of a band
 * @param {Record<string, string>} picture.texts keyword and Latin-1 text
 * @param {(piece: Uint8Array<ArrayBuffer>) => Promise<void>} write takes the file, piece by piece; while it does, nothing more is made
 */
export async function encodePng({ width, height, rows, band, texts }, write) {
  const header = new DataView(new ArrayBuffer(13));
  header.setUint32(0, width);
  header.setUint32(4, height);
  header.setUint8(8, 8);
  header.setUint8(9, RGB);
  await write(SIGNATURE);
  await write(chunk('IHDR', new Uint8Array(header.buffer)));
  for (const [keyword, text] of Object.entries(texts)) await write(chunk('tEXt', latin1(`${keyword}\0${text}`)));

  const deflate = new CompressionStream('deflate');
  const writer = deflate.writable.getWriter();
  const filter = createFilter(width);
  const feed = async () => {
    for (let top = 0; top < height; top += rows) {
      const count = Math.min(rows, height - top);
      await writer.write(filter(await band(top, count), count));
    }
    await writer.close();
  };
  // Whichever end fails ends the other.
  await Promise.all([
    deflate.readable.pipeTo(new WritableStream({ write: (bytes) => write(chunk('IDAT', bytes)) })),
    feed().catch(async (error) => {
      await writer.abort(error);
      throw error;
    }),
  ]);
  await write(chunk('IEND', new Uint8Array()));
}

/**
 * Rows as differences from their left or their upper neighbours, whichever are smaller.
 * @param {number} width
 */
function createFilter(width) {
  const stride = width * 3;
  let above = new Uint8Array(stride);
  let row = new Uint8Array(stride);
  const sub = new Uint8Array(stride);
  const up = new Uint8Array(stride);

  /** @param {Uint8Array} pixels @param {number} count */
  return function filter(pixels, count) {
    const filtered = new Uint8Array(count * (stride + 1));
    let from = 0;
    for (let line = 0; line < count; line += 1) {
      for (let to = 0; to < stride; to += 3, from += 4) {
        row[to] = pixels[from];
        row[to + 1] = pixels[from + 1];
        row[to + 2] = pixels[from + 2];
      }
      let [subCost, upCost] = [0, 0];
      for (let at = 0; at < stride; at += 1) {
        const bySub = (row[at] - (at < 3 ? 0 : row[at - 3])) & 255;
        const byUp = (row[at] - above[at]) & 255;
        sub[at] = bySub;
        up[at] = byUp;
        subCost += bySub < 128 ? bySub : 256 - bySub;
        upCost += byUp < 128 ? byUp : 256 - byUp;
      }
      const begin = line * (stride + 1);
      filtered[begin] = subCost < upCost ? SUB : UP;
      filtered.set(subCost < upCost ? sub : up, begin + 1);
      [above, row] = [row, above];
    }
    return filtered;
  };
}

/** @param {string} type @param {Uint8Array} body @returns {Uint8Array<ArrayBuffer>} */
function chunk(type, body) {
  const bytes = new Uint8Array(body.length + 12);
  const fields = new DataView(bytes.buffer);
  fields.setUint32(0, body.length);
  bytes.set(latin1(type), 4);
  bytes.set(body, 8);
  fields.setUint32(body.length + 8, crc32(bytes.subarray(4, body.length + 8)));
  return bytes;
}

/** @param {string} text */
function latin1(text) {
  return Uint8Array.from(text, (char) => (char.charCodeAt(0) < 256 ? char.charCodeAt(0) : 63));
}

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  return crc;
});

/** @param {Uint8Array} bytes */
function crc32(bytes) {
  let crc = 0xffffffff;
  for (let at = 0; at < bytes.length; at += 1) crc = (crc >>> 8) ^ CRC_TABLE[(crc ^ bytes[at]) & 255];
  return ~crc >>> 0;
}
