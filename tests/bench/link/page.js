// The tab of the link bench, on the page's thread: answers an offer with the product's own dialler,
// which hands both channels to a worker (far.js).
import { createDialler } from '/web/dial.js';

const worker = new Worker('/bench/far.js');

/** Resolves with the answer; the link lives as long as the page. */
window.answer = (sdp) => new Promise((resolve, reject) => {
  const dialler = createDialler((note, transfer = []) => {
    if (note.t === 'channel') worker.postMessage(note, transfer);
    else if (note.t === 'described') resolve(note.sdp);
    else reject(new Error(note.reason ?? `the dialler said ${note.t}`));
  }, () => {}, false);
  dialler.take({ t: 'answer', link: 1, iceServers: [], sdp });
});
