// A small observable value: what is true now, and who wants to hear of changes.
//
// Not a framework: no diffing, no components. Listeners run once per frame at most, after the last
// change, so a burst of tiles costs one drawing.

import { t } from './language.js';

/**
 * @template {object} State
 * @typedef {object} Store
 * @property {() => Readonly<State>} get
 * @property {(change: Partial<State>) => void} set
 * @property {(listener: (state: Readonly<State>) => void) => void} subscribe
 */

/**
 * @template {object} State
 * @param {State} initial
 * @returns {Store<State>}
 */
export function createStore(initial) {
  let state = initial;
  let due = false;
  /** @type {((state: Readonly<State>) => void)[]} */
  const listeners = [];

  function tell() {
    due = false;
    for (const listener of listeners) listener(state);
  }

  return {
    get: () => state,
    set(change) {
      state = { ...state, ...change };
      if (due) return;
      due = true;
      // A hidden page gets no frames, and still has to say how it is to whoever asks.
      if (document.hidden) setTimeout(tell);
      else requestAnimationFrame(tell);
    },
    subscribe(listener) {
      listeners.push(listener);
      listener(state);
    },
  };
}

/**
 * The element with this id, which the page is known to have.
 * @param {string} id
 * @returns {any}
 */
export function element(id) {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

/**
 * Sets a text only where it changed, so that assistive technology is not told twice.
 * @param {Element} target
 * @param {string} text
 */
export function say(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/** A link to this page for whoever: in no language. @param {string} hash */
export const linkHere = (hash) => new URL(`${location.pathname}${hash}`, location.href).href;

/**
 * Puts a link on the clipboard and lets its button say so; where the browser forbids that, the
 * link is shown to be copied by hand.
 * @param {HTMLButtonElement} button
 * @param {string} link
 */
export async function copied(button, link) {
  const usual = button.textContent ?? '';
  button.disabled = true;
  try {
    await navigator.clipboard.writeText(link);
    say(button, t('copied'));
  } catch {
    window.prompt(t('copy-this'), link);
  }
  setTimeout(() => { say(button, usual); button.disabled = false; }, 1600);
}
