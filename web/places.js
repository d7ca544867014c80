// Places to go to: bookmarks of this browser, and surprises. The presets are in controls.js.

import { BOOKMARKS_MAX, add, read, remove } from './bookmarks.js';
import { copied, element, linkHere, say } from './store.js';
import { familyName } from './words.js';
import { t } from './language.js';
import { linkOf, viewOfLink } from './view.js';

const THUMBNAIL = { width: 132, height: 88 };
const UNSTORED = { getItem: () => null, setItem() { throw new Error('nothing is kept'); } };

/** @param {import('./app.js').App} app */
export function createPlaces(app) {
  const note = element('place-note');
  const storage = stored();

  function draw() {
    const bookmarks = read(storage);
    element('bookmarks').hidden = !bookmarks.length;
    element('bookmarks').replaceChildren(...bookmarks.map(({ link, title, image }) => {
      const item = document.createElement('div');
      item.className = 'kept';
      const go = Object.assign(document.createElement('button'), { type: 'button', className: 'preset' });
      const picture = Object.assign(document.createElement('img'), { src: image, alt: '', ...THUMBNAIL });
      const label = document.createElement('span');
      label.textContent = title;
      go.append(picture, label);
      go.addEventListener('click', () => visit(link));
      const away = Object.assign(document.createElement('button'), { type: 'button', className: 'away', textContent: '×' });
      away.setAttribute('aria-label', t('unmark', { title }));
      away.addEventListener('click', () => {
        remove(storage, link);
        draw();
        element('bookmark').focus();
      });
      item.append(go, away);
      return item;
    }));
  }

  /** @param {string} link */
  function visit(link) {
    const there = viewOfLink(link);
    if (!there) return;
    app.album.show(null);
    app.colour(there.palette);
    app.see(there.view);
  }

  element('bookmark').addEventListener('click', () => {
    const { view, palette } = app.store.get();
    const title = `${familyName(view.formula)}, ${view.zoom} ×`;
    const image = app.explorer.thumbnail(THUMBNAIL.width, THUMBNAIL.height);
    const isKept = add(storage, { link: linkOf(view, palette), title, image });
    say(note, isKept ? t('marked', { n: BOOKMARKS_MAX }) : t('unmarked'));
    draw();
  });

  element('surprise').addEventListener('click', async () => {
    const button = element('surprise');
    button.disabled = true;
    const [seed] = crypto.getRandomValues(new Uint32Array(1));
    try {
      visit(`#${await app.painter.surprise(seed, 0, element('explorer'))}`);
    } finally {
      button.disabled = false;
    }
  });

  element('copy-link').addEventListener('click', () => {
    const { view, palette } = app.store.get();
    void copied(element('copy-link'), linkHere(linkOf(view, palette)));
  });

  draw();
}

function stored() {
  try {
    return localStorage;
  } catch {
    return UNSTORED; // storage is denied
  }
}
