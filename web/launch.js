// The form of a new job: what to render, how large, in which colours; with a small picture of what will come.

import { element, say } from './store.js';
import { numeral, t, worded } from './language.js';

const SIZES = [
  [1280, 720, 'hd'], [1920, 1080, 'full-hd'], [2048, 1536, '4-3'], [3000, 3000, 'square-print'],
  [3840, 2160, '4k'], [4096, 2304, 'poster'], [1170, 2532, 'phone'], [8192, 8192, 'giant'],
];
const SERIES = [
  ['picture', 1, 'one-picture'], ['zoom', 24, 'zoom-of'], ['zoom', 96, 'zoom-of'],
  ['gallery', 12, 'gallery-of'], ['gallery', 48, 'gallery-of'],
];
const SIDE_MAX = 16_384; // what the kernel takes
const TILE = 256;
const PREVIEW_SIDE = 224; // a tile at most
const PREVIEW_MILLIS = 500; // after the view has come to rest

/** @param {import('./app.js').App} app */
export function createLaunch(app) {
  const size = /** @type {HTMLSelectElement} */ (element('field-size'));
  const series = /** @type {HTMLSelectElement} */ (element('field-series'));
  const preview = /** @type {HTMLCanvasElement} */ (element('job-preview'));
  let asked = 0;
  let timer = 0;
  /** What the preview shows. @type {unknown} */
  let shown = null;

  for (const [width, height, name] of SIZES) {
    size.append(worded(new Option('', `${width}x${height}`), String(name), { size: `${width} × ${height}` }));
  }
  for (const [place, [, n, name]] of SERIES.entries()) series.append(worded(new Option('', String(place)), String(name), { n: String(n) }));
  size.append(worded(new Option('', 'own'), 'own-size'));
  size.value = '1920x1080';

  function sides() {
    if (size.value === 'own') return [Number(element('field-width').value), Number(element('field-height').value)];
    return size.value.split('x').map(Number);
  }

  function chosen() {
    const [kind, frames] = SERIES[Number(series.value)] ?? SERIES[0];
    return { kind: String(kind), frames: Number(frames) };
  }

  function refresh() {
    element('own-size').hidden = size.value !== 'own';
    const [width, height] = sides();
    const isPossible = [width, height].every((side) => Number.isInteger(side) && side >= 1 && side <= SIDE_MAX);
    element('launch').disabled = !isPossible;
    const { frames } = chosen();
    const tiles = frames * Math.ceil(width / TILE) * Math.ceil(height / TILE);
    say(element('job-size'), isPossible
      ? t('megapixels', { n: tiles, size: numeral((frames * width * height) / 1e6) }) : t('side-max', { n: SIDE_MAX }));
    if (!isPossible) return;
    const scale = PREVIEW_SIDE / Math.max(width, height);
    const [w, h] = [width, height].map((side) => Math.max(1, Math.round(side * scale)));
    if (preview.width !== w || preview.height !== h) Object.assign(preview, { width: w, height: h });
    // At once what is on the screen, as wide as it will be; the rest follows.
    const explorer = element('explorer');
    const context = preview.getContext('2d', { alpha: false });
    if (context && explorer.width) {
      const tall = (explorer.height * w) / explorer.width;
      context.imageSmoothingQuality = 'high';
      context.drawImage(explorer, 0, (h - tall) / 2, w, tall);
    }
    clearTimeout(timer);
    timer = window.setTimeout(() => {
      app.forget(`n.${asked}.`);
      app.preview(`n.${asked += 1}.`, { ...app.store.get().view, width: w, height: h }, false);
    }, PREVIEW_MILLIS);
  }

  for (const id of ['field-series', 'field-size', 'field-width', 'field-height']) element(id).addEventListener('input', refresh);
  app.store.subscribe(({ view, catalogue }) => {
    if (!catalogue || view === shown) return;
    shown = view;
    refresh();
  });

  element('job-form').addEventListener('submit', (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    const [width, height] = sides();
    app.controls.refuse('');
    const { kind, frames } = chosen();
    const many = kind === 'picture' ? {} : { series: kind, frames, seed: String(crypto.getRandomValues(new Uint32Array(1))[0]) };
    app.album.launch({ width, height, ...many }).catch(() => {}); // the reason stands beside the form
  });

  return {
    refresh,
    /** @param {import('./painter.js').Painted} tile */
    take({ picture, bitmap }) {
      if (picture === `n.${asked}.`) preview.getContext('2d', { alpha: false })?.drawImage(bitmap, 0, 0);
      bitmap.close();
    },
  };
}
