// Bookmarks survive what a storage may do to them.

import test from 'node:test';
import assert from 'node:assert/strict';
import { BOOKMARKS_MAX, add, read, remove } from './bookmarks.js';

function memory() {
  /** @type {Map<string, string>} */
  const kept = new Map();
  return { getItem: (/** @type {string} */ key) => kept.get(key) ?? null, setItem: (/** @type {string} */ key, /** @type {string} */ value) => void kept.set(key, value) };
}

const bookmark = (/** @type {number} */ at) => ({ link: `#re=${at}`, title: `Place ${at}`, image: 'data:image/webp;base64,AA' });

test('the latest comes first, once, and the oldest goes', () => {
  const storage = memory();
  for (let at = 0; at < BOOKMARKS_MAX + 5; at += 1) assert.ok(add(storage, bookmark(at)));
  add(storage, bookmark(20));
  const links = read(storage).map(({ link }) => link);
  assert.equal(links.length, BOOKMARKS_MAX);
  assert.deepEqual(links.slice(0, 2), ['#re=20', `#re=${BOOKMARKS_MAX + 4}`]);
  assert.equal(new Set(links).size, links.length);
  remove(storage, '#re=20');
  assert.equal(read(storage).length, BOOKMARKS_MAX - 1);
});

test('what is damaged is left out, and a storage that keeps nothing says so', () => {
  const storage = memory();
  for (const text of ['', '{', '7', 'null', '[null, {"link": "javascript:0", "title": "", "image": "data:image/x"}]']) {
    storage.setItem('bookmarks', text);
    assert.deepEqual(read(storage), [], text);
  }
  assert.ok(add(storage, bookmark(1)));
  const full = { ...storage, setItem() { throw new Error('quota'); } };
  assert.ok(!add(full, bookmark(2)));
  const denied = { getItem() { throw new Error('denied'); }, setItem() {} };
  assert.deepEqual(read(denied), []);
});
