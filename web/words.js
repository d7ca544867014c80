// Numbers, names and amounts as people read them, in the language of the page.

import { numeral, t } from './language.js';

/** Up to how many seconds a time is told in which unit. @type {[string, number, number][]} */
const UNITS = [['second', 1, 90], ['minute', 60, 5400], ['hour', 3600, Infinity]];

/** @param {number} seconds */
const unitOf = (seconds) => UNITS.findIndex(([, , end]) => seconds < end);

/** @param {number} seconds @param {boolean} [isBare] without its unit */
function timeIn(seconds, isBare = false) {
  const [unit, size] = UNITS[unitOf(seconds)];
  const maximumFractionDigits = seconds < 10 || size === 3600 ? 1 : 0;
  return numeral(seconds / size, isBare ? { maximumFractionDigits } : { style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits });
}

/** @param {number} seconds */
export const timeText = (seconds) => timeIn(seconds);

/** The unit once, if it is that of both. @param {number} least @param {number} most seconds */
export function timeRange(least, most) {
  const [from, to] = [timeText(least), timeText(most)];
  if (from === to) return t('left-about', { time: to });
  return t('left-range', { from: unitOf(least) === unitOf(most) ? timeIn(least, true) : from, to });
}

/** @param {number} bytes */
export function bytesText(bytes) {
  const isLarge = bytes >= 1e6;
  return numeral(bytes / (isLarge ? 1e6 : 1e3), {
    style: 'unit', unit: isLarge ? 'megabyte' : 'kilobyte', unitDisplay: 'short', maximumFractionDigits: isLarge ? 1 : 0,
  });
}

/** `burning-ship-julia` is the Burning ship Julia set. @param {string} formula */
export function familyName(formula) {
  if (formula === 'julia') return t('julia');
  const [, base = formula, power = '', isJulia] = /^(.*?)(?:-(\d+))?(-julia)?$/.exec(formula) ?? [];
  const key = `f-${base}`;
  const name = [t(key) === key ? base : t(key), power].filter(Boolean).join(' ');
  return t(isJulia ? 'julia-of' : 'set', { name });
}

/** The name under which a picture is saved. @param {import('./view.js').Picture} [view] */
export function fileName(view) {
  if (!view) return 'millefeuille.png';
  const { formula, re, im, zoom, width, height } = view;
  const short = (/** @type {string} */ text) => text.slice(0, 14);
  return `millefeuille-${formula}_${short(re)}_${short(im)}_z${zoom}_${width}x${height}.png`;
}

/** A peer as people read it. @param {string} id */
export const shortId = (id) => (id === 'self' ? t('this-tab') : id.slice(0, 8));
