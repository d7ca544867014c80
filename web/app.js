// The page at work: wires worker, painter, explorer, panels and the state that they share.
//
// Loaded only after consent. Every button ends in a method of `App`, and so does every call of
// `window.millefeuille`; the rest is hearing the worker out.

import { createStore, element } from './store.js';
import { createPeer } from './peer.js';
import { createPainter } from './painter.js';
import { createViewer } from './viewer.js';
import { backdropView, createStage } from './stage.js';
import { createControls } from './controls.js';
import { createPanels } from './panels.js';
import { createLog, sentence } from './log.js';
import { counted } from './words.js';
import { drawBeneath, drawTile, endAll, nameSelf, noteRefused, noteState, noteSummary, noteTile, openJob, plain, prune, spare } from './jobs.js';
import { HOME, HOME_PALETTE, linkOf, viewOfLink } from './view.js';

/** @typedef {import('./jobs.js').Job} Job */

/**
 * @typedef {object} State
 * @property {'looking' | 'starting' | 'joined' | 'stopping' | 'broken'} status
 * @property {string} trouble in words, if something is wrong
 * @property {{state: string, reason?: string, retryAt?: number}} server
 * @property {any} node a `report`'s, null before there is an identity
 * @property {number} workers
 * @property {number} busy
 * @property {number} cores
 * @property {boolean} paused
 * @property {Map<string, Job>} jobs
 * @property {string | null} shown
 * @property {number} contributed
 * @property {import('./view.js').View} view
 * @property {import('./view.js').Palette} palette
 * @property {any} catalogue
 * @property {boolean} tinted
 */

export const CORES = navigator.hardwareConcurrency || 2;
const LINK_MILLIS = 400;
const DRAW_MILLIS = 60; // between two drawings of fresh tiles: each costs the browser the whole picture

export class App {
  #onChange;
  #log = createLog(element('log'));
  #stage = createStage();
  #linkTimer = 0;
  /** By name: asked for, not answered yet. @type {Map<string, {resolve: (id: string) => void, reject: (error: Error) => void}>} */
  #launches = new Map();
  /** Of all workers of this page: a name belongs to one picture. */
  #launched = 0;
  /** Names that jobs had before the network named them: colours may still arrive under them. @type {Map<string, string>} */
  #aliases = new Map();
  /** Painted, not drawn yet. @type {import('./painter.js').Painted[]} */
  #fresh = [];

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
    const linked = viewOfLink(location.hash);
    this.store = createStore(/** @type {State} */ ({
      status: 'looking', trouble: '', server: { state: 'off' }, node: null, workers: 0, busy: 0,
      cores: Math.max(1, Math.floor(CORES / 2)), paused: false, jobs: new Map(), shown: null,
      contributed: 0, view: linked?.view ?? HOME, palette: linked?.palette ?? HOME_PALETTE,
      catalogue: null, tinted: false,
    }));
    this.peer = createPeer((note) => this.#hear(note));
    this.painter = createPainter((tile) => this.#onPainted(tile), (reason) => this.#log(reason));
    this.viewer = createViewer({
      canvas: element('explorer'),
      onView: (view) => this.see(view),
      request: (picture, view) => this.#preview(picture, view, true),
      forget: (prefix) => this.#forget(prefix),
      onPoint: (point) => { element('point').textContent = point; },
    });
    this.controls = createControls(this);
    this.store.subscribe(createPanels(this));
    this.store.subscribe(() => this.#onChange());
    this.store.subscribe(({ jobs, shown }) => this.painter.spare(spare(jobs, shown)));
    this.painter.palette(this.store.get().palette);

    element('cover').hidden = true;
    element('desk').hidden = false;
    document.body.dataset.open = '';
    this.viewer.resize();
    this.peer.begin();
    this.#tellCores();
    this.see(this.store.get().view);
    addEventListener('pagehide', () => this.peer.leaveNow());
    addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
    addEventListener('hashchange', () => {
      const link = viewOfLink(location.hash);
      if (link) { this.colour(link.palette); this.see(link.view); }
    });
  }

  // Being a peer.

  look() {
    element('explorer').focus({ preventScroll: true });
  }

  /** @param {{cores?: number, server?: string}} options */
  start({ cores, server }) {
    const { status } = this.store.get();
    if (status === 'starting' || status === 'joined') return;
    if (typeof RTCPeerConnection === 'undefined') {
      return this.store.set({ trouble: 'This browser has no WebRTC, or an extension blocks it, so this tab cannot meet peers.' });
    }
    if (cores) this.setCores(cores);
    this.peer.begin();
    this.#tellCores();
    const url = server ?? new URL('/ws', location.href.replace(/^http/, 'ws')).href;
    this.store.set({ status: 'starting', trouble: '' });
    this.peer.tell({ t: 'join', url });
  }

  async stop() {
    const { status } = this.store.get();
    if (status !== 'starting' && status !== 'joined') return;
    this.store.set({ status: 'stopping' });
    await this.peer.leave();
    this.#endWork('this tab has left');
    this.store.set({ status: 'looking', node: null, server: { state: 'off' }, paused: false });
    this.#log('This tab said goodbye and is connected to nobody.');
    // A fresh worker, so that one can go on looking.
    this.peer.begin();
    this.#tellCores();
    this.see(this.store.get().view);
  }

  /** @param {boolean} paused */
  pause(paused) {
    this.store.set({ paused });
    this.#tellCores();
  }

  /** @param {number} cores */
  setCores(cores) {
    this.store.set({ cores: Math.min(Math.max(Math.round(cores), 1), Math.max(CORES, 1)) });
    this.#tellCores();
  }

  retry() {
    this.peer.tell({ t: 'retry' });
  }

  #tellCores() {
    const { cores, paused } = this.store.get();
    this.peer.tell({ t: 'cores', count: cores, paused });
  }

  // Looking.

  /** @param {import('./view.js').View} view */
  see(view) {
    this.store.set({ view });
    this.viewer.show(view);
    this.#updateLink();
  }

  /** @param {import('./view.js').Palette} palette */
  colour(palette) {
    this.store.set({ palette });
    this.painter.palette(palette);
    this.#updateLink();
  }

  #updateLink() {
    clearTimeout(this.#linkTimer);
    this.#linkTimer = window.setTimeout(() => {
      const { view, palette } = this.store.get();
      history.replaceState(null, '', linkOf(view, palette));
    }, LINK_MILLIS);
  }

  /** @param {string} picture @param {any} view @param {boolean} urgent */
  #preview(picture, view, urgent) {
    this.peer.tell({ t: 'preview', picture, view, urgent });
  }

  /** @param {string} prefix */
  #forget(prefix) {
    this.peer.tell({ t: 'forget', prefix });
    this.painter.drop(prefix);
  }

  // Jobs.

  /**
   * Renders a picture. Resolves with the job's name once it has begun; rejects with the reason why
   * the view is refused.
   * @param {any} asked
   * @returns {Promise<string>}
   */
  launch(asked) {
    const { view } = this.store.get();
    const { palette, density = 1, offset = 0, ...wanted } = asked;
    if (palette) this.colour({ name: palette, density, offset });
    this.store.set({ trouble: '' });
    // Equally long, so that no name begins with another.
    const picture = `solo-${String(++this.#launched).padStart(6, '0')}`;
    if (!this.peer.tell({ t: 'launch', picture, view: { ...view, ...wanted } })) {
      return Promise.reject(new Error('the peer in this tab broke down; start again first'));
    }
    return new Promise((resolve, reject) => this.#launches.set(picture, { resolve, reject }));
  }

  /** The worker is gone: so is what it was working on. @param {string} reason */
  #endWork(reason) {
    endAll(this.store.get().jobs.values());
    for (const { reject } of this.#launches.values()) reject(new Error(reason));
    this.#launches.clear();
  }

  cancel() {
    const { shown, jobs } = this.store.get();
    const job = shown && jobs.get(shown);
    if (!job || job.state !== 'running') return;
    this.peer.tell({ t: 'cancel', job: job.id });
    noteState(job, 'cancelled');
    this.#log(job.mine ? 'You stopped the job.' : 'This tab takes no further part in the job.');
    this.#touch();
  }

  /** @param {string | null} id null is the explorer */
  show(id) {
    const { jobs } = this.store.get();
    const job = (id && jobs.get(id)) || null;
    this.#stage.show(job);
    this.store.set({ shown: job?.id ?? null });
    if (!job) this.viewer.resize();
  }

  /** The job that is shown, else the latest. */
  current() {
    const { shown, jobs } = this.store.get();
    return (shown && jobs.get(shown)) || [...jobs.values()].at(-1) || null;
  }

  /** @param {boolean} tinted */
  tint(tinted) {
    this.#stage.tint(tinted);
    this.store.set({ tinted });
  }

  /** @returns {Promise<Blob>} */
  async png() {
    const job = this.current();
    if (!job) throw new Error('there is no picture');
    const { palette } = this.store.get();
    const { view } = job;
    return this.painter.png(job.id, {
      Software: 'Millefeuille',
      Source: `${location.origin}${location.pathname}${linkOf(view, palette)}`,
      'millefeuille:view': JSON.stringify(view),
      'millefeuille:palette': JSON.stringify(palette),
    });
  }

  state() {
    const { status, node, server, paused, cores, contributed, jobs } = this.store.get();
    const job = this.current();
    const neighbours = node ? new Set([...node.left, ...node.right]) : new Set();
    return {
      status,
      id: node?.id ?? null,
      ready: node?.ready ?? false,
      links: node?.links.length ?? 0,
      peers: neighbours.size,
      members: node ? [node.id, ...neighbours] : [],
      job: job && plain(job),
      jobs: [...jobs.values()].map(plain),
      contributed,
      cores,
      paused,
      server: { state: server.state, reason: server.reason },
    };
  }

  // Hearing the worker out.

  #touch() {
    this.store.set({});
  }

  /** @param {any} note */
  #hear(note) {
    switch (note.t) {
      case 'catalogue':
        this.store.set({ catalogue: note });
        return this.controls.fill(note, (name, view) => this.#preview(`t.${name}`, view, false));
      case 'report': return this.#onReport(note);
      case 'opened': return this.#onOpened(note);
      case 'renamed': return this.#onRenamed(note);
      case 'tile': return this.#onTile(note);
      case 'refused': return this.#onRefused(note);
      case 'event': return this.#onEvent(note);
      case 'identity':
        if (!note.kept) {
          this.#log('The browser keeps nothing for this page: this tab has another name each time.');
        }
        return this.store.set({ status: 'joined' });
      case 'no-identity':
        return this.store.set({ status: 'looking', trouble: `This tab cannot become a peer: ${note.reason}.` });
      case 'broken-down':
        this.#endWork(note.reason);
        console.error(note.reason);
        return this.store.set({
          status: 'broken', node: null, server: { state: 'off' },
          trouble: `The peer in this tab broke down (${note.reason}). Start again when you like.`,
        });
      default:
    }
  }

  /** @param {any} note */
  #onReport({ server, node = null, jobs = [], workers, busy }) {
    const { jobs: known } = this.store.get();
    for (const summary of jobs) {
      const job = known.get(summary.id);
      if (job) noteSummary(job, summary);
    }
    const { state, reason, retryMillis } = server;
    const retryAt = retryMillis === undefined ? undefined : performance.now() + retryMillis;
    this.store.set({ server: { state, reason, retryAt }, node, workers, busy });
  }

  /** @param {any} note */
  #onOpened(note) {
    const { jobs, shown } = this.store.get();
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
    this.painter.size(job.id, job.view.width, job.view.height);
    this.#preview(`b.${job.id}`, backdropView(job.view), true);
    const busy = shown && jobs.get(shown)?.mine && jobs.get(shown)?.state === 'running';
    if (job.mine || !busy) this.show(job.id);
    this.#log(job.mine
      ? `You launched a picture of ${counted(job.total, 'tile')}.`
      : `A job opened: a picture of ${counted(job.total, 'tile')}. This tab helps.`);
    this.#touch();
  }

  /** @param {{from: string, to: string}} note */
  #onRenamed({ from, to }) {
    const { jobs, shown } = this.store.get();
    const job = jobs.get(from);
    if (!job) return;
    jobs.delete(from);
    job.id = to;
    jobs.set(to, job);
    this.painter.rename(from, to);
    this.#aliases.set(from, to);
    this.store.set(shown === from ? { shown: to } : {});
  }

  /** @param {any} tile */
  #onTile(tile) {
    const { jobs, node, contributed } = this.store.get();
    const job = jobs.get(tile.picture);
    if (job && !job.tiles.has(tile.task)) {
      noteTile(job, tile.task, tile.worker);
      const isMine = tile.worker === 'self' || tile.worker === node?.id;
      this.store.set(isMine ? { contributed: contributed + 1 } : {});
    }
    // A preset is shown in the colours that it was chosen with.
    const palette = tile.picture.startsWith('t.') ? this.controls.paletteOf(tile.picture.slice(2)) : undefined;
    this.painter.add({ ...tile, palette });
  }

  /** @param {import('./painter.js').Painted} tile */
  #onPainted(tile) {
    const name = tile.picture;
    if (name.startsWith('x.')) return this.viewer.take(tile);
    if (name.startsWith('t.')) return this.controls.thumbnail(name.slice(2), tile.bitmap);
    if (name.startsWith('b.')) {
      const job = this.store.get().jobs.get(this.#named(name.slice(2)));
      if (job) drawBeneath(job, tile.bitmap);
      return tile.bitmap.close();
    }
    if (this.#fresh.push(tile) === 1) setTimeout(() => this.#drawFresh(), DRAW_MILLIS);
  }

  #drawFresh() {
    for (const tile of this.#fresh) {
      const job = this.store.get().jobs.get(this.#named(tile.picture));
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

  /** @param {{picture: string, reason: string}} note */
  #onRefused({ picture, reason }) {
    const job = this.store.get().jobs.get(picture);
    if (job) noteRefused(job, reason);
    this.#launches.get(picture)?.reject(new Error(reason));
    this.#launches.delete(picture);
    // The explorer's own pictures are refused for the same reason three times over.
    this.controls.refuse(reason);
    this.#touch();
  }

  /** @param {any} event */
  #onEvent(event) {
    const text = sentence(event);
    if (text) this.#log(text);
    const job = this.store.get().jobs.get(event.job);
    if (job && event.what === 'job-refused') noteRefused(job, event.reason);
    if (!job || event.what !== 'job-changed') return this.#touch();
    const before = job.state;
    noteState(job, event.state);
    if (before !== job.state) this.#log(endOf(job));
    this.#touch();
  }

  /** @param {string} id */
  #drop(id) {
    this.painter.drop(id);
    this.#forget(`b.${id}`);
  }
}

/** @param {Job} job */
function endOf(job) {
  const seconds = Math.round((job.endedAt - job.openedAt) / 100) / 10;
  switch (job.state) {
    case 'finished': return `The picture is complete: ${counted(job.total, 'tile')} in ${seconds} s.`;
    case 'cancelled': return 'The job was stopped by its owner.';
    case 'orphaned': return 'The owner of the job is gone; what was done is kept here.';
    default: return 'The job goes on.';
  }
}
