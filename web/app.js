// The page at work: wires worker, painter, explorer, panels and the state that they share.
//
// Loaded only after consent. Every button ends in a method of `App` or of its album, and so does every
// call of `window.millefeuille`; the rest is hearing the worker out.

import { Album } from './album.js';
import { createStore, element } from './store.js';
import { createPeer } from './peer.js';
import { createPainter } from './painter.js';
import { createExplorer } from './explorer.js';
import { createControls } from './controls.js';
import { createNetwork } from './network.js';
import { createLaunch } from './launch.js';
import { createPlaces } from './places.js';
import { createPanels } from './panels.js';
import { createDirectory } from './directory.js';
import { createDonor } from './donor.js';
import { createGallery } from './gallery.js';
import { createLog, sentence } from './log.js';
import { t } from './language.js';
import { plain, spare } from './jobs.js';
import { HOME, HOME_PALETTE, viewOfLink } from './view.js';

/** @typedef {import('./jobs.js').Job} Job */

/**
 * @typedef {object} State
 * @property {'looking' | 'starting' | 'joined' | 'stopping' | 'broken'} status
 * @property {string} trouble in words, if something is wrong
 * @property {boolean} full whether the browser has no room for finished tiles
 * @property {{state: string, reason?: string, retryAt?: number}} server
 * @property {any} node a `report`'s, null before there is an identity
 * @property {number} workers
 * @property {number} busy
 * @property {import('./donor.js').Choices} choices
 * @property {import('./donor.js').Verdict} verdict
 * @property {boolean} finishing
 * @property {Map<string, Job>} jobs
 * @property {string | null} shown
 * @property {number} contributed
 * @property {number} recalled tiles that the browser had kept
 * @property {import('./view.js').View} view
 * @property {import('./view.js').Palette} palette
 * @property {any} catalogue
 * @property {boolean} tinted
 */


/** A reload starts again by itself, until this tab is closed, paused or stopped. */
function rememberSession() {
  try {
    sessionStorage.setItem('donating', 'yes');
  } catch {
    // Then a reload asks again.
  }
}

/** A reload does not start by itself any more. */
function forgetSession() {
  try {
    sessionStorage.removeItem('donating');
  } catch {
    // Then nothing was remembered either.
  }
}

export class App {
  #onChange;
  /** Colours of previews that keep theirs, whatever the explorer's are: places, galleries. @type {Map<string, import('./view.js').Palette>} */
  own = new Map();
  log = createLog(element('log'));

  /** @param {() => void} onChange */
  constructor(onChange) {
    this.#onChange = onChange;
    const linked = viewOfLink(location.hash);
    this.store = createStore(/** @type {State} */ ({
      status: 'looking', trouble: '', full: false, server: { state: 'off' }, node: null, workers: 0, busy: 0,
      choices: { cores: 1, intensity: 100, causes: {} }, verdict: { paused: false, intensity: 100, why: '', byItself: false },
      finishing: false, jobs: new Map(), shown: null, contributed: 0, recalled: 0, view: linked?.view ?? HOME, palette: linked?.palette ?? HOME_PALETTE,
      catalogue: null, tinted: false,
    }));
    this.peer = createPeer((note) => this.#hear(note));
    this.donor = createDonor((choices, verdict) => {
      this.store.set({ choices, verdict });
      this.#tellCores();
    }, true);
    this.painter = createPainter((tile) => this.#paint(tile), (reason) => this.log(t(reason)));
    this.explorer = createExplorer(this);
    this.album = new Album(this);
    this.controls = createControls(this);
    this.places = createPlaces(this);
    this.launch = createLaunch(this);
    this.network = createNetwork(this);
    this.directory = createDirectory(this);
    this.gallery = createGallery(this);
    this.store.subscribe(createPanels(this));
    this.store.subscribe(() => this.#onChange());
    this.store.subscribe(({ jobs, shown }) => this.painter.spare(spare(jobs, shown)));

    element('cover').hidden = true;
    element('desk').hidden = false;
    element('panels').append(element('foot'));
    document.body.dataset.open = '';
    scrollTo(0, 0); // from wherever the cover was read
    this.explorer.viewer.resize();
    this.peer.begin();
    this.#tellCores();
    this.colour(this.store.get().palette);
    this.see(this.store.get().view);
    addEventListener('pagehide', () => this.peer.leaveNow());
    addEventListener('pageshow', (event) => { if (event.persisted) location.reload(); });
  }

  // Being a peer.

  look() {
    element('explorer').focus({ preventScroll: true });
  }

  /** Whether somebody pressed Donate in this page's life. */
  consented = false;

  /** @param {{cores?: number, intensity?: number, server?: string}} options */
  start({ cores, intensity, server }) {
    this.consented = true;
    const { status } = this.store.get();
    if (status === 'starting' || status === 'joined') return;
    if (typeof RTCPeerConnection === 'undefined') {
      return this.store.set({ trouble: t('no-webrtc-peer') });
    }
    if (cores || intensity) this.donor.choose({ cores, intensity });
    this.peer.begin();
    this.#tellCores();
    const url = server ?? new URL('/v1/ws', location.href.replace(/^http/, 'ws')).href;
    this.store.set({ status: 'starting', trouble: '', finishing: false });
    this.peer.tell({ t: 'join', url });
    if (element('remember').checked) rememberSession();
    const job = this.explorer.job();
    if (job) this.watch(job);
  }

  /** Shows a job of the network, one of this tab's or another's. @param {string} job */
  open(job) {
    if (this.store.get().jobs.has(job)) this.album.show(job, true);
    else this.watch(job);
  }

  /** @param {boolean} [finish] the tiles in hand first; no others are taken */
  async stop(finish = false) {
    const { status, finishing } = this.store.get();
    if (status !== 'starting' && status !== 'joined') return;
    forgetSession();
    if (finish && !finishing) {
      this.store.set({ finishing: true });
      this.log(t('last-tiles'));
      return void this.peer.tell({ t: 'finish' }); // `finished` follows
    }
    this.store.set({ status: 'stopping' });
    await this.peer.leave();
    this.album.end(t('tab-left'));
    this.donor.reset();
    this.store.set({ status: 'looking', node: null, server: { state: 'off' }, finishing: false });
    this.log(t('has-left'));
    // A fresh worker, so that one can go on looking.
    this.peer.begin();
    this.#tellCores();
    this.explorer.viewer.restart();
  }

  /** Follows a job of the network, from wherever it stands. @param {string} job */
  watch(job) {
    this.album.wanted = job;
    this.peer.tell({ t: 'watch', job });
    this.log(t('seeking-job'));
  }

  /** Ends every worker of this page, for good. */
  async end() {
    forgetSession();
    await this.peer.leave();
    this.painter.end();
  }

  /** Works for others no more, for a while or until told otherwise. @param {number} [millis] */
  pause(millis) {
    forgetSession();
    this.donor.pause(millis);
  }

  retry() {
    this.peer.tell({ t: 'retry' });
  }

  #tellCores() {
    const { choices: { cores }, verdict: { paused, intensity } } = this.store.get();
    this.peer.tell({ t: 'cores', count: cores, paused, intensity });
  }

  // Looking.

  /** @param {import('./view.js').View} view */
  see(view) {
    this.explorer.see(view);
  }

  /** @param {import('./view.js').Palette} palette */
  colour(palette) {
    this.explorer.colour(palette);
  }

  /**
   * Has a picture computed for this page only, or one task of it.
   * @param {string} picture
   * @param {any} view
   * @param {boolean} urgent
   * @param {number} [only]
   */
  preview(picture, view, urgent, only) {
    this.peer.tell({ t: 'preview', picture, view, urgent, only });
  }

  /** Lets go of the previews whose names begin like this. @param {string} prefix */
  forget(prefix) {
    this.peer.tell({ t: 'forget', prefix });
    this.painter.drop(prefix);
  }

  /** The language is another: what is built once is built again. */
  reword() {
    this.controls.reword();
    this.directory.reword();
    this.launch.refresh();
    this.colour(this.store.get().palette);
  }

  state() {
    const { status, node, server, workers, busy, choices, verdict, contributed, recalled, jobs, view, palette } = this.store.get();
    const job = this.album.current();
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
      recalled,
      view,
      palette,
      drawn: this.explorer.drawn(),
      cores: choices.cores,
      intensity: verdict.intensity,
      workers,
      busy,
      paused: verdict.paused,
      why: verdict.why,
      server: { state: server.state, reason: server.reason },
    };
  }

  // Hearing the worker out.

  /** @param {any} note */
  #hear(note) {
    this.network.hear(note);
    if (note.t === 'event') {
      const text = sentence({ ...note, mine: note.peer === this.store.get().node?.id });
      if (text) this.log(text);
    }
    if (this.album.hear(note)) return;
    switch (note.t) {
      case 'catalogue':
        this.store.set({ catalogue: note });
        this.colour(this.store.get().palette);
        return this.controls.fill(note);
      case 'report': return this.#onReport(note);
      case 'listed': return this.directory.hear(note);
      case 'finished': return void this.stop();
      case 'no-room': return this.store.set({ full: true });
      case 'recalled': return this.store.set({ recalled: this.store.get().recalled + 1 });
      case 'identity':
        if (!note.kept) this.log(t('not-kept'));
        return this.store.set({ status: 'joined' });
      case 'no-identity':
        return this.store.set({ status: 'looking', trouble: t('no-peer', { reason: t(note.reason) }) });
      case 'broken-down':
        this.album.end(t(note.reason));
        console.error(note.reason);
        return this.store.set({
          status: 'broken', node: null, server: { state: 'off' },
          trouble: t('broke-down', { reason: t(note.reason) }),
        });
      default:
    }
  }

  /** @param {any} note */
  #onReport({ server, node = null, jobs = [], workers, busy }) {
    this.album.sum(jobs);
    const { state, reason, retryMillis } = server;
    const retryAt = retryMillis === undefined ? undefined : performance.now() + retryMillis;
    this.store.set({ server: { state, reason, retryAt }, node, workers, busy });
  }

  /** @param {import('./painter.js').Painted} tile */
  #paint(tile) {
    const name = tile.picture;
    if (/^[xyj]\./.test(name)) return this.explorer.take(tile);
    if (name.startsWith('d.')) return this.directory.thumbnail(name.slice(2), tile.bitmap);
    if (name.startsWith('n.')) return this.launch.take(tile);
    if (name.startsWith('t.')) return this.controls.thumbnail(name.slice(2), tile.bitmap);
    this.album.paint(tile);
  }
}
