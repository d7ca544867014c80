// The bridge to the worker in which the peer of this tab lives.
//
// Messages are plain objects with a kind `t`. Page to worker:
//
//   join {url}                       enter the network of this server
//   leave                            say goodbye; `left` follows
//   cores {count, paused}            how many tile workers; a pause ends work for jobs only
//   launch {picture, view}           render a picture under this new name: `opened` or `refused` follows
//   watch {job}                      follow a job of the network: `opened` follows when it is found
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
//   opened {picture, owner, mine, tasks, view}            a job this tab takes part in
//   renamed {from, to}               a job begun alone is now the network's
//   tile {picture, worker, task, x, y, width, height, payload}   numbers, not colours
//   refused {picture, reason}        in words
//   event {what, …}                  for the log
//   identity {kept}, no-identity {reason}
//   offer {link, iceServers}, answer {link, iceServers, sdp}, apply {link, sdp}, close {link},
//   proxy-send {name, bytes}, proxy-close {name}          for dial.js
//   left                             the goodbyes are sent
//   broken-down {reason}             the module is gone; start another

import { createDialler } from './dial.js';

const GOODBYE_MILLIS = 1500; // for a stop; then the worker ends in any case
const PAGEHIDE_MILLIS = 40; // the worker's goodbyes, while this thread waits on purpose

/** @param {(note: any) => void} hear */
export function createPeer(hear) {
  /** @type {Worker | null} */
  let worker = null;
  /** @type {(() => void) | null} */
  let onLeft = null;
  const dialler = createDialler((note, transfer = []) => worker?.postMessage(note, transfer));

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
      worker = new Worker(new URL('./node-worker.js', import.meta.url), { type: 'module' });
      worker.onmessage = ({ data }) => {
        if (data.t === 'left') onLeft?.();
        else if (data.t === 'broken-down') breakDown(data.reason);
        else if (!dialler.take(data)) hear(data);
      };
      worker.onerror = (event) => {
        event.preventDefault();
        breakDown(event.message || 'a part of the page could not be loaded');
      };
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
