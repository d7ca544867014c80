// Text chunks for a PNG that the browser has encoded: where the picture is, and what made it.
//
// Only splices; pixels and their encoding are the canvas'. Latin-1 text in tEXt chunks after IHDR.

const IHDR_END = 8 + 25; // signature, then length, type, 13 bytes, checksum

/**
 * @param {Blob} png
 * @param {Record<string, string>} texts
 */
export async function withText(png, texts) {
  const head = png.slice(0, IHDR_END);
  const chunks = Object.entries(texts).map(([keyword, text]) => chunk(keyword, text));
  return new Blob([head, ...chunks, png.slice(IHDR_END)], { type: 'image/png' });
}

/** @param {string} keyword @param {string} text */
function chunk(keyword, text) {
  const body = latin1(`tEXt${keyword}\0${text}`);
  const bytes = new Uint8Array(body.length + 8);
  const fields = new DataView(bytes.buffer);
  fields.setUint32(0, body.length - 4);
  bytes.set(body, 4);
  fields.setUint32(body.length + 4, crc32(body));
  return bytes;
}

/** @param {string} text */
function latin1(text) {
  return Uint8Array.from(text, (char) => (char.charCodeAt(0) < 256 ? char.charCodeAt(0) : 63));
}

/** @param {Uint8Array} bytes */
export function crc32(bytes) {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit += 1) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc >>> 0;
}
