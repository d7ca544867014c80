// The panel of the network: the ring and its table, a line that sums it up, and help when no link is made.
//
// Drawn from the node's own report; what the page's thread saw while it made connections is added
// for the help. Nothing is decided here.

import { createRing, peersOf, peersSeen } from './ring.js';
import { element, say } from './store.js';
import { t } from './language.js';

/** @typedef {import('./app.js').State} State */
/** @typedef {{state: 'good' | 'bad' | 'open', text: string}} Step */

/**
 * What this page saw of connections.
 * @typedef {object} Paths
 * @property {number} iceServers that the server named
 * @property {boolean} outside whether this machine's address as others see it is known, or a relay's
 * @property {number} made connections that came about
 * @property {number} failed ones that did not
 * @property {string} reason of the last failure
 */

const FAILED_MILLIS = 20_000; // how long a failure is shown in the ring

/**
 * Where entering the network stands, step by step, each with what to do; nothing while all is well.
 * @param {{state: string, reason?: string}} server
 * @param {Paths} paths
 * @param {number} links
 * @param {string} address of the server, for a native peer
 * @returns {Step[]}
 */
export function diagnosed(server, { iceServers, outside, made, failed, reason }, links, address) {
  const lost = server.state === 'unreachable' || server.state === 'refused';
  if (links > 0 ? !lost : !lost && !failed) return [];
  /** @type {Step} */
  const entry = lost
    ? { state: 'bad', text: t(links > 0 ? 'server-unneeded' : 'server-lost', { reason: t(server.reason ?? 'no-answer') }) }
    : { state: 'good', text: t('server-good') };
  if (links > 0) return [entry];
  /** @type {Step} */
  const discovery = outside ? { state: 'good', text: t('address-known') }
    : !made && !failed ? { state: 'open', text: t('no-try') }
      : iceServers ? { state: 'bad', text: t('no-stun') }
        : { state: 'open', text: t('local-only') };
  /** @type {Step} */
  const peers = failed
    ? { state: 'bad', text: t('links-failed', { n: failed, reason: t(reason), command: `millefeuille peer --server ${address}` }) }
    : { state: 'open', text: t('nobody-met') };
  return [entry, discovery, peers];
}

/** @param {import('./app.js').App} app */
export function createNetwork(app) {
  const svg = element('ring');
  const ring = createRing(svg, element('ring-rows'));
  const sheet = /** @type {HTMLDialogElement} */ (element('ring-sheet'));
  const home = svg.parentElement;
  /** @type {Paths} */
  const paths = { iceServers: 0, outside: false, made: 0, failed: 0, reason: '' };
  /** When a link to each could not be made. @type {Map<string, number>} */
  const failures = new Map();

  element('ring-large').addEventListener('click', () => {
    sheet.prepend(svg);
    sheet.showModal();
  });
  sheet.addEventListener('close', () => home?.append(svg));
  element('ring-close').addEventListener('click', () => sheet.close());

  return {
    /** What the page's thread, or the peer, says of connections. @param {any} note */
    hear(note) {
      if (note.what === 'link-failed') failures.set(note.peer, performance.now());
      if (note.what === 'linked') failures.delete(note.peer);
      if (note.t !== 'path') return;
      if (note.iceServers !== undefined) paths.iceServers = note.iceServers;
      paths.outside ||= note.outside ?? false;
      paths.made += note.made ?? 0;
      paths.failed += note.failed ?? 0;
      paths.reason = note.reason ?? paths.reason;
    },
    /** @param {Readonly<State>} state */
    draw({ node, server, status }) {
      const now = performance.now();
      for (const [id, since] of failures) if (now - since > FAILED_MILLIS) failures.delete(id);
      const job = app.album.current();
      const seen = node ? peersSeen(node, job?.by ?? {}, new Set(failures.keys())) : [];
      ring(node, seen, job?.state === 'running' ? job.owner : undefined);
      const { direct, relayed } = peersOf(node);
      const known = seen.length - direct - relayed;
      const parts = [t('links', { n: direct }), relayed ? t('others-through', { n: relayed }) : '', known > 0 ? t('more-known', { n: known }) : ''];
      // Without a place of its own there is no circle to show, and nothing to explain.
      element('network').toggleAttribute('data-alone', !node);
      say(element('ring-note'), node ? `${parts.filter(Boolean).join(', ')}.` : t(status === 'starting' ? 'asking' : 'nobody'));
      const steps = diagnosed(server, paths, direct, location.origin);
      const list = element('help');
      list.hidden = !steps.length;
      const text = JSON.stringify(steps);
      if (list.dataset.steps === text) return;
      list.dataset.steps = text;
      list.replaceChildren(...steps.map(({ state, text }) => {
        const line = document.createElement('li');
        line.dataset.state = state;
        line.textContent = text;
        return line;
      }));
    },
  };
}
