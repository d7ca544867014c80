// Numbers as people read them. No sentence is made here, and no unit is translated.

/** @param {number} count @param {string} one @param {string} [many] */
export const counted = (count, one, many = `${one}s`) =>
  `${count.toLocaleString()} ${count === 1 ? one : many}`;

/** @param {number} seconds */
export function timeText(seconds) {
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return `${(seconds / 3600).toFixed(1)} h`;
}

/** @param {number} bytes */
export function bytesText(bytes) {
  if (bytes < 1e6) return `${Math.round(bytes / 1e3)} kB`;
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** As people write it: `burning-ship-julia` is the Burning ship Julia set. @param {string} formula */
export function familyName(formula) {
  const words = formula.replace(/-?julia$/, ' Julia').replaceAll('-', ' ').trim();
  return `${words[0].toUpperCase()}${words.slice(1)} set`;
}

/** The name under which a picture is saved. @param {import('./view.js').Picture} [view] */
export function fileName(view) {
  if (!view) return 'millefeuille.png';
  const { formula, re, im, zoom, width, height } = view;
  const short = (/** @type {string} */ text) => text.slice(0, 14);
  return `millefeuille-${formula}_${short(re)}_${short(im)}_z${zoom}_${width}x${height}.png`;
}

/** A peer as people read it. @param {string} id */
export const shortId = (id) => (id === 'self' ? 'this tab' : id.slice(0, 8));
