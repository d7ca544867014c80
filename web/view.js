// A view as the page holds it: decimal text, exact arithmetic on it, and the permalink.
//
// Coordinates stay text from the address bar to the kernel; nothing here rounds what a person
// typed. Moving and zooming add to the text with BigInt. Not here: what a picture looks like.

/**
 * @typedef {object} View
 * @property {string} formula
 * @property {string} re
 * @property {string} im
 * @property {string} zoom 1 shows a width of 4 units
 * @property {string} c_re
 * @property {string} c_im
 * @property {number} max_iter
 */

/** @typedef {View & {width: number, height: number}} Picture */

/** @typedef {{name: string, density: number, offset: number, scale?: 'rank'}} Palette by rank each colour covers as much of the picture as any other */

/** @type {View} */
export const HOME = {
  formula: 'mandelbrot', re: '-0.68', im: '0', zoom: '0.95', c_re: '0', c_im: '0', max_iter: 2000,
};

/** @type {Palette} */
export const HOME_PALETTE = { name: 'dusk', density: 1, offset: 0 };

const WIDTH_AT_ZOOM_1 = 4;
const ZOOM_MIN = 0.05;
const ZOOM_EXPONENT_MAX = 1085; // the digits of the centre are as long then as the kernel reads
const DEEP_ITER_MAX = 4e6; // the kernel takes few more in a deep picture
const CHARS_MAX = 1100; // of a number in a link: the kernel's own limit

/** @typedef {{digits: bigint, scale: number}} Decimal digits · 10^-scale */
/** @typedef {[number, number]} Wide m · 10^e with 1 ≤ |m| < 10, or zeros: far beyond the range of doubles */

/** m · 10^e: a power written out is rounded once, one that is computed is not. @param {number} m @param {number} e */
const tens = (m, e) => m && m * Number(`1e${e}`);

/** @param {number} m @param {number} [e] @returns {Wide} */
export function wide(m, e = 0) {
  if (!m) return [0, 0];
  const shift = Math.floor(Math.log10(Math.abs(m)));
  return [tens(m, -shift), e + shift];
}

/** @param {Wide} a @param {Wide} b */
const times = ([a, i], [b, j]) => wide(a * b, i + j);

/** As a double; infinite or 0 beyond their range. @param {Wide} value */
export const number = ([m, e]) => tens(m, e);

/** @param {Wide} a @param {Wide} b */
export const ratio = ([a, i], [b, j]) => tens(a / b, i - j);

/**
 * @param {string} text
 * @returns {Decimal | null}
 */
function parse(text) {
  const parts = text.length <= CHARS_MAX && /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d{1,4}))?$/i.exec(text.trim());
  if (!parts || !(parts[2] || parts[3])) return null;
  const [, sign, whole, fraction, exponent = '0'] = parts;
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

/** Not a number for text that is none. @param {Decimal | null} value @returns {Wide} */
function widened(value) {
  if (!value) return [NaN, 0];
  const text = String(value.digits);
  const head = text.slice(0, 20); // more than a double holds
  return wide(Number(head), text.length - head.length - value.scale);
}

/** @param {string} text */
export const wideOf = (text) => widened(parse(text));

/**
 * @param {Decimal} value
 * @param {number} scale
 */
function rescaled({ digits, scale: from }, scale) {
  if (scale >= from) return digits * 10n ** BigInt(scale - from);
  const unit = 10n ** BigInt(from - scale);
  const half = digits < 0n ? -unit / 2n : unit / 2n;
  return (digits + half) / unit;
}

/** @param {Decimal} value */
function format({ digits, scale }) {
  const sign = digits < 0n ? '-' : '';
  const text = (digits < 0n ? -digits : digits).toString().padStart(scale + 1, '0');
  const fraction = text.slice(text.length - scale).replace(/0+$/, '');
  const whole = text.slice(0, text.length - scale);
  return scale && fraction ? `${sign}${whole}.${fraction}` : digits === 0n ? '0' : `${sign}${whole}`;
}

/**
 * `text + delta`, to `digits` places.
 * @param {string} text
 * @param {Wide} delta
 * @param {number} digits
 */
export function added(text, [m, e], digits) {
  const value = parse(text);
  if (!value || !Number.isFinite(m)) return text;
  const scale = Math.max(digits, 4);
  const shift = e + scale;
  const kept = Math.min(shift, 15);
  const step = BigInt(Math.round(tens(m, kept))) * 10n ** BigInt(shift - kept);
  return format({ digits: rescaled(value, scale) + step, scale });
}

/**
 * How many steps `a` lies above `b`, exact before it is rounded.
 * @param {string} a
 * @param {string} b
 * @param {Wide} [step]
 */
export function difference(a, b, step = [1, 0]) {
  const [x, y] = [parse(a), parse(b)];
  if (!x || !y) return NaN;
  const scale = Math.max(x.scale, y.scale);
  return ratio(widened({ digits: rescaled(x, scale) - rescaled(y, scale), scale }), step);
}

/**
 * Distance of two pixels of a picture this wide.
 * @param {View} view
 * @param {number} width
 */
export function pitch({ zoom }, width) {
  const [m, e] = wideOf(zoom);
  return wide(WIDTH_AT_ZOOM_1 / (m * width), -e);
}

/** Places that tell a thousandth of a pixel apart. @param {Wide} step */
const places = ([, e]) => 3 - e;

/** @param {Wide} zoom */
export function zoomText(zoom) {
  const text = zoom[1] < 6 ? number(zoom).toPrecision(6) : `${zoom[0].toPrecision(6)}e${zoom[1]}`;
  return text.replace(/(\.\d*?)0+(e|$)/, '$1$2').replace(/\.(e|$)/, '$1');
}

/**
 * The view moved by pixels of a canvas this wide.
 * @param {View} view
 * @param {number} width
 * @param {number} dx to the right
 * @param {number} dy downwards
 * @returns {View}
 */
export function moved(view, width, dx, dy) {
  return shifted(view, pitch(view, width), dx, dy);
}

/** @param {View} view @param {Wide} step @param {number} dx @param {number} dy @returns {View} */
export function shifted(view, step, dx, dy) {
  const digits = places(step);
  const by = (/** @type {number} */ pixels) => times(wide(pixels), step);
  return { ...view, re: added(view.re, by(dx), digits), im: added(view.im, by(-dy), digits) };
}

/**
 * The view magnified by `factor` about a point, in pixels from the middle of the canvas.
 * @param {View} view
 * @param {number} width
 * @param {number} factor
 * @param {number} x
 * @param {number} y
 * @returns {View}
 */
export function zoomed(view, width, factor, x, y) {
  const [m, e] = wideOf(view.zoom);
  let zoom = wide(m * factor, e);
  if (number(zoom) < ZOOM_MIN) zoom = wide(ZOOM_MIN);
  if (zoom[1] >= ZOOM_EXPONENT_MAX) zoom = [1, ZOOM_EXPONENT_MAX];
  const after = { ...view, zoom: zoomText(zoom) };
  if (x === 0 && y === 0) return after;
  // From the text, so that the point stays put to the last digit.
  const step = pitch(after, width);
  const grown = ratio(pitch(view, width), step) - 1;
  return shifted(after, step, x * grown, y * grown);
}

/** Steps that pictures at this depth usually need: fewer would fill their fine parts with the inside. @param {string} zoom */
export function iterationsAt(zoom) {
  const [m, e] = wideOf(zoom);
  const depth = Math.max(Math.log10(m) + e, 0) || 0;
  return Math.min(Math.round(2 * (depth + 4) ** 1.5) * 100, DEEP_ITER_MAX);
}

/** Both coordinates from one text, as `-0.75 + 0.1i`. @param {string} text @returns {{re: string, im: string} | null} */
export function coordinates(text) {
  const parts = /^([+-]?[\d.]+(?:e[+-]?\d+)?)(?:[,;]?\s+|\s*(?=[+-]))([+-]?)\s*([\d.]+(?:e[+-]?\d+)?)\s*\*?i?$/i.exec(text.trim());
  if (!parts || !parse(parts[1]) || !parse(parts[3])) return null;
  return { re: parts[1], im: parts[2] === '-' ? `-${parts[3]}` : parts[3] };
}

/**
 * @param {View} view
 * @param {Palette} palette
 */
export function linkOf(view, palette) {
  const fields = new URLSearchParams({
    v: '1', f: view.formula, re: view.re, im: view.im, z: view.zoom, i: String(view.max_iter),
    p: palette.name,
  });
  if (view.c_re !== HOME.c_re || view.c_im !== HOME.c_im) {
    fields.set('cr', view.c_re);
    fields.set('ci', view.c_im);
  }
  if (palette.density !== 1) fields.set('d', String(palette.density));
  if (palette.offset !== 0) fields.set('o', String(palette.offset));
  if (palette.scale) fields.set('s', palette.scale);
  return `#${fields}`;
}

/**
 * The link that shows a job to whoever opens it.
 * @param {string} job
 * @param {View} view
 * @param {Palette} palette
 */
export const linkOfJob = (job, view, palette) => `${linkOf(view, palette)}&job=${job}`;

/** The job that a link names, if it names one. @param {string} hash @returns {string | null} */
export function jobOfLink(hash) {
  const job = new URLSearchParams(hash.replace(/^#/, '')).get('job') ?? '';
  return /^[0-9a-f]{32}$/.test(job) ? job : null;
}

/**
 * What a permalink names; unknown or damaged parts are left at home.
 * @param {string} hash
 * @returns {{view: View, palette: Palette} | null}
 */
export function viewOfLink(hash) {
  const fields = new URLSearchParams(hash.replace(/^#/, ''));
  if (!fields.has('re')) return null;
  /** @param {string} key @param {string} otherwise */
  const decimal = (key, otherwise) => {
    const text = fields.get(key) ?? '';
    return parse(text) ? text : otherwise;
  };
  /** @param {string} key @param {number} otherwise */
  const plain = (key, otherwise) => {
    const value = Number(fields.get(key) ?? NaN);
    return Number.isFinite(value) ? value : otherwise;
  };
  const view = {
    formula: /^[a-z][a-z0-9-]{1,29}$/.exec(fields.get('f') ?? '')?.[0] ?? HOME.formula,
    re: decimal('re', HOME.re), im: decimal('im', HOME.im), zoom: decimal('z', HOME.zoom),
    c_re: decimal('cr', HOME.c_re), c_im: decimal('ci', HOME.c_im),
    max_iter: Math.round(plain('i', HOME.max_iter)),
  };
  const density = plain('d', 1);
  const name = /^[a-z]{1,20}$/.test(fields.get('p') ?? '') ? String(fields.get('p')) : HOME_PALETTE.name;
  /** @type {Palette} */
  const palette = { name, density: density > 0 ? density : 1, offset: plain('o', 0) };
  return { view, palette: fields.get('s') === 'rank' ? { ...palette, scale: 'rank' } : palette };
}
