// The pictures of this tab: asked for, opened, named, filled, coloured, ended.
//
// The one place that changes `jobs` and `shown` of the state. It hears what the worker says of jobs and
// draws what the painter has painted of them. Not here: what a job is (jobs.js), and the explorer.

import { createStage, backdropView } from './stage.js';
import { element } from './store.js';
import { timeText } from './words.js';
import { t } from './language.js';
import { drawBeneath, drawTile, endAll, nameSelf, noteRefused, noteState, noteSummary, noteTile, openJob, prune, revokeTile } from './jobs.js';
import { framesText, placed } from './sheet.js';
import { surprise } from './surprise.js';
import { linkOf } from './view.js';

/** @typedef {import('./jobs.js').Job} Job */

const calm = matchMedia('(prefers-reduced-motion: reduce)');

const DRAW_MILLIS = 60; // between two drawings of fresh tiles: each costs the browser the whole picture

export class Album {
  #app;
  #stage = createStage();
  /** By name: asked for, not answered yet. @type {Map<string, {resolve: (id: string) => void, reject: (error: Error) => void}>} */
  #launches = new Map();
  /** Names of pictures that are not shown when they open. @type {Set<string>} */
  #quiet = new Set();
  /** Of all workers of this page: a name belongs to one picture. */
  #launched = 0;
  /** Names that jobs had before the network named them: colours may still arrive under them. Each goes with its job. @type {Map<string, string>} */
  #aliases = new Map();
  /** A job of the network that the visitor has asked for. */
  wanted = '';
  /** Painted, not drawn yet. @type {import('./painter.js').Painted[]} */
  #fresh = [];

  /** @param {import('./app.js').App} app */
  constructor(app) {
    this.#app = app;
  }

  // What the page asks for.

  /**
   * Renders a picture. Resolves with the job's name once it has begun; rejects with the reason why
   * the view is refused.
   * @param {any} asked
   * @param {boolean} [quietly] without showing it: nobody asked for it
   * @returns {Promise<string>}
   */
  launch(asked, quietly = false) {
    if (!quietly) this.#app.gallery.yield();
    const { view } = this.#app.store.get();
    const { palette, density = 1, offset = 0, scale, ...wanted } = asked;
    if (palette) this.#app.colour({ name: palette, density, offset, scale });
    this.#app.store.set({ trouble: '' });
    // Equally long, so that no name begins with another.
    const picture = `solo-${String(++this.#launched).padStart(6, '0')}`;
    if (!this.#app.peer.tell({ t: 'launch', picture, view: { ...view, ...wanted } })) {
      const reason = t('start-first');
      this.#app.controls.refuse(reason);
      return Promise.reject(new Error(reason));
    }
    if (quietly) this.#quiet.add(picture);
    return new Promise((resolve, reject) => this.#launches.set(picture, { resolve, reject }));
  }

  cancel() {
    const { shown, jobs } = this.#app.store.get();
    const job = shown && jobs.get(shown);
    if (!job || job.state !== 'running') return;
    this.#app.peer.tell({ t: 'cancel', job: job.id });
    noteState(job, 'cancelled');
    this.#app.log(t(job.mine ? 'you-stopped' : 'no-further'));
    this.#touch();
  }

  /** @param {string | null} id null is the explorer @param {boolean} [isWished] by the visitor, just now */
  show(id, isWished = false) {
    const { jobs } = this.#app.store.get();
    const job = (id && jobs.get(id)) || null;
    this.#stage.show(job);
    this.#app.store.set({ shown: job?.id ?? null });
    if (!job || !isWished) return;
    // Its panel is the first, or right below the stage.
    const behavior = calm.matches ? 'auto' : 'smooth';
    for (const each of [element('panels'), window]) each.scrollTo({ top: 0, behavior });
    if (!job) this.#app.explorer.viewer.resize();
  }

  /** The job that is shown, else the latest. */
  current() {
    const { shown, jobs } = this.#app.store.get();
    return (shown && jobs.get(shown)) || [...jobs.values()].at(-1) || null;
  }

  /** @param {boolean} tinted */
  tint(tinted) {
    this.#stage.tint(tinted);
    this.#app.store.set({ tinted });
  }

  /**
   * The picture as a file; nothing in it if there is a place that it goes to.
   * @param {FileSystemFileHandle} [place]
   * @param {(share: number) => boolean} [onShare] hears how much is done, and says whether to go on
   * @returns {Promise<Blob>}
   */
  async png(place, onShare) {
    const job = this.current();
    if (!job) throw new Error(t('no-picture'));
    const { palette } = this.#app.store.get();
    const { view, frames } = job;
    if (frames) {
      await Promise.all(job.waiting.values());
      const Source = `${location.origin}${location.pathname}#job=${job.id}`;
      const scale = palette.scale && { 'millefeuille:scale': palette.scale };
      return this.#app.painter.png(job.id, { Software: 'Millefeuille', Source, 'millefeuille:frames': JSON.stringify(frames), ...scale }, place, onShare);
    }
    return this.#app.painter.png(job.id, {
      Software: 'Millefeuille',
      Source: `${location.origin}${location.pathname}${linkOf(view, palette)}`,
      'millefeuille:view': JSON.stringify(view),
      'millefeuille:palette': JSON.stringify(palette),
    }, place, onShare);
  }

  // What the worker says.

  /** Takes a message that is about jobs; false if it is not. @param {any} note */
  hear(note) {
    switch (note.t) {
      case 'opened': this.#onOpened(note); break;
      case 'renamed': this.#onRenamed(note); break;
      case 'tile': this.#onTile(note); break;
      case 'revoked': this.#onRevoked(note); break;
      case 'refused': this.#onRefused(note); break;
      case 'event': this.#onEvent(note); break;
      default: return false;
    }
    return true;
  }

  /** What a report says of jobs. @param {any[]} summaries */
  sum(summaries) {
    const { jobs } = this.#app.store.get();
    for (const summary of summaries) {
      const job = jobs.get(summary.id);
      if (job) noteSummary(job, summary);
    }
  }

  /** The worker is gone: so is what it was working on. @param {string} reason */
  end(reason) {
    endAll(this.#app.store.get().jobs.values());
    for (const { reject } of this.#launches.values()) reject(new Error(reason));
    this.#launches.clear();
  }

  /** @param {any} note */
  #onOpened(note) {
    const { jobs, shown } = this.#app.store.get();
    const begun = jobs.get(note.picture);
    if (begun) {
      begun.owner = note.owner;
      nameSelf(begun, note.owner);
      return this.#touch();
    }
    const job = openJob(note);
    jobs.set(job.id, job);
    this.#launches.get(job.id)?.resolve(job.id);
    this.#launches.delete(job.id);
    const forgotten = prune(jobs);
    if (forgotten) this.#drop(forgotten);
    this.#app.painter.size(job.id, job.view, job.cell);
    if (!job.frames) this.#app.preview(`b.${job.id}`, backdropView(job.view), true);
    // Nobody is taken from their own picture, or from a place that they are looking at.
    const busy = (shown && jobs.get(shown)?.mine && jobs.get(shown)?.state === 'running') || this.#app.explorer.isBusy();
    const quietly = this.#quiet.delete(job.id);
    const isWished = job.mine || job.id === this.wanted;
    if (!quietly && (isWished || !busy)) this.show(job.id, isWished);
    const text = job.frames ? framesText(job.frames, job.cell) : t('a-picture', { n: job.total });
    const what = `${text.charAt(0).toLowerCase()}${text.slice(1)}`;
    if (!quietly) this.#app.log(t(job.mine ? 'launched' : 'opened', { what }));
    this.#touch();
  }

  /** @param {{from: string, to: string}} note */
  #onRenamed({ from, to }) {
    const { jobs, shown } = this.#app.store.get();
    const job = jobs.get(from);
    if (!job) return;
    jobs.delete(from);
    job.id = to;
    jobs.set(to, job);
    this.#app.painter.rename(from, to);
    this.#aliases.set(from, to);
    this.#app.store.set(shown === from ? { shown: to } : {});
  }

  /** @param {any} tile */
  #onTile(tile) {
    const { jobs, node, contributed } = this.#app.store.get();
    const job = jobs.get(tile.picture);
    if (job && !job.tiles.has(tile.task)) {
      noteTile(job, tile.task, tile.worker);
      const isMine = tile.worker === 'self' || tile.worker === node?.id;
      this.#app.store.set(isMine ? { contributed: contributed + 1 } : {});
    }
    if (job?.frames) return this.#addToSheet(job, tile);
    this.#app.painter.add({ ...tile, palette: this.#app.own.get(tile.picture) });
  }

  /** A tile of one frame of many. @param {Job} job @param {any} tile */
  #addToSheet(job, tile) {
    const add = (/** @type {Partial<import('./jobs.js').Look>} */ look) =>
      this.#app.painter.add({ ...tile, ...placed(job, job.cell, tile), picture: job.id, ...look });
    if (tile.formula) return add({});
    // Until its look is known the job may be dropped, and the tile revoked.
    const asked = this.#lookOf(job, tile.frame).then((look) => {
      if (job.waiting.get(tile.task) !== asked) return;
      job.waiting.delete(tile.task);
      if (this.#app.store.get().jobs.get(job.id) === job) add(look);
    });
    job.waiting.set(tile.task, asked);
  }

  /** What a seed chose for a frame of a gallery. @param {Job} job @param {number} frame @returns {Promise<import('./jobs.js').Look>} */
  #lookOf(job, frame) {
    const { seed, first } = /** @type {import('./sheet.js').Frames & {kind: 'gallery'}} */ (job.frames);
    const look = job.looks.get(frame) ?? surprise(this.#app, seed, first + frame, job.cell)
      .then(({ view: { formula }, palette }) => ({ formula, own: palette }))
      .catch((error) => {
        job.looks.delete(frame);
        this.#app.store.set({ trouble: t('doubtful', { reason: error.message }) });
        return { formula: 'mandelbrot' };
      });
    job.looks.set(frame, look);
    return look;
  }

  /** @param {{picture: string, task: number}} note */
  #onRevoked({ picture, task }) {
    const { jobs, shown } = this.#app.store.get();
    const job = jobs.get(picture);
    if (!job) return;
    job.waiting.delete(task);
    revokeTile(job, task);
    this.#app.painter.revoke(picture, task);
    this.#app.store.set({});
    if (shown === picture) this.#touch();
  }

  /** @param {{picture: string, reason: string}} note */
  #onRefused({ picture, reason }) {
    const job = this.#app.store.get().jobs.get(picture);
    if (job) noteRefused(job, reason);
    this.#launches.get(picture)?.reject(new Error(reason));
    this.#launches.delete(picture);
    if (this.#app.explorer.viewer.refuse(picture)) this.#app.controls.refuse(reason);
    this.#touch();
  }

  /** @param {any} event */
  #onEvent(event) {
    const job = this.#app.store.get().jobs.get(event.job);
    if (!job) return;
    const before = job.state;
    if (event.what === 'job-refused') noteRefused(job, event.reason);
    if (event.what === 'job-changed') noteState(job, event.state);
    if (before === job.state) return;
    this.#app.directory.refresh();
    if (job.state !== 'refused') this.#app.log(endOf(job)); // its event had the reason
    this.#touch();
  }

  // What is painted.

  /** A tile of a job, or the coarse picture beneath one. @param {import('./painter.js').Painted} tile */
  paint(tile) {
    const name = tile.picture;
    if (name.startsWith('b.')) {
      const job = this.#app.store.get().jobs.get(this.#named(name.slice(2)));
      if (job) drawBeneath(job, tile.bitmap);
      return tile.bitmap.close();
    }
    if (this.#fresh.push(tile) === 1) setTimeout(() => this.#drawFresh(), DRAW_MILLIS);
  }

  #drawFresh() {
    for (const tile of this.#fresh) {
      const job = this.#app.store.get().jobs.get(this.#named(tile.picture));
      if (job) {
        drawTile(job, tile);
        this.#stage.spot(job);
      }
      tile.bitmap.close();
    }
    this.#fresh = [];
    this.#touch();
  }

  /** @param {string} name */
  #named(name) {
    return this.#aliases.get(name) ?? name;
  }

  #touch() {
    this.#app.store.set({});
  }

  /** A job and what it was called before. @param {string} id */
  #drop(id) {
    for (const [name, now] of [...this.#aliases, [id, id]]) {
      if (now !== id) continue;
      this.#aliases.delete(name);
      this.#app.painter.drop(name);
      this.#app.forget(`b.${name}`);
    }
  }
}

/** @param {Job} job */
function endOf(job) {
  switch (job.state) {
    case 'finished': return t('finished', { n: job.total, time: timeText((job.endedAt - job.openedAt) / 1000) });
    case 'cancelled': return t(job.mine ? 'yours-stopped' : 'owner-stopped');
    case 'orphaned': return t('owner-gone');
    default: return t('goes-on');
  }
}
