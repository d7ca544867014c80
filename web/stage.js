// The stage: either the explorer or the picture of a job, and what lies over the picture.
//
// Over a picture lies a veil: a glow where a tile has just arrived and, on request, the colour of
// the peer that computed each. It is drawn in every frame while something glows, so it is coarse;
// the picture beneath is drawn once a tile, in jobs.js.

import { element } from './store.js';
import { hueOf } from './jobs.js';

/** @typedef {import('./jobs.js').Job} Job */

const GLOW_MILLIS = 900;
const GLOW_STEP_MILLIS = 60; // a fading glow may be seen to step; the cores are for tiles
const BACKDROP_PIXELS = 224; // longest side: one tile
const VEIL_PIXELS = 512; // longest side

const calm = matchMedia('(prefers-reduced-motion: reduce)');

/** The view of a job, small enough to be one tile. @param {import('./view.js').Picture} view */
export function backdropView(view) {
  const scale = Math.max(view.width, view.height) / BACKDROP_PIXELS;
  const side = (/** @type {number} */ pixels) => Math.max(1, Math.round(pixels / scale));
  return { ...view, width: side(view.width), height: side(view.height) };
}

export function createStage() {
  const holder = element('picture');
  const veil = /** @type {HTMLCanvasElement} */ (element('veil'));
  /** @type {Job | null} */
  let shown = null;
  let tinted = false;
  let due = false;

  function draw() {
    if (due) return;
    due = true;
    requestAnimationFrame(paint);
  }

  function paint() {
    due = false;
    const context = veil.getContext('2d');
    if (!context || !shown) return;
    const { width, height } = veil;
    context.clearRect(0, 0, width, height);
    const scale = width / shown.view.width;
    const now = performance.now();
    let glowing = false;
    for (const [task, spot] of shown.painted) {
      const age = (now - spot.at) / GLOW_MILLIS;
      const glows = age < 1 && !calm.matches;
      glowing ||= glows;
      const box = /** @type {const} */ ([spot.x * scale, spot.y * scale, spot.width * scale, spot.height * scale]);
      const hue = hueOf(shown.tiles.get(task) ?? '');
      if (tinted) {
        context.fillStyle = `hsl(${hue} 80% 55% / 0.42)`;
        context.fillRect(...box);
      }
      if (glows) {
        context.fillStyle = `hsl(${hue} 85% 65% / ${0.5 * (1 - age) ** 2})`;
        context.fillRect(...box);
      }
    }
    if (glowing) setTimeout(draw, GLOW_STEP_MILLIS);
  }

  /** Makes the veil as large as a canvas, in coarser pixels. @param {HTMLCanvasElement} canvas */
  function cover({ width, height }) {
    let scale = 1;
    while (Math.max(width, height) / scale > VEIL_PIXELS) scale *= 2;
    veil.width = Math.ceil(width / scale);
    veil.height = Math.ceil(height / scale);
    // With `object-fit: contain` the same box as a canvas that only has maximal sizes.
    veil.style.inlineSize = `min(100%, ${width}px)`;
    veil.style.blockSize = `min(100%, ${height}px)`;
  }

  return {
    /** @param {Job | null} job null shows the explorer */
    show(job) {
      if (job === shown) return;
      shown = job;
      holder.hidden = !job;
      element('explorer').hidden = Boolean(job);
      element('tools').hidden = Boolean(job);
      if (!job) return;
      holder.querySelector('.tiles')?.remove();
      job.canvas.className = 'tiles';
      holder.prepend(job.canvas);
      cover(job.canvas);
      draw();
    },
    /** A tile is on the job's canvas. @param {Job} job */
    spot(job) {
      if (job === shown) draw();
    },
    /** Colours by peer, or not. @param {boolean} on */
    tint(on) {
      tinted = on;
      draw();
    },
  };
}
