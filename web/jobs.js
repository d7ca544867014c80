// The jobs of this tab as the page knows them: which tiles are here, and from whom.
//
// A job is opened by the network or by this tab; its numbers go to the painter, its colours come
// back and are drawn once, on a canvas that is as large as a screen needs. Where tiles are missing
// it shows a coarse preview of what will come; the file that is saved is made of the numbers, so
// it never has any of that. Not here: panels, and who computes what.

import { sheetOf } from './sheet.js';
import { t } from './language.js';

/** @typedef {{formula: string, own?: import('./view.js').Palette}} Look of a frame of a gallery, whose colours are its own */
/** @typedef {{x: number, y: number, width: number, height: number, at: number}} Spot of a painted tile, and since when */

/**
 * @typedef {object} Job
 * @property {string} id
 * @property {string} owner
 * @property {boolean} mine
 * @property {import('./view.js').Picture} view of many frames the sheet that shows them all, of which only the size is known
 * @property {import('./sheet.js').Frames} [frames] if there are many
 * @property {number} columns of frames
 * @property {{width: number, height: number}} cell a frame
 * @property {Map<number, Promise<Look>>} looks of the frames of a gallery, as far as they were asked for
 * @property {Map<number, Promise<void>>} waiting tiles whose look is asked for
 * @property {number} total
 * @property {Map<number, string>} tiles who computed each tile that is here
 * @property {Map<number, Spot>} painted the tiles whose colours are on the canvas
 * @property {Record<string, number>} by tiles by peer
 * @property {'running' | 'finished' | 'cancelled' | 'orphaned' | 'refused'} state
 * @property {string} reason
 * @property {number} openedAt
 * @property {number} endedAt
 * @property {number[]} arrivals of the last tiles, for the rate
 * @property {number} participants
 * @property {number} reassigned
 * @property {number} duplicates
 * @property {number} epoch how often the owner changed, and one
 * @property {number} recordCopies peers that hold the job's record
 * @property {number} copiesMin of a finished tile, as far as this tab knows
 * @property {number} copiesTotal of all finished tiles
 * @property {number} scale pixels of the picture for each of the canvas
 * @property {HTMLCanvasElement} canvas
 */

const CANVAS_SIDE_MAX = 2560;
const ARRIVALS_MAX = 48;
const JOBS_MAX = 12; // the one that ended longest ago is forgotten

/** What runs is over: this tab has left. @param {Iterable<Job>} jobs */
export function endAll(jobs) {
  for (const job of jobs) if (job.state === 'running') noteState(job, 'cancelled');
}

/** @param {any} note an `opened` of the worker @returns {Job} */
export function openJob({ picture, owner, mine, tasks, view: one, frames }) {
  const sheet = sheetOf(frames?.count ?? 1, one);
  const view = { ...one, width: sheet.width, height: sheet.height };
  const canvas = document.createElement('canvas');
  const scale = scaleFor(view);
  canvas.width = Math.ceil(view.width / scale);
  canvas.height = Math.ceil(view.height / scale);
  if (frames) drawCells(canvas, one, frames.count, sheet.columns, scale);
  return {
    id: picture, owner, mine, view, frames, columns: sheet.columns, cell: one, looks: new Map(), waiting: new Map(), total: tasks, tiles: new Map(), painted: new Map(), by: {},
    state: 'running', reason: '', openedAt: performance.now(), endedAt: 0, arrivals: [], participants: 1,
    reassigned: 0, duplicates: 0, epoch: 1, recordCopies: 0, copiesMin: 0, copiesTotal: 0, scale, canvas,
  };
}

/**
 * Where frames will be, so that what is not there yet is seen as such.
 * @param {HTMLCanvasElement} canvas
 * @param {{width: number, height: number}} cell
 * @param {number} count
 * @param {number} columns
 * @param {number} scale
 */
function drawCells(canvas, { width, height }, count, columns, scale) {
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) return;
  context.fillStyle = '#2a1b11';
  const [w, h] = [width / scale, height / scale];
  for (let at = 0; at < count; at += 1) context.fillRect((at % columns) * w + 1, Math.floor(at / columns) * h + 1, w - 2, h - 2);
}

/**
 * Pixels of a picture for each of its canvas, in each direction: as many as no screen of this size tells apart.
 * Browsers keep several copies of a canvas that was seen, so a finer one costs a page dearly.
 * @param {{width: number, height: number}} view
 * @param {{width: number, height: number}} [screen] pixels; without one only the largest side counts
 */
export function scaleFor({ width, height }, screen = screenSize()) {
  // A power of two keeps the edges of tiles on whole pixels, so no seams show.
  const fit = Math.max(width / screen.width, height / screen.height);
  let scale = 1;
  while (Math.max(width, height) / scale > CANVAS_SIDE_MAX || scale * 2 <= fit) scale *= 2;
  return scale;
}

function screenSize() {
  const { screen = { width: Infinity, height: Infinity }, devicePixelRatio = 1 } = globalThis;
  return { width: screen.width * devicePixelRatio, height: screen.height * devicePixelRatio };
}

/** A tile's numbers are here. @param {Job} job @param {number} task @param {string} worker */
export function noteTile(job, task, worker) {
  if (job.tiles.has(task)) return;
  job.tiles.set(task, worker);
  job.by[worker] = (job.by[worker] ?? 0) + 1;
  job.arrivals.push(performance.now());
  if (job.arrivals.length > ARRIVALS_MAX) job.arrivals.shift();
  if (job.tiles.size === job.total) job.endedAt = performance.now();
}

/** A tile that was here is none: its place is dark until another comes. @param {Job} job @param {number} task */
export function revokeTile(job, task) {
  const worker = job.tiles.get(task);
  if (worker === undefined) return;
  job.tiles.delete(task);
  job.by[worker] -= 1;
  job.endedAt = 0;
  const spot = job.painted.get(task);
  if (!spot) return;
  job.painted.delete(task);
  const { x, y, width, height } = spot;
  const context = job.canvas.getContext('2d', { alpha: false });
  context?.clearRect(x / job.scale, y / job.scale, width / job.scale, height / job.scale);
}

/** This tab has a name now: what it did before is that name's. @param {Job} job @param {string} me */
export function nameSelf(job, me) {
  for (const [task, worker] of job.tiles) if (worker === 'self') job.tiles.set(task, me);
  const { self = 0, ...by } = job.by;
  job.by = self ? { ...by, [me]: (by[me] ?? 0) + self } : by;
}

/** A tile's colours are here. @param {Job} job @param {import('./painter.js').Painted} tile */
export function drawTile({ canvas, scale, painted }, { task, x, y, width, height, bitmap }) {
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) return;
  context.imageSmoothingQuality = 'high';
  context.drawImage(bitmap, x / scale, y / scale, width / scale, height / scale);
  // A tile that is painted again, in another palette, has not arrived again.
  const at = painted.get(task)?.at ?? performance.now();
  painted.set(task, { x, y, width, height, at });
}

/**
 * Shows a coarse picture of the job, greyed, where tiles are missing. Once for all of them: a veil
 * over the canvas would cost its filter in every frame.
 * @param {Job} job
 * @param {ImageBitmap} preview
 */
export function drawBeneath({ canvas, scale, painted }, preview) {
  const context = canvas.getContext('2d', { alpha: false });
  if (!context) return;
  const { width, height } = canvas;
  const missing = new Path2D();
  missing.rect(0, 0, width, height);
  for (const { x, y, width, height } of painted.values()) {
    missing.rect(x / scale, y / scale, width / scale, height / scale);
  }
  context.save();
  context.clip(missing, 'evenodd');
  context.imageSmoothingQuality = 'high';
  context.filter = 'saturate(0.55) brightness(0.6)';
  context.drawImage(preview, 0, 0, width, height);
  context.restore();
}

/** @param {Job} job @param {any} summary of a report */
export function noteSummary(job, summary) {
  const { owner, participants, reassigned, duplicates, epoch, recordCopies, copiesMin, copiesTotal } = summary;
  Object.assign(job, { owner, participants, reassigned, duplicates, epoch, recordCopies, copiesMin, copiesTotal });
  noteState(job, summary.state);
}

/** A job is finished here once all of it is here, and stays so. @param {Job} job @param {Job['state']} state */
export function noteState(job, state) {
  if (state === 'finished' && job.tiles.size < job.total) return;
  if (job.state === state || job.state === 'finished') return;
  job.state = state;
  if (state !== 'running' && !job.endedAt) job.endedAt = performance.now();
}

/** A job that will not be done, and why. @param {Job} job @param {string} reason in words */
export function noteRefused(job, reason) {
  noteState(job, 'refused');
  if (job.state !== 'refused') return;
  const text = t(reason);
  job.reason = `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

/** Tiles a second, lately. @param {Job} job */
export function rateOf({ arrivals, state }) {
  if (arrivals.length < 2 || state !== 'running') return 0;
  const span = Math.max(performance.now() - arrivals[0], 1);
  return ((arrivals.length - 1) * 1000) / span;
}

/** Drops the oldest ended job if there are too many. @param {Map<string, Job>} jobs @returns {string | null} */
export function prune(jobs) {
  if (jobs.size <= JOBS_MAX) return null;
  const ended = [...jobs.values()].filter((job) => job.state !== 'running');
  const oldest = ended.sort((a, b) => a.endedAt - b.endedAt)[0];
  if (!oldest) return null;
  jobs.delete(oldest.id);
  return oldest.id;
}

/** Names of those whose numbers this page can do without. @param {Map<string, Job>} jobs @param {string | null} shown */
export function spare(jobs, shown) {
  const isNeeded = (/** @type {Job} */ { id, mine, state }) => id === shown || (mine && state === 'running');
  return [...jobs.values()].filter((job) => !isNeeded(job)).map(({ id }) => id);
}

const HUES_MAX = 1024; // peers beyond are coloured by their ids, some of them alike

/** @type {Map<string, number>} */
const hues = new Map();

/**
 * A hue for a peer, the same wherever it appears on this page: each peer that is met gets the next
 * one of a sequence whose members stay far apart, however many they become (the golden angle).
 * @param {string} id
 */
export function hueOf(id) {
  const known = hues.get(id);
  if (known !== undefined) return known;
  if (hues.size === HUES_MAX) return parseInt(id.slice(0, 6), 16) % 360 || 0;
  const hue = (32 + hues.size * 137.508) % 360;
  hues.set(id, hue);
  return hue;
}

/** @param {Job} job */
export function plain(job) {
  const { id, owner, mine, view, frames, total, by, state, participants, reassigned, duplicates } = job;
  const { epoch, recordCopies, copiesMin, copiesTotal } = job;
  return {
    id, owner, mine, view: { ...view }, frames: frames && { ...frames }, done: job.tiles.size, total, by: { ...by }, state,
    participants, reassigned, duplicates, epoch, recordCopies, copiesMin, copiesTotal,
  };
}
