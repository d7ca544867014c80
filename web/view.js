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

/** @typedef {{name: string, density: number, offset: number}} Palette */

/** @type {View} */
export const HOME = {
  formula: 'mandelbrot', re: '-0.68', im: '0', zoom: '0.95', c_re: '0', c_im: '0', max_iter: 2000,
};

/** @type {Palette} */
export const HOME_PALETTE = { name: 'ember', density: 1, offset: 0 };

const WIDTH_AT_ZOOM_1 = 4;
const DIGITS_MAX = 100; // what toFixed can print

/** @typedef {{digits: bigint, scale: number}} Decimal digits · 10^-scale */

/**
 * @param {string} text
 * @returns {Decimal | null}
 */
function parse(text) {
  const parts = /^([+-]?)(\d*)\.?(\d*)(?:e([+-]?\d{1,4}))?$/i.exec(text.trim());
  if (!parts || !(parts[2] || parts[3])) return null;
  const [, sign, whole, fraction, exponent = '0'] = parts;
  const digits = BigInt(`${whole}${fraction}`) * (sign === '-' ? -1n : 1n);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

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
 * @param {number} delta
 * @param {number} digits
 */
export function added(text, delta, digits) {
  const value = parse(text);
  if (!value || !Number.isFinite(delta)) return text;
  const scale = Math.min(Math.max(digits, 4), DIGITS_MAX);
  const step = BigInt(delta.toFixed(scale).replace('.', ''));
  return format({ digits: rescaled(value, scale) + step, scale });
}

/**
 * `a - b` as a number, exact before it is rounded.
 * @param {string} a
 * @param {string} b
 */
export function difference(a, b) {
  const [x, y] = [parse(a), parse(b)];
  if (!x || !y) return NaN;
  const scale = Math.max(x.scale, y.scale);
  return Number(`${rescaled(x, scale) - rescaled(y, scale)}e${-scale}`);
}

/**
 * Distance of two pixels of a picture this wide.
 * @param {View} view
 * @param {number} width
 */
export const pitch = (view, width) => WIDTH_AT_ZOOM_1 / (Number(view.zoom) * width);

/** Places that tell a thousandth of a pixel apart. @param {number} step */
const places = (step) => Math.ceil(-Math.log10(step)) + 3;

/** @param {number} zoom */
export function zoomText(zoom) {
  const text = zoom < 1e6 ? zoom.toPrecision(6) : zoom.toExponential(5);
  return text.replace('+', '').replace(/(\.\d*?)0+(e|$)/, '$1$2').replace(/\.(e|$)/, '$1');
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
  const step = pitch(view, width);
  const digits = places(step);
  return { ...view, re: added(view.re, dx * step, digits), im: added(view.im, -dy * step, digits) };
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
  const zoom = Math.min(Math.max(Number(view.zoom) * factor, 0.05), 1e300);
  const after = { ...view, zoom: zoomText(zoom) };
  // From the text, so that the point stays put to the last digit.
  const shift = pitch(view, width) - pitch(after, width);
  if (x === 0 && y === 0) return after;
  const digits = places(pitch(after, width));
  return { ...after, re: added(view.re, x * shift, digits), im: added(view.im, -y * shift, digits) };
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
  if (view.formula.endsWith('julia')) {
    fields.set('cr', view.c_re);
    fields.set('ci', view.c_im);
  }
  if (palette.density !== 1) fields.set('d', String(palette.density));
  if (palette.offset !== 0) fields.set('o', String(palette.offset));
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
  const number = (key, otherwise) => {
    const value = Number(fields.get(key) ?? NaN);
    return Number.isFinite(value) ? value : otherwise;
  };
  const view = {
    formula: /^[a-z][a-z0-9-]{1,29}$/.exec(fields.get('f') ?? '')?.[0] ?? HOME.formula,
    re: decimal('re', HOME.re), im: decimal('im', HOME.im), zoom: decimal('z', HOME.zoom),
    c_re: decimal('cr', HOME.c_re), c_im: decimal('ci', HOME.c_im),
    max_iter: Math.round(number('i', HOME.max_iter)),
  };
  const density = number('d', 1);
  const name = /^[a-z]{1,20}$/.test(fields.get('p') ?? '') ? String(fields.get('p')) : HOME_PALETTE.name;
  return { view, palette: { name, density: density > 0 ? density : 1, offset: number('o', 0) } };
}
