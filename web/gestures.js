// Gestures on the explorer: each ends in the view that is wanted. Not here: what is drawn of it.
//
// Drag moves, wheel and pinch magnify about the pointer, shift and drag draws a box to fill the canvas,
// double click and the keys + − and arrows do the same in steps. Whatever a gesture does, a button or a key
// does too.

import { moved, number, pitch, wideOf, zoomed } from './view.js';

/** @typedef {import('./view.js').View} View */
/** @typedef {{x: number, y: number}} Point in pixels of the canvas, from its middle */

const WHEEL_STEP = 0.0018;
const BOX_SIDE_MIN = 8; // pixels; less is a slip
const GLIDE_MILLIS = 260;
const STEP = 1.6; // of a key or button

const calm = matchMedia('(prefers-reduced-motion: reduce)');

/**
 * @param {object} options
 * @param {HTMLCanvasElement} options.canvas
 * @param {HTMLElement} options.box shown while one is drawn
 * @param {() => View} options.current
 * @param {(view: View) => void} options.onView a gesture wants this view
 * @param {(at: Point | null) => void} options.onPoint where the pointer is
 */
export function createGestures({ canvas, box, current, onView, onPoint }) {
  /** @type {Map<number, Point>} */
  const fingers = new Map();
  /** Where a box was begun. @type {Point | null} */
  let corner = null;
  let glide = 0;

  /** @param {MouseEvent} event @returns {Point} */
  function fromMiddle({ clientX, clientY }) {
    const { left, top, width, height } = canvas.getBoundingClientRect();
    return { x: ((clientX - left) / width - 0.5) * canvas.width, y: ((clientY - top) / height - 0.5) * canvas.height };
  }

  /** @param {View} from @param {number} factor @param {Point} [about] */
  const magnified = (from, factor, about = { x: 0, y: 0 }) => zoomed(from, canvas.width, factor, about.x, about.y);

  /** Magnifies in a short flight, or at once where motion is unwanted. @param {number} factor @param {Point} [about] */
  function fly(factor, about) {
    cancelAnimationFrame(glide);
    const from = current();
    if (calm.matches || document.hidden) return onView(magnified(from, factor, about));
    const begin = performance.now();
    const frame = () => {
      const part = Math.min((performance.now() - begin) / GLIDE_MILLIS, 1);
      onView(magnified(from, factor ** (1 - (1 - part) ** 3), about));
      if (part < 1) glide = requestAnimationFrame(frame);
    };
    frame();
  }

  /** @param {number} right @param {number} down in eighths of the canvas */
  function pan(right, down) {
    cancelAnimationFrame(glide);
    onView(moved(current(), canvas.width, (right * canvas.width) / 8, (down * canvas.height) / 8));
  }

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button > 0) return;
    cancelAnimationFrame(glide);
    canvas.setPointerCapture(event.pointerId);
    const here = fromMiddle(event);
    if (event.shiftKey && event.isPrimary) corner = here;
    else fingers.set(event.pointerId, here);
    canvas.classList.toggle('dragging', !corner);
  });

  canvas.addEventListener('pointermove', (event) => {
    const here = fromMiddle(event);
    onPoint(here);
    if (corner) return drawBox(corner, here);
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
    fingers.set(event.pointerId, here);
    if (!other) return onView(moved(current(), canvas.width, before.x - here.x, before.y - here.y));
    // What lay under both fingers stays under them.
    const span = (/** @type {Point} */ at) => Math.max(Math.hypot(at.x - other.x, at.y - other.y), 1);
    const middle = (/** @type {Point} */ at) => ({ x: (at.x + other.x) / 2, y: (at.y + other.y) / 2 });
    const [old, now] = [middle(before), middle(here)];
    const panned = moved(current(), canvas.width, old.x - now.x, old.y - now.y);
    onView(magnified(panned, span(here) / span(before), now));
  });

  for (const kind of /** @type {const} */ (['pointerup', 'pointercancel'])) {
    canvas.addEventListener(kind, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) canvas.classList.remove('dragging');
      if (!corner) return;
      if (kind === 'pointerup') fill(corner, fromMiddle(event));
      corner = null;
      box.hidden = true;
    });
  }
  canvas.addEventListener('pointerleave', () => onPoint(null));

  /** @param {Point} a @param {Point} b */
  function drawBox(a, b) {
    const scale = canvas.clientWidth / canvas.width;
    const px = (/** @type {number} */ pixels) => `${pixels * scale}px`;
    box.hidden = false;
    Object.assign(box.style, {
      left: px(Math.min(a.x, b.x) + canvas.width / 2), top: px(Math.min(a.y, b.y) + canvas.height / 2),
      width: px(Math.abs(a.x - b.x)), height: px(Math.abs(a.y - b.y)),
    });
  }

  /** The box becomes the canvas. @param {Point} a @param {Point} b */
  function fill(a, b) {
    const [width, height] = [Math.abs(a.x - b.x), Math.abs(a.y - b.y)];
    if (Math.max(width, height) < BOX_SIDE_MIN) return;
    const factor = Math.min(canvas.width / Math.max(width, 1), canvas.height / Math.max(height, 1));
    const there = moved(current(), canvas.width, (a.x + b.x) / 2, (a.y + b.y) / 2);
    onView(magnified(there, factor));
  }

  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    cancelAnimationFrame(glide);
    const lines = event.deltaMode === 1 ? 16 : 1;
    const pinch = event.ctrlKey ? 5 : 1; // a touchpad's pinch comes in small steps
    onView(magnified(current(), Math.exp(-event.deltaY * lines * pinch * WHEEL_STEP), fromMiddle(event)));
  }, { passive: false });

  canvas.addEventListener('dblclick', (event) => fly(event.shiftKey ? 0.4 : 2.5, fromMiddle(event)));

  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => pan(-1, 0), ArrowRight: () => pan(1, 0), ArrowUp: () => pan(0, -1), ArrowDown: () => pan(0, 1),
    '+': () => fly(STEP), '=': () => fly(STEP), '-': () => fly(1 / STEP),
  };
  canvas.addEventListener('keydown', (event) => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });

  return {
    pan,
    magnify: (/** @type {1 | -1} */ way) => fly(STEP ** way),
    /** The view whose middle is here. @param {Point} at */
    at: ({ x, y }) => moved(current(), canvas.width, x, y),
    /** Coordinates of a point, with no more digits than tell pixels apart. @param {Point} at */
    text(at) {
      const there = moved(current(), canvas.width, at.x, at.y);
      const digits = Math.min(Math.max(1 - pitch(current(), canvas.width)[1], 3), 12);
      const short = (/** @type {string} */ text) => number(wideOf(text)).toFixed(digits);
      return `${short(there.re)} ${there.im.startsWith('-') ? '−' : '+'} ${short(there.im).replace('-', '')} i`;
    },
  };
}
