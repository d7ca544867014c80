// The panel of the network's jobs: what they are, how far, whose; each opened by a press, or by a link.
//
// The directory is asked for again and again while somebody looks. Pictures in the list are computed
// here, a thumbnail of each. Not here: the job that is shown (panels.js), and who works on what.

import { qrOf } from './qr.js';
import { copied, element, linkHere, say } from './store.js';
import { familyName, shortId } from './words.js';
import { percent, t } from './language.js';
import { framesText } from './sheet.js';
import { surprise } from './surprise.js';
import { linkOfJob } from './view.js';

/** @typedef {import('./app.js').State} State */
/**
 * A job as the directory lists it.
 * @typedef {object} Listing
 * @property {string} id
 * @property {string} owner
 * @property {string} creator
 * @property {number} created milliseconds since 1970, by its creator's clock
 * @property {number} epoch
 * @property {'running' | 'finished' | 'cancelled'} state
 * @property {number} tasks
 * @property {number} done
 * @property {import('./view.js').Picture} view
 * @property {import('./sheet.js').Frames} [frames] if there are many; then `view` is of one, and of a gallery's only its size
 */

const ASK_MILLIS = 10_000;
const LISTED_MAX = 24; // shown; what runs first, then the latest
const THUMBNAIL = { width: 144, height: 96 };

/** What is shown of a directory: what runs first, then the latest. @param {Listing[]} jobs @returns {Listing[]} */
export function ordered(jobs) {
  const running = (/** @type {Listing} */ { state }) => (state === 'running' ? 0 : 1);
  return jobs.filter(({ state }) => state !== 'cancelled')
    .sort((a, b) => running(a) - running(b) || b.created - a.created).slice(0, LISTED_MAX);
}

/** The picture in the middle of a view that fills a thumbnail. @param {import('./view.js').Picture} view */
function thumbnailOf(view) {
  // Zoom is of the width: a picture that is taller than the thumbnail keeps its width.
  return { ...view, ...THUMBNAIL, max_iter: Math.min(view.max_iter, 5000) };
}

/** @param {import('./app.js').App} app */
export function createDirectory(app) {
  const list = element('directory-list');
  const sheet = /** @type {HTMLDialogElement} */ (element('share'));
  /** @type {Listing[]} */
  let jobs = [];
  let heardAt = -Infinity;
  let askedAt = -Infinity;
  /** @type {Map<string, HTMLCanvasElement>} */
  const pictures = new Map();

  element('share-close').addEventListener('click', () => sheet.close());
  element('share-copy').addEventListener('click', () => void copied(element('share-copy'), element('share-link').textContent));

  /** @param {string} id */
  function picture(id) {
    const known = pictures.get(id);
    if (known) return known;
    const canvas = document.createElement('canvas');
    Object.assign(canvas, THUMBNAIL);
    pictures.set(id, canvas);
    const job = jobs.find((each) => each.id === id);
    if (job) preview(job).catch(() => {}); // then its place stays dark
    return canvas;
  }

  /** Of a gallery its first frame, which only the seed tells. @param {Listing} job */
  async function preview({ id, view, frames }) {
    const chosen = frames?.kind === 'gallery' && await surprise(app, frames.seed, frames.first, THUMBNAIL);
    if (chosen) app.own.set(`d.${id}`, chosen.palette);
    app.preview(`d.${id}`, thumbnailOf(chosen ? { ...chosen.view, ...THUMBNAIL } : view), false);
  }

  /** @param {Listing} job */
  function card({ id, view, frames, state, done, tasks, owner, epoch }) {
    const item = document.createElement('li');
    const open = document.createElement('button');
    open.type = 'button';
    const words = document.createElement('span');
    const title = document.createElement('b');
    title.textContent = frames ? framesText(frames, view) : `${familyName(view.formula)}\u00a0· ${view.width} × ${view.height}`;
    const about = document.createElement('span');
    const how = t(state === 'finished' ? 'listed-done' : 'listed-part', { n: tasks, share: percent(Math.floor((100 * done) / tasks) / 100) });
    const me = app.store.get().node?.id;
    const text = t(owner === me ? 'listed-mine' : 'listed-theirs', { how, owner: shortId(owner) });
    about.textContent = epoch > 1 ? t('handed-over', { text }) : text;
    words.append(title, about);
    open.append(picture(id), words);
    open.addEventListener('click', () => app.open(id));
    item.append(open);
    return item;
  }

  return {
    /** @param {{jobs: Listing[]}} note */
    hear(note) {
      heardAt = performance.now();
      jobs = note.jobs;
      const seen = ordered(jobs);
      const text = JSON.stringify(seen);
      if (list.dataset.seen === text) return;
      list.dataset.seen = text;
      const focused = [...list.children].findIndex((item) => item.contains(document.activeElement));
      list.replaceChildren(...seen.map(card));
      list.children[focused]?.querySelector('button')?.focus();
      for (const id of pictures.keys()) {
        if (seen.some((job) => job.id === id)) continue;
        pictures.delete(id);
        app.own.delete(`d.${id}`);
        app.forget(`d.${id}`);
      }
    },
    get jobs() { return jobs; },
    /** The list says the same in another language. */
    reword() {
      delete list.dataset.seen;
      if (heardAt > 0) this.hear({ jobs });
    },
    get heardAt() { return heardAt; },
    /** There is something new. */
    refresh() { askedAt = -Infinity; },
    /** @param {string} id @param {ImageBitmap} bitmap */
    thumbnail(id, bitmap) {
      pictures.get(id)?.getContext('2d')?.drawImage(bitmap, 0, 0);
      bitmap.close();
    },
    /** @param {Readonly<State>} state */
    draw({ node }) {
      element('directory').hidden = !node?.ready;
      say(element('directory-note'), heardAt < 0 ? t('asking') : jobs.length ? '' : t('no-jobs'));
      if (!node?.ready || document.hidden || performance.now() - askedAt < ASK_MILLIS) return;
      askedAt = performance.now();
      app.peer.tell({ t: 'list' });
    },
    /** How others come to a job: a link, and the same as a code for phones. @param {import('./jobs.js').Job} job */
    share(job) {
      const hash = job.frames ? `#job=${job.id}` : linkOfJob(job.id, job.view, app.store.get().palette);
      say(element('share-link'), linkHere(hash));
      // A job tells what its picture is: its name is enough, and a shorter text is a coarser code.
      element('share-code').replaceChildren(...codeOf(linkHere(`#job=${job.id}`)));
      sheet.showModal();
    },
  };
}

/** A QR code as an image, or nothing if the text is too long. @param {string} text */
function codeOf(text) {
  const rows = qrOf(text);
  if (!rows) return [];
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  const side = rows.length + 8; // four light modules around it
  svg.setAttribute('viewBox', `-4 -4 ${side} ${side}`);
  svg.setAttribute('role', 'img');
  svg.setAttribute('aria-label', t('qr'));
  const path = document.createElementNS(namespace, 'path');
  path.setAttribute('d', rows.map((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')).join('')).join(''));
  svg.append(path);
  return [svg];
}
