// A peer for any page: one import, one call, and a visitor's consent.
//
// Nothing happens until `join` is called, and `join` starts nothing before its visitor agreed. No
// picture is drawn here: a job hands out tiles. The types are in api.d.ts.

import { createDonor } from './donor.js';
import { createPeer } from './peer.js';
import { createPainter } from './painter.js';
import { sentence } from './log.js';
import { t } from './language.js';

const TILES_MAX = 4096; // of a job that nobody takes; further ones are dropped and counted

/** Why a peer was not started: its visitor has not agreed, or not by a press just now. */
export class ConsentRequired extends Error {
  name = 'ConsentRequired';
}

/**
 * Becomes a peer of a network.
 * @param {import('./api.js').Options} options
 * @returns {Promise<Peer>}
 */
export async function join({ server, consent, cores, intensity, pauseWhen, signal, relayOnly = false, storage = 'memory' }) {
  if (typeof consent !== 'function') throw new ConsentRequired('join needs a function that asks its visitor');
  signal?.throwIfAborted();
  // Agreed to by a person, in the moment of a press: a page cannot answer for its visitor.
  if (await consent() !== true || !navigator.userActivation?.isActive) {
    throw new ConsentRequired('the visitor has not agreed');
  }
  signal?.throwIfAborted();
  const url = new URL(server ?? new URL('/', import.meta.url), location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  if (url.pathname === '/') url.pathname = '/v1/ws';
  const peer = new Peer({ cores, intensity, causes: pauseWhen, relayOnly, storage });
  signal?.addEventListener('abort', () => void peer.leave(), { once: true });
  return peer.enter(url.href);
}

/** A peer of a network, from the moment it was named until it left. */
class Peer extends EventTarget {
  #bridge;
  #donor;
  #painter;
  /** @type {Map<string, Job>} */
  #jobs = new Map();
  #launched = 0;
  /** @type {any} */
  #report = { server: { state: 'off' }, workers: 0, busy: 0 };
  #contributed = 0;
  /** @type {import('./donor.js').Verdict} */
  #verdict = { paused: false, intensity: 100, why: '', byItself: false };
  /** @type {{resolve: (peer: Peer) => void, reject: (error: Error) => void} | null} */
  #entering = null;
  #isOver = false;
  #onHide = () => this.#bridge.leaveNow();

  /** @param {{cores?: number, intensity?: number, causes?: Partial<import('./donor.js').Causes>, relayOnly: boolean, storage: 'memory' | 'indexeddb'}} options */
  constructor({ cores, intensity, causes, relayOnly, storage }) {
    super();
    this.#bridge = createPeer((note) => this.#hear(note), { relayOnly, storage });
    this.#painter = createPainter((tile) => this.#take(tile), (reason) => this.#tell('log', t(reason)));
    this.#bridge.begin();
    this.#donor = createDonor((choices, verdict) => {
      this.#verdict = verdict;
      this.#bridge.tell({ t: 'cores', count: choices.cores, paused: verdict.paused, intensity: verdict.intensity });
      this.#tell('change');
    });
    this.#donor.choose({ cores, intensity, causes });
    addEventListener('pagehide', this.#onHide);
  }

  /** @param {string} url @returns {Promise<Peer>} once this peer has its key */
  enter(url) {
    this.#bridge.tell({ t: 'join', url });
    return new Promise((resolve, reject) => { this.#entering = { resolve, reject }; });
  }

  /** @param {number} [millis] */
  pause(millis) {
    this.#donor.pause(millis);
  }

  resume() {
    this.#donor.resume();
  }

  /** @returns {Promise<void>} */
  finish() {
    if (this.#isOver) return Promise.resolve();
    this.#bridge.tell({ t: 'finish' });
    return new Promise((resolve) => this.addEventListener('left', () => resolve(), { once: true }));
  }

  async leave() {
    if (this.#isOver) return;
    await this.#bridge.leave();
    this.#end('this peer has left');
  }

  /** @param {any} picture */
  submit({ palette = 'ember', density = 1, offset = 0, ...view }) {
    if (this.#isOver) throw new Error('this peer has left');
    const name = `solo-${String(++this.#launched).padStart(6, '0')}`;
    const job = new Job({ name: palette, density, offset }, () => this.#bridge.tell({ t: 'cancel', job: job.id }));
    job.id = name;
    this.#jobs.set(name, job);
    this.#bridge.tell({ t: 'launch', picture: name, view: { c_re: '0', c_im: '0', ...view } });
    return job;
  }

  stats() {
    const { server, node, workers, busy, jobs = [] } = this.#report;
    return {
      id: node?.id ?? null, ready: node?.ready ?? false, links: node?.links.length ?? 0, server: server.state,
      workers, busy, contributed: this.#contributed, jobs: jobs.length,
      sent: node?.traffic.sent ?? 0, received: node?.traffic.received ?? 0,
      paused: this.#verdict.paused, why: this.#verdict.why,
    };
  }

  /** @param {string} name @param {any} [detail] */
  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }

  /** @param {string} reason */
  #end(reason) {
    if (this.#isOver) return;
    this.#isOver = true;
    removeEventListener('pagehide', this.#onHide);
    this.#donor.end();
    this.#painter.end();
    this.#entering?.reject(new Error(reason));
    for (const job of this.#jobs.values()) job.fail(new Error(reason));
    this.#tell('left', reason);
  }

  /** @param {any} note */
  #hear(note) {
    switch (note.t) {
      case 'identity':
        this.#entering?.resolve(this);
        this.#entering = null;
        return;
      case 'no-identity':
      case 'broken-down': return this.#end(t(note.reason));
      case 'finished': return void this.leave();
      case 'report':
        this.#report = note;
        return this.#tell('change');
      case 'opened': return this.#jobs.get(note.picture)?.open(note);
      case 'renamed': {
        const job = this.#jobs.get(note.from);
        if (!job) return;
        job.id = note.to;
        this.#jobs.set(note.to, job); // colours may still arrive under the old name
        return;
      }
      case 'tile': {
        if (note.worker === 'self' || note.worker === this.#report.node?.id) this.#contributed += 1;
        const job = this.#jobs.get(note.picture);
        if (job) this.#painter.add({ ...note, palette: job.palette });
        return;
      }
      case 'refused': return this.#jobs.get(note.picture)?.fail(new Error(note.reason));
      case 'event': {
        const job = this.#jobs.get(note.job);
        if (note.what === 'job-refused') job?.fail(new Error(note.reason));
        if (note.what === 'job-changed' && note.state === 'cancelled') job?.fail(new Error('the job was cancelled'));
        const text = sentence({ ...note, mine: note.peer === this.#report.node?.id });
        if (text) this.#tell('log', text);
      }
    }
  }

  /** @param {import('./painter.js').Painted} tile */
  #take(tile) {
    const job = this.#jobs.get(tile.picture);
    if (!job?.take(tile)) tile.bitmap.close();
    if (job?.isOver) for (const [name, each] of this.#jobs) if (each === job) this.#jobs.delete(name);
  }
}

/** A picture that is rendered: its tiles as they come, for one reader. */
class Job {
  id = '';
  total = 0;
  received = 0;
  isOver = false;
  palette;
  #cancel;
  /** @type {any[]} */
  #waiting = [];
  /** @type {Set<number>} */
  #seen = new Set();
  /** @type {Error | null} */
  #error = null;
  #wake = () => {};
  #settle = { resolve: () => {}, reject: (/** @type {Error} */ _) => {} };
  /** @type {Promise<void>} */
  done = new Promise((resolve, reject) => { this.#settle = { resolve, reject }; });

  /** @param {import('./view.js').Palette} palette @param {() => void} cancel */
  constructor(palette, cancel) {
    this.palette = palette;
    this.#cancel = cancel;
    this.done.catch(() => {}); // whoever does not wait for it need not handle it
  }

  /** @param {{tasks: number}} note */
  open({ tasks }) {
    this.total = tasks;
  }

  /** False if it is not wanted. @param {import('./painter.js').Painted} tile */
  take(tile) {
    if (this.isOver || this.#seen.has(tile.task)) return false;
    this.#seen.add(tile.task);
    this.received += 1;
    const { task, x, y, width, height, worker, bitmap } = tile;
    const isKept = this.#waiting.length < TILES_MAX;
    if (isKept) this.#waiting.push({ task, x, y, width, height, worker, bitmap });
    if (this.received === this.total) this.#end(null);
    this.#wake();
    return isKept;
  }

  /** @param {Error} error */
  fail(error) {
    if (!this.isOver) this.#end(error);
  }

  cancel() {
    if (this.isOver) return;
    this.#cancel();
    this.#end(new Error('the job was cancelled'));
  }

  async *[Symbol.asyncIterator]() {
    for (;;) {
      while (this.#waiting.length) yield this.#waiting.shift();
      if (this.#error) throw this.#error;
      if (this.isOver) return;
      await new Promise((resolve) => { this.#wake = () => resolve(undefined); });
    }
  }

  /** @param {Error | null} error */
  #end(error) {
    this.isOver = true;
    this.#error = error;
    if (error) this.#settle.reject(error);
    else this.#settle.resolve();
    this.#wake();
  }
}
