// What happened, in plain words: the newest line first, one sentence each.

import { clock, t } from './language.js';
import { shortId } from './words.js';

const LINES_MAX = 60;

/** @param {HTMLElement} list */
export function createLog(list) {
  /** @param {string} text */
  return function log(text) {
    const first = list.firstElementChild;
    if (first?.lastElementChild?.textContent === text) return;
    const line = document.createElement('li');
    const time = document.createElement('time');
    time.textContent = clock();
    const words = document.createElement('span');
    words.textContent = text;
    line.append(time, words);
    list.prepend(line);
    while (list.childElementCount > LINES_MAX) list.lastElementChild?.remove();
  };
}

/**
 * The sentence for an event of the worker; null for what only a report shows.
 * @param {any} event
 * @returns {string | null}
 */
export function sentence(event) {
  const peer = event.peer ? shortId(event.peer) : '';
  const reason = t(String(event.reason ?? event.why ?? ''));
  switch (event.what) {
    case 'ready':
    case 'not-ready':
    case 'join-failed': return t(event.what);
    case 'linked':
    case 'misbehaved':
    case 'link-failed':
    case 'job-refused':
    case 'no-signature': return t(event.what, { peer, reason });
    case 'peer-gone': return t(event.left ? 'said-goodbye' : 'vanished', { peer });
    case 'accepted': return event.copies > 1 ? t('accepted', { n: event.copies }) : t('only-here');
    case 'owner-changed': return t(event.mine ? 'own-now' : 'owner-changed', { peer });
    case 'worker-lost': return t(`${event.left ? 'left' : 'lost'}${event.tasks > 0 ? '-tiles' : ''}`, { peer, n: event.tasks });
    case 'worker-barred': return t(event.mine ? 'barred-here' : 'barred', { peer, n: event.reviewed });
    case 'worker-broke': return t(event.gone ? 'worker-gone' : event.replaced ? 'worker-replaced' : 'worker-broke', { reason });
    default: return null;
  }
}
