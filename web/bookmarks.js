// Views that somebody wants to come back to, with a small picture each, kept by this browser alone.

const KEY = 'bookmarks';
export const BOOKMARKS_MAX = 60; // the oldest goes; a few hundred kB in all
const LINK_CHARS_MAX = 4000;

/** @typedef {{link: string, title: string, image: string}} Bookmark */

/** What is kept, the latest first. Damaged entries are left out. @param {Pick<Storage, 'getItem'>} storage @returns {Bookmark[]} */
export function read(storage) {
  try {
    const kept = JSON.parse(storage.getItem(KEY) ?? '[]');
    return kept.filter((/** @type {any} */ each) => typeof each?.link === 'string' && each.link.startsWith('#')
      && typeof each.title === 'string' && /^data:image\//.test(each.image)).slice(0, BOOKMARKS_MAX);
  } catch {
    return [];
  }
}

/** False where the browser keeps nothing. @param {Pick<Storage, 'getItem' | 'setItem'>} storage @param {Bookmark[]} bookmarks */
function write(storage, bookmarks) {
  try {
    storage.setItem(KEY, JSON.stringify(bookmarks.slice(0, BOOKMARKS_MAX)));
    return true;
  } catch {
    return false;
  }
}

/** @param {Pick<Storage, 'getItem' | 'setItem'>} storage @param {Bookmark} bookmark */
export function add(storage, bookmark) {
  if (bookmark.link.length > LINK_CHARS_MAX) return false;
  return write(storage, [bookmark, ...read(storage).filter(({ link }) => link !== bookmark.link)]);
}

/** @param {Pick<Storage, 'getItem' | 'setItem'>} storage @param {string} link */
export const remove = (storage, link) => write(storage, read(storage).filter((each) => each.link !== link));
