// The panels beside the stage: the job, this tab's part, the network. Drawn from the state alone.
//
// Buttons call the app; nothing here keeps a state of its own but what a screen shows.

import { copied, element, say } from './store.js';
import { createRing, shortId } from './ring.js';
import { bytesText, counted, fileName, timeText } from './words.js';
import { hueOf, rateOf } from './jobs.js';
import { leftOf, leftText, speedUp } from './pace.js';
import { linkOfJob } from './view.js';

/** @typedef {import('./app.js').State} State */
/** @typedef {import('./jobs.js').Job} Job */

const CORES = navigator.hardwareConcurrency || 2;
const SAY_MILLIS = 5000; // between two sentences of progress to assistive technology

/** @param {import('./app.js').App} app */
export function createPanels(app) {
  const ring = createRing(element('ring'), element('ring-rows'));
  let saidAt = 0;

  /** @type {[string, () => void][]} */
  const buttons = [
    ['start-again', () => app.start({})],
    ['stop', () => void app.stop()],
    ['pause', () => app.pause(!app.store.get().paused)],
    ['retry', () => app.retry()],
    ['cancel-job', () => app.album.cancel()],
    ['download', () => void download()],
    ['share-job', share],
    ['mode-explore', () => app.album.show(null)],
    ['mode-picture', () => { const job = app.album.current(); if (job) app.album.show(job.id); }],
  ];
  for (const [id, act] of buttons) element(id).addEventListener('click', act);
  element('tint').addEventListener('change', () => app.album.tint(element('tint').checked));
  const slider = /** @type {HTMLInputElement} */ (element('cores'));
  slider.max = String(CORES);
  slider.addEventListener('input', () => app.setCores(Number(slider.value)));

  function share() {
    const job = app.album.current();
    if (!job) return;
    const link = new URL(linkOfJob(job.id, job.view, app.store.get().palette), location.href);
    void copied(element('share-job'), link.href);
  }

  async function download() {
    const button = element('download');
    button.disabled = true;
    try {
      const link = document.createElement('a');
      link.href = URL.createObjectURL(await app.album.png());
      link.download = fileName(app.album.current()?.view);
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
    } catch (error) {
      say(element('trouble'), `The picture could not be saved: ${error instanceof Error ? error.message : error}.`);
      element('trouble').hidden = false;
    } finally {
      button.disabled = false;
    }
  }

  /** @param {Readonly<State>} state */
  function draw(state) {
    drawStatus(state);
    drawJob(app.album.current(), state);
    drawTab(state);
    ring(state.node);
    const { node } = state;
    say(element('ring-note'), node
      ? `${counted(node.links.length, 'direct link')}, ${counted(new Set([...node.left, ...node.right]).size, 'neighbour')} known.`
      : 'This tab is connected to nobody.');
  }

  /** @param {Readonly<State>} state */
  function drawStatus(state) {
    const { status, server, node, trouble } = state;
    say(element('status'), statusText(state));
    element('status').dataset.mood = mood(state);
    element('retry').hidden = server.state !== 'unreachable';
    element('start-again').hidden = status !== 'looking' && status !== 'broken';
    element('stop').hidden = status !== 'starting' && status !== 'joined' && status !== 'stopping';
    element('stop').disabled = status === 'stopping';
    element('trouble').hidden = !trouble;
    if (trouble) say(element('trouble'), trouble);
    say(element('me'), node ? shortId(node.id) : '–');
  }

  /** @param {Job | null} job @param {Readonly<State>} state */
  function drawJob(job, state) {
    element('job').hidden = !job;
    element('modes').hidden = !job;
    const pressed = (/** @type {string} */ id, /** @type {boolean} */ on) =>
      element(id).setAttribute('aria-pressed', String(on));
    pressed('mode-explore', !state.shown);
    pressed('mode-picture', Boolean(state.shown));
    if (!job) return;
    // What can be seen: a tile's numbers are here a moment before its colours.
    const done = job.painted.size;
    const progress = element('job-progress');
    progress.max = job.total;
    progress.value = done;
    say(element('job-title'), `${job.view.width} × ${job.view.height}, ${job.mine ? 'yours' : `of ${shortId(job.owner)}`}`);
    say(element('job-done'), `${done.toLocaleString()} of ${counted(job.total, 'tile')}`);
    say(element('job-state'), jobText(job, state.node?.id));
    const running = job.state === 'running';
    say(element('job-verb'), running ? 'Rendering' : 'Picture');
    element('cancel-job').hidden = !running;
    say(element('cancel-job'), job.mine ? 'Stop job' : 'Stop helping');
    element('download').disabled = done === 0;
    element('share-job').hidden = job.id.startsWith('solo');
    say(element('job-held'), heldText(job, state.node?.id));
    say(element('download'), done < job.total ? 'Download PNG so far' : 'Download PNG');
    drawWorkers(job, state);
    if (performance.now() - saidAt > SAY_MILLIS || !running) {
      saidAt = performance.now();
      say(element('job-spoken'), `${Math.floor((100 * done) / job.total)} percent. ${jobText(job, state.node?.id)}`);
    }
  }

  /** @param {Job} job @param {Readonly<State>} state */
  function drawWorkers(job, { node }) {
    const list = element('job-workers');
    const entries = Object.entries(job.by).sort((a, b) => b[1] - a[1]);
    const most = entries[0]?.[1] ?? 1;
    entries.forEach(([id, tiles], at) => {
      const row = list.children[at] ?? list.appendChild(workerRow());
      const isMe = id === node?.id || id === 'self';
      const [name, bar, count] = row.children;
      say(name, isMe ? 'this tab' : shortId(id));
      row.classList.toggle('me', isMe);
      bar.firstElementChild.style.inlineSize = `${(100 * tiles) / most}%`;
      bar.firstElementChild.style.backgroundColor = `hsl(${hueOf(id)} 65% 55%)`;
      say(count, tiles.toLocaleString());
    });
    while (list.childElementCount > entries.length) list.lastElementChild?.remove();
    const notes = [];
    if (job.reassigned) notes.push(`${counted(job.reassigned, 'tile')} handed on`);
    if (job.duplicates) notes.push(`${counted(job.duplicates, 'result')} arrived twice`);
    say(element('job-notes'), notes.join(' · '));
  }

  /** @param {Readonly<State>} state */
  function drawTab({ cores, paused, workers, busy, contributed, node, status }) {
    if (slider !== document.activeElement) slider.value = String(cores);
    say(element('cores-text'), `${cores} of ${counted(CORES, 'core')}${busy ? `, ${busy} busy` : ''}`);
    say(element('contributed'), contributed.toLocaleString());
    say(element('workers'), workers.toLocaleString());
    say(element('sent'), bytesText(node?.traffic.sent ?? 0));
    say(element('received'), bytesText(node?.traffic.received ?? 0));
    const pause = element('pause');
    pause.hidden = status !== 'joined' && status !== 'starting';
    pause.setAttribute('aria-pressed', String(paused));
    say(pause, paused ? 'Resume work' : 'Pause work');
  }

  // A countdown and a rate change by themselves.
  setInterval(() => { if (!document.hidden) draw(app.store.get()); }, 1000);
  return draw;
}

function workerRow() {
  const row = document.createElement('li');
  for (const kind of ['name', 'bar', 'count']) {
    const part = document.createElement('span');
    part.className = kind;
    if (kind === 'bar') part.append(document.createElement('span'));
    row.append(part);
  }
  return row;
}

/** @param {Readonly<State>} state */
function statusText({ status, server, node, paused, cores }) {
  if (status === 'broken') return 'The peer in this tab broke down.';
  if (status === 'looking') return 'Just looking – connected to nobody.';
  if (status === 'stopping') return 'Saying goodbye…';
  const links = node?.links.length ?? 0;
  const rest = paused ? ' · paused' : '';
  if (links > 0 && server.state === 'unreachable') {
    return `Server unreachable, the swarm lives: ${counted(links, 'peer')} linked${rest}`;
  }
  if (links > 0) return `${counted(links, 'peer')} linked · ${node.ready ? 'ring ready' : 'joining the ring…'}${rest}`;
  if (server.state === 'unreachable') {
    const seconds = Math.max(0, Math.ceil(((server.retryAt ?? 0) - performance.now()) / 1000));
    return `Server unreachable, retrying in ${seconds} s – computing alone${rest}`;
  }
  if (server.state === 'refused') return `The server refused this tab: ${server.reason}.`;
  if (node?.ready) return `Ring ready · nobody else is here yet${rest}`;
  if (server.state === 'connected') return 'Looking for peers…';
  return `Asking the server for the way in… (${counted(cores, 'core')} ready)`;
}

/** @param {Readonly<State>} state */
function mood({ status, server, node }) {
  if (status === 'broken' || server.state === 'refused') return 'bad';
  if (server.state === 'unreachable') return 'worried';
  return node?.ready ? 'good' : 'quiet';
}

/** Who owns a job, and how safe it is. @param {Job} job @param {string | undefined} me */
function heldText(job, me) {
  if (job.id.startsWith('solo')) return '';
  const owner = job.owner === me ? 'this tab' : shortId(job.owner);
  const after = job.epoch > 1 ? `, after ${counted(job.epoch - 1, 'hand-over')}` : '';
  const record = job.recordCopies ? ` · known to ${counted(job.recordCopies, 'peer')}` : '';
  const mean = job.copiesTotal / Math.max(job.tiles.size, 1);
  const tiles = mean > 1 ? ` · ${mean.toFixed(1)} copies of each tile` : '';
  return `Owner: ${owner}${after}${record}${tiles}`;
}

/** @param {Job} job @param {string | undefined} me */
function jobText(job, me) {
  const { state, participants } = job;
  if (state === 'finished') return `Complete in ${timeText((job.endedAt - job.openedAt) / 1000)}.`;
  if (state === 'cancelled') return 'Stopped.';
  if (state === 'orphaned') return 'Its owner is gone; another peer takes over.';
  if (state === 'refused') return job.reason;
  const rate = rateOf(job);
  const left = leftOf(job, performance.now());
  const who = job.id.startsWith('solo') ? 'this tab alone' : counted(participants, 'peer');
  if (!rate || !left) return `Beginning, by ${who}.`;
  const times = speedUp(job, ['self', me ?? '']);
  const faster = times && times > 1.05 ? ` · ${times.toFixed(1)} × this tab alone` : '';
  return `${rate < 10 ? rate.toFixed(1) : Math.round(rate)} tiles/s by ${who}${faster} · ${leftText(left)}`;
}
