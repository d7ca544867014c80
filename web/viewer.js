// The explorer: a canvas on which one drags, zooms and types, and which sharpens when left alone.
//
// A view becomes three pictures of growing sharpness, computed by the tile workers; meanwhile the
// last frame is shown moved and scaled. It knows pixels and gestures; numbers are the workers', and
// which view is shown is the caller's.

import { difference, moved, pitch, zoomed } from './view.js';

/** @typedef {import('./view.js').View} View */

const LAYERS = [8, 3, 1]; // pixels of the canvas for each computed one
const SIDE_MULTIPLE = 24; // so that every layer has whole sides
const PIXELS_MAX = 2200 * 1400; // above it the canvas has coarser pixels than the screen
const REQUEST_MILLIS = 90; // between two requests while a finger moves
const WHEEL_STEP = 0.0018;

/**
 * @param {object} options
 * @param {HTMLCanvasElement} options.canvas
 * @param {(view: View) => void} options.onView a gesture wants this view
 * @param {(picture: string, view: View & {width: number, height: number}) => void} options.request
 * @param {(prefix: string) => void} options.forget
 * @param {(point: string) => void} options.onPoint for the readout
 */
export function createViewer({ canvas, onView, request, forget, onPoint }) {
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d', { alpha: false }));
  const frame = document.createElement('canvas');
  const ink = /** @type {CanvasRenderingContext2D} */ (frame.getContext('2d', { alpha: false }));
  /** What the frame shows. @type {View | null} */
  let framed = null;
  /** @type {View | null} */
  let view = null;
  let generation = 0;
  /** The sharpest layer of which a tile is drawn: a coarser one that is late is not wanted. */
  let reached = 0;
  let requestTimer = 0;
  let requestedAt = 0;
  let frameDue = false;
  let ratio = 1;

  // Size.

  function resize() {
    const { clientWidth, clientHeight } = canvas;
    if (!clientWidth || !clientHeight) return;
    ratio = Math.min(devicePixelRatio || 1, Math.sqrt(PIXELS_MAX / (clientWidth * clientHeight)));
    const round = (/** @type {number} */ side) =>
      Math.max(SIDE_MULTIPLE, Math.ceil((side * ratio) / SIDE_MULTIPLE) * SIDE_MULTIPLE);
    const [width, height] = [round(clientWidth), round(clientHeight)];
    if (canvas.width === width && canvas.height === height) return;
    const old = framed && frame.width > 1 ? copy(frame) : null;
    for (const each of [canvas, frame]) Object.assign(each, { width, height });
    if (old) ink.drawImage(old, (width - old.width) / 2, (height - old.height) / 2);
    if (view) show(view);
  }
  new ResizeObserver(resize).observe(canvas);

  // Drawing.

  /** Where the frame lies on the canvas of the view. */
  function placement() {
    if (!view || !framed) return null;
    const scale = Number(view.zoom) / Number(framed.zoom);
    const step = pitch(view, canvas.width);
    const x = difference(framed.re, view.re) / step;
    const y = -difference(framed.im, view.im) / step;
    return { scale, x, y };
  }

  /** @param {CanvasRenderingContext2D} target @param {CanvasImageSource} source */
  function drawMoved(target, source) {
    const at = placement();
    const { width, height } = canvas;
    target.fillStyle = '#120b08';
    target.fillRect(0, 0, width, height);
    if (!at || !Number.isFinite(at.x + at.y) || at.scale > 1e4) return;
    target.imageSmoothingEnabled = true;
    target.drawImage(source, width / 2 + at.x - (width / 2) * at.scale,
      height / 2 + at.y - (height / 2) * at.scale, width * at.scale, height * at.scale);
  }

  function draw() {
    if (frameDue) return;
    frameDue = true;
    requestAnimationFrame(() => {
      frameDue = false;
      drawMoved(context, frame);
    });
  }

  /** From now on the frame is of the current view: what it showed is moved into place. */
  function reframe() {
    if (framed === view || !view) return;
    const old = copy(frame);
    drawMoved(ink, old);
    framed = view;
  }

  /** A tile of one of the layers is painted. @param {import('./painter.js').Painted} tile */
  function take({ picture, x, y, width, height, bitmap }) {
    const [, of, layer] = picture.split('.').map(Number);
    if (of === generation && layer >= reached) {
      reached = layer;
      reframe();
      const scale = LAYERS[layer];
      ink.imageSmoothingEnabled = scale > 1;
      ink.drawImage(bitmap, x * scale, y * scale, width * scale, height * scale);
      draw();
    }
    bitmap.close();
  }

  // Asking for pictures.

  function ask() {
    clearTimeout(requestTimer);
    requestTimer = 0;
    requestedAt = performance.now();
    if (!view || !canvas.width) return;
    forget(`x.${generation}.`);
    generation += 1;
    reached = 0;
    LAYERS.forEach((scale, layer) => {
      const size = { width: canvas.width / scale, height: canvas.height / scale };
      request(`x.${generation}.${layer}`, { .../** @type {View} */ (view), ...size });
    });
  }

  /** Shows a view. @param {View} next */
  function show(next) {
    view = next;
    draw();
    if (requestTimer) return;
    const wait = Math.max(0, requestedAt + REQUEST_MILLIS - performance.now());
    requestTimer = window.setTimeout(ask, wait);
  }

  // Gestures.

  /** The pointer in pixels of the canvas, from its middle. @param {MouseEvent} event */
  function fromMiddle({ clientX, clientY }) {
    const box = canvas.getBoundingClientRect();
    return {
      x: ((clientX - box.left) / box.width - 0.5) * canvas.width,
      y: ((clientY - box.top) / box.height - 0.5) * canvas.height,
    };
  }

  /** @type {Map<number, {x: number, y: number}>} */
  const fingers = new Map();

  canvas.addEventListener('pointerdown', (event) => {
    if (event.button > 0) return;
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, fromMiddle(event));
    canvas.classList.add('dragging');
  });

  canvas.addEventListener('pointermove', (event) => {
    const here = fromMiddle(event);
    const before = fingers.get(event.pointerId);
    if (view) onPoint(pointText(here));
    if (!before || !view) return;
    const others = [...fingers].filter(([id]) => id !== event.pointerId).map(([, at]) => at);
    fingers.set(event.pointerId, here);
    if (others.length === 0) {
      onView(moved(view, canvas.width, before.x - here.x, before.y - here.y));
    } else {
      const [other] = others;
      const span = (/** @type {{x: number, y: number}} */ at) => Math.hypot(at.x - other.x, at.y - other.y);
      const factor = Math.min(Math.max(span(here) / Math.max(span(before), 1), 0.5), 2);
      const middle = { x: (here.x + other.x) / 2, y: (here.y + other.y) / 2 };
      const shift = { x: (before.x - here.x) / 2, y: (before.y - here.y) / 2 };
      const panned = moved(view, canvas.width, shift.x, shift.y);
      onView(zoomed(panned, canvas.width, factor, middle.x, middle.y));
    }
  });

  for (const kind of /** @type {const} */ (['pointerup', 'pointercancel'])) {
    canvas.addEventListener(kind, (event) => {
      fingers.delete(event.pointerId);
      if (!fingers.size) canvas.classList.remove('dragging');
    });
  }

  canvas.addEventListener('wheel', (event) => {
    event.preventDefault();
    if (!view) return;
    const { x, y } = fromMiddle(event);
    const lines = event.deltaMode === 1 ? 16 : 1;
    onView(zoomed(view, canvas.width, Math.exp(-event.deltaY * lines * WHEEL_STEP), x, y));
  }, { passive: false });

  canvas.addEventListener('dblclick', (event) => {
    if (!view) return;
    const { x, y } = fromMiddle(event);
    onView(zoomed(view, canvas.width, event.shiftKey ? 0.5 : 2, x, y));
  });

  canvas.addEventListener('keydown', (event) => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });

  /** @param {number} right @param {number} down in eighths of the canvas */
  function pan(right, down) {
    if (!view) return;
    onView(moved(view, canvas.width, (right * canvas.width) / 8, (down * canvas.height) / 8));
  }

  /** @param {number} factor */
  function zoom(factor) {
    if (view) onView(zoomed(view, canvas.width, factor, 0, 0));
  }

  /** @type {Record<string, () => void>} */
  const keys = {
    ArrowLeft: () => pan(-1, 0), ArrowRight: () => pan(1, 0),
    ArrowUp: () => pan(0, -1), ArrowDown: () => pan(0, 1),
    '+': () => zoom(1.5), '=': () => zoom(1.5), '-': () => zoom(1 / 1.5),
  };

  /** @param {{x: number, y: number}} at */
  function pointText(at) {
    if (!view) return '';
    const there = moved(view, canvas.width, at.x, at.y);
    const digits = Math.min(Math.max(Math.ceil(-Math.log10(pitch(view, canvas.width))), 3), 12);
    const short = (/** @type {string} */ text) => Number(text).toFixed(digits);
    return `${short(there.re)} ${Number(there.im) < 0 ? '−' : '+'} ${short(there.im).replace('-', '')} i`;
  }

  return { show, take, pan, zoom, resize };
}

/** @param {HTMLCanvasElement} canvas */
function copy(canvas) {
  const twin = document.createElement('canvas');
  Object.assign(twin, { width: canvas.width, height: canvas.height });
  twin.getContext('2d')?.drawImage(canvas, 0, 0);
  return twin;
}
