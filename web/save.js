// The button that saves the picture: where the file goes, how far it is, and the way to stop it.
//
// Most pictures are downloads like any other. One that is large goes straight to the disk, if the browser lets the
// visitor say where: then none of the file has to be in memory. Not here: what is in it (png.js).

import { element, say } from './store.js';
import { percent, t } from './language.js';
import { fileName } from './words.js';

const LARGE_PIXELS = 2 ** 25;

/** A place on the disk, null if the visitor wants none after all; nothing where the browser has no such thing. @param {string} suggestedName */
async function askPlace(suggestedName) {
  try {
    return /** @type {FileSystemFileHandle | undefined} */ (await /** @type {any} */ (window).showSaveFilePicker?.({ suggestedName }));
  } catch (error) {
    if (/** @type {Error} */ (error).name === 'AbortError') return null;
  }
}

/** @param {import('./app.js').App} app */
export function createSaver(app) {
  const button = element('download');
  let isSaving = false;
  let isWanted = false;
  let share = 0;

  /** @param {number} part */
  function onShare(part) {
    share = part;
    app.store.set({});
    return isWanted;
  }

  /** @param {import('./jobs.js').Job} job */
  async function save({ frames, view }) {
    const name = fileName(frames ? undefined : view);
    const place = view.width * view.height > LARGE_PIXELS ? await askPlace(name) : undefined;
    if (place === null) return;
    const file = await app.album.png(place, onShare);
    if (place) app.log(t('saved', { name }));
    else download(file, name);
  }

  button.addEventListener('click', async () => {
    const job = app.album.current();
    isWanted = !isSaving;
    if (isSaving || !job) return;
    isSaving = true;
    onShare(0);
    try {
      await save(job);
    } catch (error) {
      if (isWanted) app.store.set({ trouble: t('not-saved', { reason: /** @type {Error} */ (error).message }) });
    }
    isSaving = false;
    app.store.set({});
  });

  return {
    /** @param {import('./jobs.js').Job} job @param {number} done tiles of it */
    draw(job, done) {
      button.disabled = done === 0;
      say(button, isSaving ? t('stop-saving', { share: percent(share) }) : t(done < job.total ? 'download-part' : 'download'));
    },
  };
}

/** @param {Blob} file @param {string} name */
function download(file, name) {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
