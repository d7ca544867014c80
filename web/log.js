// What happened, in plain words: the newest line first, one sentence each.

import { counted, shortId } from './words.js';

const LINES_MAX = 60;

/** @param {HTMLElement} list */
export function createLog(list) {
  /** @param {string} text */
  return function log(text) {
    const first = list.firstElementChild;
    if (first?.lastElementChild?.textContent === text) return;
    const line = document.createElement('li');
    const time = document.createElement('time');
    time.textContent = new Date().toLocaleTimeString([], {
      hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
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
  switch (event.what) {
    case 'ready': return 'This tab is a full member of the ring.';
    case 'not-ready': return 'This tab left the ring for a moment and is finding its place again.';
    case 'join-failed': return 'The peer that was to let this tab in did not answer; asking for another.';
    case 'linked': return `Linked with ${peer}.`;
    case 'unlinked': return null;
    case 'peer-gone': return event.left ? `${peer} said goodbye.` : `${peer} vanished.`;
    case 'misbehaved': return `${peer} sent something no honest peer sends: ${event.why}.`;
    case 'link-failed': return `No connection to ${peer}: ${event.reason}.`;
    case 'job-refused': return `A job was refused: ${event.reason}.`;
    case 'accepted': return event.copies > 1
      ? `${counted(event.copies, 'peer')} hold the job: it goes on without this tab.` : 'Only this tab holds the job so far.';
    case 'owner-changed': return event.mine ? 'The owner left; this tab owns the job now.' : `The job has another owner: ${peer}.`;
    case 'worker-lost': {
      const how = event.left ? 'left' : 'was lost';
      return event.tasks > 0
        ? `${peer} ${how} – ${counted(event.tasks, 'tile')} handed to others.` : `${peer} ${how}.`;
    }
    case 'worker-broke': return `A tile worker broke down${brokenEnd(event)}: ${event.reason}.`;
    case 'no-signature': return `The browser did not sign: ${event.reason}.`;
    default: return null;
  }
}

/** @param {{replaced: boolean, gone: boolean}} event */
function brokenEnd({ replaced, gone }) {
  if (gone) return ' and none is left, until the number of cores is set again';
  return replaced ? ' and was replaced' : '';
}
