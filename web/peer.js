// The bridge to the worker in which the peer of this tab lives.
//
// Messages are plain objects with a kind `t`. Page to worker:
//
//   keep                             the browser may keep a key and finished tiles; before all else
//   join {url}                       enter the network of this server
//   leave                            say goodbye; `left` follows
//   cores {count, paused, intensity} how many tile workers, and the share of their time in percent that
//                                    they compute for others; a pause ends work for jobs only
//   finish                           do what is in hand, take no more; `finished` follows
//   launch {picture, view}           render a picture under this new name: `opened` or `refused` follows
//   watch {job}                      follow a job of the network: `opened` follows when it is found
//   list                             ask which jobs the network has: `listed` follows
//   cancel {job}                     end an own job, or leave another's
//   preview {picture, view, urgent, only?}  compute a picture for this page only, or one task of it,
//                                    under this name
//   forget {prefix}                  stop the previews whose names begin like this
//   retry                            try the server now
//   channel {link, bulk, channel}    a data channel, transferred
//   proxy {name, link, bulk}, proxied {name, what, …}     a data channel that stayed here
//   described {link, sdp}, broken {link, reason}          how a connection is getting on
//
// Worker to page:
//
//   catalogue {presets, palettes, formulas}
//   report {server, node?, jobs?, workers, busy, paused}  state, at most five times a second
//   opened {picture, owner, mine, tasks, view, frames?}   a job this tab takes part in; frames, if many, see sheet.js
//   renamed {from, to}               a job begun alone is now the network's
//   tile {picture, worker, task, frame, x, y, width, height, payload}   numbers, not colours
//   revoked {picture, task}          a tile was wrong; another follows
//   listed {jobs}                    the jobs of the network, see directory.js
//   refused {picture, reason}        in words
//   event {what, …}                  for the log
//   identity {kept}, no-identity {reason}
//   offer {link, iceServers}, answer {link, iceServers, sdp}, apply {link, sdp}, close {link},
//   proxy-send {name, bytes}, proxy-close {name}          for dial.js
//   finished                         nothing is in hand any more
//   recalled                         a tile was found in the browser's store
//   no-room                          the browser keeps no more tiles
//   left                             the goodbyes are sent
//   broken-down {reason}             the module is gone; start another
//
// And what this thread sees of connections, for people:
//
//   path {iceServers?, outside?, made?, failed?, reason?}  a try began, got on, or ended

import { createDialler } from './dial.js';
import { foreignWorker, isOwn } from './spawn.js';

const GOODBYE_MILLIS = 1500; // for a stop; then the worker ends in any case
const PAGEHIDE_MILLIS = 40; // the worker's goodbyes, while this thread waits on purpose

/**
 * @param {(note: any) => void} hear
 * @param {{relayOnly?: boolean, storage?: 'memory' | 'indexeddb'}} [options] whether links go through
 *   TURN servers only, and where the key and finished tiles are kept
 */
export function createPeer(hear, { relayOnly = false, storage = 'indexeddb' } = {}) {
  /** @type {Worker | null} */
  let worker = null;
  /** @type {(() => void) | null} */
  let onLeft = null;
  const dialler = createDialler((note, transfer = []) => worker?.postMessage(note, transfer), hear, relayOnly);

  /** @param {string} reason */
  function breakDown(reason) {
    end();
    hear({ t: 'broken-down', reason });
  }

  function end() {
    worker?.terminate();
    worker = null;
    dialler.closeAll();
  }

  return {
    /** Starts the worker, connected to nobody. */
    begin() {
      if (worker) return;
      worker = isOwn(import.meta.url)
        ? new Worker(new URL('./node-worker.js', import.meta.url), { type: 'module' })
        : foreignWorker(new URL('./node-worker.js', import.meta.url));
      worker.onmessage = ({ data }) => {
        if (data.t === 'left') onLeft?.();
        else if (data.t === 'broken-down') breakDown(data.reason);
        else if (!dialler.take(data)) hear(data);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        breakDown(event.message || 'not-loaded');
      };
      if (storage === 'indexeddb') worker.postMessage({ t: 'keep' });
    },
    /** False when there is no worker to tell. @param {any} note */
    tell(note) {
      worker?.postMessage(note);
      return worker !== null;
    },
    /** Says goodbye and ends the worker: a start is a worker's life. */
    async leave() {
      if (!worker) return;
      await new Promise((resolve) => {
        onLeft = () => setTimeout(resolve, 200);
        setTimeout(resolve, GOODBYE_MILLIS);
        worker?.postMessage({ t: 'leave' });
      });
      onLeft = null;
      end();
    },
    /** The same while the page is being closed: nothing asynchronous would happen any more. */
    leaveNow() {
      if (!worker) return;
      worker.postMessage({ t: 'leave' });
      if (dialler.count > 0) {
        const end = performance.now() + PAGEHIDE_MILLIS;
        while (performance.now() < end);
      }
      end();
    },
  };
}
