// The stage: either the explorer or the picture of a job, and what lies over the picture.
//
// Over a picture lies a veil: where tiles are missing, a coarse preview of what will come; where
// they are here, on request, the colour of the peer that computed them. The veil is never part of
// the file that is saved.

import { element } from './store.js';
import { hueOf } from './jobs.js';

/** @typedef {import('./jobs.js').Job} Job */
/** @typedef {{x: number, y: number, width: number, height: number, worker: string, at: number}} Spot */

const GLOW_MILLIS = 900;
const BACKDROP_PIXELS = 224; // longest side: one tile

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
  /** @type {Map<string, Map<number, Spot>>} */
  const spots = new Map();
  /** @type {Map<string, ImageBitmap>} */
  const backdrops = new Map();
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
    const backdrop = backdrops.get(shown.id);
    if (backdrop && shown.tiles.size < shown.total) {
      context.imageSmoothingQuality = 'high';
      context.filter = 'saturate(0.55) brightness(0.6)';
      context.drawImage(backdrop, 0, 0, width, height);
      context.filter = 'none';
    }
    const scale = width / shown.view.width;
    const now = performance.now();
    let glowing = false;
    for (const spot of spots.get(shown.id)?.values() ?? []) {
      const box = /** @type {const} */ ([spot.x * scale, spot.y * scale, spot.width * scale, spot.height * scale]);
      const hue = hueOf(spot.worker);
      context.clearRect(...box);
      if (tinted) {
        context.fillStyle = `hsl(${hue} 80% 55% / 0.42)`;
        context.fillRect(...box);
      }
      const age = (now - spot.at) / GLOW_MILLIS;
      if (age < 1 && !calm.matches) {
        glowing = true;
        context.fillStyle = `hsl(${hue} 85% 65% / ${0.5 * (1 - age) ** 2})`;
        context.fillRect(...box);
      }
    }
    if (glowing) draw();
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
      veil.width = job.canvas.width;
      veil.height = job.canvas.height;
      draw();
    },
    /** A tile is on the job's canvas. @param {Job} job @param {import('./painter.js').Painted} tile */
    spot(job, { task, x, y, width, height, worker }) {
      const known = spots.get(job.id) ?? new Map();
      spots.set(job.id, known);
      // A tile that is painted again, in another palette, has not arrived again.
      const at = known.get(task)?.at ?? performance.now();
      known.set(task, { x, y, width, height, worker, at });
      if (job === shown) draw();
    },
    /** @param {string} job @param {ImageBitmap} bitmap */
    backdrop(job, bitmap) {
      backdrops.get(job)?.close();
      backdrops.set(job, bitmap);
      draw();
    },
    /** @param {string} from @param {string} to */
    rename(from, to) {
      const [known, backdrop] = [spots.get(from), backdrops.get(from)];
      if (known) spots.set(to, known);
      if (backdrop) backdrops.set(to, backdrop);
      spots.delete(from);
      backdrops.delete(from);
    },
    /** @param {string} job */
    forget(job) {
      backdrops.get(job)?.close();
      backdrops.delete(job);
      spots.delete(job);
    },
    /** Colours by peer, or not. @param {boolean} on */
    tint(on) {
      tinted = on;
      draw();
    },
  };
}
