// The panels beside the stage: the job and the network. Drawn from the state alone.
//
// Buttons call the app; nothing here keeps a state of its own but what a screen shows.

import { element, say } from './store.js';
import { createTab } from './tab.js';
import { createSaver } from './save.js';
import { shortId, timeText } from './words.js';
import { numeral, t } from './language.js';
import { hueOf, rateOf } from './jobs.js';
import { framesText } from './sheet.js';
import { leftOf, leftText, speedUp } from './pace.js';

/** @typedef {import('./app.js').State} State */
/** @typedef {import('./jobs.js').Job} Job */

const SAY_MILLIS = 5000; // between two sentences of progress to assistive technology

/** @param {import('./app.js').App} app */
export function createPanels(app) {
  const tab = createTab(app);
  const saver = createSaver(app);
  let saidAt = 0;

  /** @type {[string, () => void][]} */
  const buttons = [
    ['cancel-job', () => app.album.cancel()],
    ['share-job', share],
    ['mode-explore', () => app.album.show(null)],
    ['mode-picture', () => { const job = app.album.current(); if (job) app.album.show(job.id); }],
  ];
  for (const [id, act] of buttons) element(id).addEventListener('click', act);
  element('tint').addEventListener('change', () => app.album.tint(element('tint').checked));

  function share() {
    const job = app.album.current();
    if (job) app.directory.share(job);
  }

  /** @param {Readonly<State>} state */
  function draw(state) {
    tab(state);
    drawJob(app.album.current(), state);
    drawTrouble(state);
    app.network.draw(state);
    app.directory.draw(state);
    app.gallery.look(state);
  }

  /** @param {Readonly<State>} state */
  function drawTrouble({ trouble, full }) {
    element('trouble').hidden = !trouble && !full;
    say(element('trouble-text'), trouble || (full ? t('no-room') : ''));
    element('make-room').hidden = Boolean(trouble);
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
    const what = job.frames ? framesText(job.frames, job.cell) : `${job.view.width} × ${job.view.height}`;
    say(element('job-title'), t(job.mine ? 'yours' : 'theirs', { what, owner: shortId(job.owner) }));
    say(element('job-done'), t('of', { done, all: t('tiles', { n: job.total }) }));
    say(element('job-state'), jobText(job, state.node?.id));
    const running = job.state === 'running';
    say(element('job-verb'), t(running ? 'rendering' : 'picture'));
    element('cancel-job').hidden = !running;
    say(element('cancel-job'), t(job.mine ? 'stop-job' : 'stop-helping'));
    saver.draw(job, done);
    element('share-job').hidden = job.id.startsWith('solo');
    say(element('job-held'), heldText(job, state.node?.id));
    drawWorkers(job, state);
    if (performance.now() - saidAt > SAY_MILLIS || !running) {
      saidAt = performance.now();
      say(element('job-spoken'), t('job-spoken', { n: Math.floor((100 * done) / job.total), text: jobText(job, state.node?.id) }));
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
      say(name, isMe ? t('this-tab') : shortId(id));
      row.classList.toggle('me', isMe);
      bar.firstElementChild.style.inlineSize = `${(100 * tiles) / most}%`;
      bar.firstElementChild.style.backgroundColor = `hsl(${hueOf(id)} 65% 55%)`;
      say(count, numeral(tiles));
    });
    while (list.childElementCount > entries.length) list.lastElementChild?.remove();
    const notes = [];
    if (job.reassigned) notes.push(t('handed-on', { n: job.reassigned }));
    if (job.duplicates) notes.push(t('twice', { n: job.duplicates }));
    say(element('job-notes'), notes.join(' · '));
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

/** Who owns a job, and how safe it is. @param {Job} job @param {string | undefined} me */
function heldText(job, me) {
  if (job.id.startsWith('solo')) return '';
  const owner = job.owner === me ? t('this-tab') : shortId(job.owner);
  const mean = job.copiesTotal / Math.max(job.tiles.size, 1);
  return [
    t(job.epoch > 1 ? 'owner-after' : 'owner', { owner, n: job.epoch - 1 }),
    job.recordCopies ? t('known-to', { n: job.recordCopies }) : '',
    mean > 1 ? t('copies-each', { n: mean }) : '',
  ].filter(Boolean).join(' · ');
}

/** @param {Job} job @param {string | undefined} me */
function jobText(job, me) {
  const { state, participants } = job;
  if (state === 'finished') return t('complete', { time: timeText((job.endedAt - job.openedAt) / 1000) });
  if (state === 'cancelled') return t('stopped');
  if (state === 'orphaned') return t('orphaned');
  if (state === 'refused') return job.reason;
  const rate = rateOf(job);
  const left = leftOf(job, performance.now());
  const who = job.id.startsWith('solo') ? t('tab-alone') : t('peers', { n: participants });
  if (!rate || !left) return t('beginning', { who });
  const times = speedUp(job, ['self', me ?? '']);
  const values = { rate: rate < 10 ? rate : Math.round(rate), who, times: times ?? 1, left: leftText(left) };
  return t(times && times > 1.05 ? 'pace-faster' : 'pace', values);
}
