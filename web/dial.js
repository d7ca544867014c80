// Peer connections: the one part of a link that only the page's thread can make.
//
// The node's worker asks for an offer or an answer; both data channels are handed to it in the task
// that created them, and from then on this file only watches whether the connection lives. It
// decides nothing: when to dial whom, and who is at the other end, is the peer's business.

import { serveChannel } from './channel.js';

const GATHERING_MILLIS_MAX = 2000; // candidates that take longer are left out
const SENDING_MILLIS = 1000; // what a closed link's buffers need to empty

/** @typedef {{connection: RTCPeerConnection, channels: RTCDataChannel[], isTold: boolean}} Line and whether it is told how it came about */

/**
 * @param {(note: any, transfer?: Transferable[]) => void} post to the node's worker
 * @param {(note: any) => void} tell the page how connections get on
 * @param {boolean} relayOnly whether links go through TURN servers only
 */
export function createDialler(post, tell, relayOnly) {
  /** @type {Map<number, Line>} */
  const lines = new Map();
  /** Channels that would not move. @type {Map<string, ReturnType<typeof serveChannel>>} */
  const served = new Map();

  /** @param {number} link @param {RTCIceServer[]} iceServers @returns {RTCPeerConnection} */
  function connect(link, iceServers) {
    // Throws when the browser has too many; the caller reports that like any failure.
    const connection = new RTCPeerConnection({ iceServers, iceTransportPolicy: relayOnly ? 'relay' : 'all' });
    const control = channel(connection, link, 'control', 0);
    const bulk = channel(connection, link, 'bulk', 1);
    const watch = () => {
      const state = connection.iceConnectionState;
      if (state !== 'failed' && state !== 'closed') return;
      fail(link, 'no-path');
      post({ t: 'broken', link, reason: 'no-path' });
    };
    connection.oniceconnectionstatechange = watch;
    connection.onconnectionstatechange = () => {
      const state = connection.connectionState;
      const line = lines.get(link);
      if (state === 'connected' && line && !line.isTold) {
        line.isTold = true;
        tell({ t: 'path', made: 1 });
      }
      if (state === 'failed') watch();
    };
    tell({ t: 'path', iceServers: iceServers.length });
    lines.set(link, { connection, channels: [control, bulk], isTold: false });
    return connection;
  }

  /** It will not come about, if it has not. @param {number} link @param {string} reason */
  function fail(link, reason) {
    const line = lines.get(link);
    if (!line || line.isTold) return;
    line.isTold = true;
    tell({ t: 'path', failed: 1, reason });
  }

  /**
   * Makes a channel and gives it away in the same task: later it could not be moved.
   * @param {RTCPeerConnection} connection
   * @param {number} link
   * @param {string} label
   * @param {number} id
   */
  function channel(connection, link, label, id) {
    const made = connection.createDataChannel(label, { negotiated: true, id, ordered: true });
    const bulk = id === 1;
    try {
      post({ t: 'channel', link, bulk, channel: made }, [/** @type {any} */ (made)]);
    } catch {
      const name = `${link}/${label}`;
      served.set(name, serveChannel(made, name, post));
      post({ t: 'proxy', name, link, bulk });
    }
    return made;
  }

  /** @param {number} link @param {RTCPeerConnection} connection */
  async function describe(link, connection) {
    await connection.setLocalDescription();
    await gathered(connection);
    const sdp = connection.localDescription?.sdp ?? '';
    // Candidates of these kinds come from a STUN or TURN server.
    tell({ t: 'path', outside: / typ (srflx|relay)/.test(sdp) });
    post({ t: 'described', link, sdp });
  }

  /** @param {number} link */
  function release(link) {
    const line = lines.get(link);
    if (!line) return;
    lines.delete(link);
    // Any handler that is left would keep the connection from being collected, and a page may
    // make only so many in its life.
    line.connection.oniceconnectionstatechange = null;
    line.connection.onconnectionstatechange = null;
    line.connection.onicegatheringstatechange = null;
    line.connection.close();
    for (const [name, channel] of served) {
      if (!name.startsWith(`${link}/`)) continue;
      channel.release();
      served.delete(name);
    }
  }

  /** @param {number} link @param {() => Promise<void>} action */
  async function attempt(link, action) {
    try {
      await action();
    } catch (error) {
      release(link);
      post({ t: 'broken', link, reason: error instanceof Error ? error.message : String(error) });
    }
  }

  return {
    /** Takes a message of the worker that is about links; false if it is not. @param {any} note */
    take(note) {
      const { link } = note;
      switch (note.t) {
        case 'offer':
          void attempt(link, () => describe(link, connect(link, note.iceServers)));
          return true;
        case 'answer':
          void attempt(link, async () => {
            const connection = connect(link, note.iceServers);
            await connection.setRemoteDescription({ type: 'offer', sdp: note.sdp });
            await describe(link, connection);
          });
          return true;
        case 'apply':
          void attempt(link, async () => {
            await lines.get(link)?.connection.setRemoteDescription({ type: 'answer', sdp: note.sdp });
          });
          return true;
        case 'close':
          // Where there is no candidate at all, a browser never says that it failed.
          fail(link, 'no-path-yet');
          setTimeout(release, SENDING_MILLIS, link);
          return true;
        case 'proxy-send':
          served.get(note.name)?.send(note.bytes);
          return true;
        case 'proxy-close':
          served.get(note.name)?.close();
          return true;
        default:
          return false;
      }
    },
    closeAll() {
      for (const link of [...lines.keys()]) release(link);
    },
    get count() {
      return lines.size;
    },
  };
}

/** Resolves when all candidates are there, or enough time has passed. @param {RTCPeerConnection} connection */
function gathered(connection) {
  if (connection.iceGatheringState === 'complete') return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, GATHERING_MILLIS_MAX);
    connection.onicegatheringstatechange = () => {
      if (connection.iceGatheringState !== 'complete') return;
      clearTimeout(timer);
      connection.onicegatheringstatechange = null;
      resolve(undefined);
    };
  });
}
