// The explorer at work: viewer, gestures, address, what the canvas says in words, and the Julia preview.
//
// It knows which view is shown and in which colours; both are in the state of the app. Not here: the form
// beside the canvas (controls.js), and how tiles lie (viewer.js).

import { createGestures } from './gestures.js';
import { createTrail } from './trail.js';
import { createViewer } from './viewer.js';
import { element, say } from './store.js';
import { familyName } from './words.js';
import { numeral, t } from './language.js';
import { HOME_PALETTE, iterationsAt, jobOfLink, linkOf, linkOfJob, viewOfLink, wideOf } from './view.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {import('./view.js').Palette} Palette */

const SAY_MILLIS = 5000; // between two sentences to assistive technology
const JULIA = { width: 176, height: 132 };
const JULIA_ITER_MAX = 1000;
const BUSY_MILLIS = 30_000; // a look at a place
const CYCLE_SECONDS = 20; // once around the ring

/** @param {import('./app.js').App} app */
export function createExplorer(app) {
  const { store } = app;
  const canvas = /** @type {HTMLCanvasElement} */ (element('explorer'));
  const julia = /** @type {HTMLCanvasElement} */ (element('julia-canvas'));
  const progress = /** @type {HTMLProgressElement} */ (element('view-progress'));
  /** The job that the address names. @type {string | null} */
  let job = jobOfLink(location.hash);

  const viewer = createViewer({
    canvas,
    request: (name, view, task) => app.preview(name, view, name.startsWith('x'), task),
    forget: (prefix) => app.forget(prefix),
    inFlightMax: () => Math.max(store.get().workers, 1) + 2,
    onProgress: tell,
    onSight() {
      const sight = news();
      if (sight.length) paint(sight);
    },
  });
  const gestures = createGestures({
    canvas, box: element('box'),
    current: () => store.get().view,
    onView(view) {
      movedAt = performance.now();
      // Deeper, more steps; never fewer than somebody chose.
      const isMagnified = view.zoom !== store.get().view.zoom;
      show(isMagnified ? { ...view, max_iter: Math.max(chosen, iterationsAt(view.zoom)) } : view);
    },
    onPoint(at) {
      if (at) say(element('point'), gestures.text(at));
      pointAt(at ?? { x: 0, y: 0 });
    },
  });
  const follow = createTrail({
    read: () => location.hash,
    push: (link) => history.pushState(null, '', link),
    replace: (link) => history.replaceState(null, '', link),
  });

  /** When somebody moved the view last. */
  let movedAt = -BUSY_MILLIS;
  /** Steps that the latest link, place or person asked for. */
  let chosen = 0;
  /** What the ranks go by. */
  let told = '';

  /** A place is chosen. @param {View} view */
  function see(view) {
    chosen = view.max_iter;
    show(view);
  }

  /** @param {View} view */
  function show(view) {
    store.set({ view });
    viewer.show(view);
    pointAt({ x: 0, y: 0 });
    follow(link());
  }

  /** @param {Palette} palette */
  function colour(palette) {
    const { catalogue } = store.get();
    // A link may name a palette of another version.
    const isKnown = !catalogue || catalogue.palettes.some((/** @type {Palette} */ { name }) => name === palette.name);
    const known = isKnown ? palette : { ...palette, name: HOME_PALETTE.name };
    store.set({ palette: known });
    viewer.recolour();
    paint(news());
    follow(link());
  }

  /** Everything in the present colours, what is looked at first. @param {import('./viewer.js').Sight} sight */
  function paint(sight) {
    const { palette, shown } = store.get();
    app.painter.palette(palette, shown ?? viewer.first(), sight);
  }

  /** By what the ranks of the explorer go; nothing if it is as before. */
  function news() {
    const sight = store.get().palette.scale ? viewer.sight() : [];
    const text = JSON.stringify(sight);
    if (text === told) return [];
    told = text;
    return sight;
  }

  function link() {
    const { view, palette } = store.get();
    return job ? linkOfJob(job, view, palette) : linkOf(view, palette);
  }

  addEventListener('popstate', () => {
    const there = viewOfLink(location.hash);
    job = jobOfLink(location.hash);
    if (there) { colour(there.palette); see(there.view); }
    if (job && store.get().status === 'joined') app.watch(job);
  });

  // What is seen, in words.

  /** Sharp tiles in sight. */
  let drawn = { done: 0, total: 0 };
  let saidAt = -SAY_MILLIS;
  let sayTimer = 0;

  /** @param {number} done @param {number} total */
  function tell(done, total) {
    drawn = { done, total };
    if (done) app.controls.refuse('');
    progress.max = Math.max(total, 1);
    progress.value = done;
    progress.hidden = done >= total;
    clearTimeout(sayTimer);
    sayTimer = window.setTimeout(() => {
      saidAt = performance.now();
      const where = describe(store.get().view);
      say(element('view-spoken'), t(total ? 'drawn' : 'undrawn', { where, n: Math.floor((100 * done) / total) }));
    }, Math.max(saidAt + SAY_MILLIS - performance.now(), 400));
  }

  store.subscribe(({ view }) => {
    const where = describe(view);
    if (canvas.getAttribute('aria-label') !== where) canvas.setAttribute('aria-label', where);
  });

  // The Julia set of the point under the pointer, or of the middle.

  /** @type {View | null} */
  let juliaView = null;
  let asked = 0;
  let isWaiting = false;
  /** @type {import('./gestures.js').Point | null} */
  let late = null;

  function juliaFormula() {
    const { view, catalogue } = store.get();
    const name = view.formula === 'mandelbrot' ? 'julia' : `${view.formula}-julia`;
    return catalogue?.formulas.some((/** @type {any} */ each) => each.name === name) ? name : null;
  }

  /** @param {import('./gestures.js').Point} at */
  function pointAt(at) {
    const formula = element('julia-toggle').getAttribute('aria-pressed') === 'true' ? juliaFormula() : null;
    element('julia').hidden = !formula;
    if (!formula) return;
    if (isWaiting) { late = at; return; }
    const { re, im } = gestures.at(at);
    const { max_iter } = store.get().view;
    juliaView = { formula, re: '0', im: '0', zoom: '1.1', c_re: re, c_im: im, max_iter };
    isWaiting = true;
    app.forget(`j.${asked}.`);
    app.preview(`j.${asked += 1}.`, { ...juliaView, max_iter: Math.min(max_iter, JULIA_ITER_MAX), ...JULIA }, true);
  }

  /** @param {import('./painter.js').Painted} tile */
  function takeJulia({ bitmap }) {
    julia.getContext('2d', { alpha: false })?.drawImage(bitmap, 0, 0);
    bitmap.close();
    isWaiting = false;
    if (late) pointAt(late);
    late = null;
  }

  element('julia-toggle').addEventListener('click', () => {
    const button = element('julia-toggle');
    button.setAttribute('aria-pressed', String(button.getAttribute('aria-pressed') !== 'true'));
    isWaiting = false;
    pointAt({ x: 0, y: 0 });
  });
  element('julia').addEventListener('click', () => { if (juliaView) see({ ...juliaView, zoom: '1' }); });

  // Colours that wander. It is a choice of the visitor, and the same button ends it.

  let cycle = 0;

  element('cycle').addEventListener('click', () => {
    const button = element('cycle');
    const isOn = button.getAttribute('aria-pressed') !== 'true';
    button.setAttribute('aria-pressed', String(isOn));
    cancelAnimationFrame(cycle);
    if (!isOn) return;
    let before = performance.now();
    const frame = (/** @type {number} */ now) => {
      const { palette } = store.get();
      const offset = palette.offset + Math.max(now - before, 0) / 1000 / CYCLE_SECONDS;
      before = now;
      colour({ ...palette, offset: Math.round((offset > 1 ? offset - 1 : offset) * 1e4) / 1e4 });
      cycle = requestAnimationFrame(frame);
    };
    cycle = requestAnimationFrame(frame);
  });

  /** @type {[string, () => void][]} */
  const buttons = [
    ['zoom-in', () => gestures.magnify(1)], ['zoom-out', () => gestures.magnify(-1)],
    ['go-left', () => gestures.pan(-1, 0)], ['go-right', () => gestures.pan(1, 0)],
    ['go-up', () => gestures.pan(0, -1)], ['go-down', () => gestures.pan(0, 1)],
    ['fullscreen', () => void (document.fullscreenElement ? document.exitFullscreen() : element('stage').requestFullscreen())],
  ];
  for (const [id, act] of buttons) element(id).addEventListener('click', act);

  return {
    see, colour, viewer,
    drawn: () => drawn,
    /** Whether somebody is under way here. */
    isBusy: () => !canvas.hidden && performance.now() - movedAt < BUSY_MILLIS,
    /** The job that the address names. */
    job: () => job,
    /** A tile of the explorer or of its Julia preview. @param {import('./painter.js').Painted} tile */
    take: (tile) => (tile.picture.startsWith('j.') ? takeJulia(tile) : viewer.take(tile)),
    /** A small copy of what is seen. @param {number} width @param {number} height */
    thumbnail(width, height) {
      const small = document.createElement('canvas');
      Object.assign(small, { width, height });
      const scale = Math.max(width / canvas.width, height / canvas.height);
      const [w, h] = [canvas.width * scale, canvas.height * scale];
      const context = small.getContext('2d', { alpha: false });
      if (context) context.imageSmoothingQuality = 'high';
      context?.drawImage(canvas, (width - w) / 2, (height - h) / 2, w, h);
      return small.toDataURL('image/webp', 0.8);
    },
  };
}

/** @param {View} view */
function describe({ formula, re, im, zoom }) {
  const short = (/** @type {string} */ text) => (text.length > 12 ? `${text.slice(0, 12)}…` : text);
  const [m, e] = wideOf(zoom);
  const times = e < 6 ? numeral(m * 10 ** e, { maximumFractionDigits: 2 }) : `${numeral(m)} · 10^${e}`;
  return t('around', { family: familyName(formula), re: short(re), im: short(im), times });
}
