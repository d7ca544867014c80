// Something worth doing when nobody asks for help: the pictures of the day, by whoever is idle.
//
// The day is the seed, so every tab agrees on what its pictures are; one that the directory lists is
// taken. Tabs wait a random time, so that one of them begins; should two begin the same picture, that
// costs work and nothing else. A visitor's own picture always comes first.

import { surprise } from './surprise.js';
import { t } from './language.js';

/** @typedef {import('./view.js').View} View */

const SIZE = { width: 1600, height: 1000 };
const PICTURES_MAX = 24; // of a day; then tabs rest
const IDLE_MILLIS = 60_000; // at least, and at most twice that
const HEARD_MILLIS = 30_000; // an older directory is no ground to begin anything

/** All tabs of the world have the same day. @param {number} millis since 1970 */
export const dayOf = (millis) => Math.floor(millis / 86_400_000);

/** Whether a job of the network is this picture. @param {View} picture @param {{view: View}[]} jobs */
export const isTaken = (picture, jobs) => jobs.some(({ view }) =>
  view.formula === picture.formula && view.re === picture.re && view.im === picture.im && view.zoom === picture.zoom);

/** @param {import('./app.js').App} app */
export function createGallery(app) {
  let idleSince = Infinity;
  let wait = 0;
  let isBeginning = false;
  /** The picture that this tab began last. @type {import('./jobs.js').Job | undefined} */
  let own;

  function rest() {
    idleSince = Infinity;
    wait = IDLE_MILLIS * (1 + Math.random());
  }

  async function begin() {
    isBeginning = true;
    try {
      for (let index = 0; index < PICTURES_MAX; index += 1) {
        const chosen = await surprise(app, dayOf(Date.now()), index, SIZE);
        if (isTaken(chosen.view, app.directory.jobs)) continue;
        app.log(t('gallery-begins'));
        own = app.store.get().jobs.get(await app.album.launch({ ...chosen.view, ...SIZE }, true));
        break;
      }
    } catch {
      // It is tried again after the next rest.
    }
    isBeginning = false;
    rest();
  }

  rest();
  return {
    /** Looks whether there is nothing else to do. @param {Readonly<import('./app.js').State>} state */
    look({ node, verdict, finishing, busy, jobs }) {
      const { directory } = app;
      const isRunning = (/** @type {{state: string}} */ { state }) => state === 'running';
      const isIdle = node?.ready && !verdict.paused && !finishing && !busy && !isBeginning
        && performance.now() - directory.heardAt < HEARD_MILLIS
        && !directory.jobs.some(isRunning) && ![...jobs.values()].some(isRunning);
      if (!isIdle) return rest();
      idleSince = Math.min(idleSince, performance.now());
      if (performance.now() - idleSince > wait) void begin();
    },
    /** Makes room for what its visitor wants. */
    yield() {
      if (own?.state === 'running') app.peer.tell({ t: 'cancel', job: own.id });
      own = undefined;
    },
  };
}
