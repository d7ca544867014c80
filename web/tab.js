// The panel of this tab: whether it works, how hard, why not, and how it ends; and the line in the bar.
//
// Drawn from the state alone; every button ends in a method of the app. What pauses a tab by itself
// is decided in donor.js.

import { CORES, causesTold } from './donor.js';
import { element, say } from './store.js';
import { peersOf } from './ring.js';
import { bytesText, shortId, timeText } from './words.js';
import { numeral, percent, t } from './language.js';

/** @typedef {import('./app.js').State} State */
/** @typedef {import('./donor.js').Cause} Cause */

const MINUTE_MILLIS = 60_000;

/** @param {import('./app.js').App} app */
export function createTab(app) {
  const { donor, store } = app;
  const consent = /** @type {HTMLDialogElement} */ (element('consent'));
  const causes = causesTold();

  function ask() {
    if (app.consented) return app.start({});
    // The same words as on the cover, which is not seen any more.
    element('consent-terms').append(element('terms'));
    consent.showModal();
  }

  /** @type {[string, () => void][]} */
  const buttons = [
    ['start-again', ask],
    ['consent-yes', () => { consent.close(); app.start({}); }],
    ['consent-no', () => consent.close()],
    ['stop', () => void app.stop()],
    ['finish', () => void app.stop(true)],
    ['pause', () => (store.get().verdict.paused ? donor.resume() : app.pause())],
    ['pause-15', () => app.pause(15 * MINUTE_MILLIS)],
    ['pause-60', () => app.pause(60 * MINUTE_MILLIS)],
    ['overrule', () => donor.resume()],
    ['retry', () => app.retry()],
  ];
  for (const [id, act] of buttons) element(id).addEventListener('click', act);
  const sliders = /** @type {const} */ (['cores', 'intensity']);
  element('cores').max = String(CORES);
  for (const name of sliders) {
    element(name).addEventListener('input', () => donor.choose({ [name]: Number(element(name).value) }));
  }
  for (const cause of /** @type {Cause[]} */ (['battery', 'hidden', 'metered', 'pressure'])) {
    const box = element(`cause-${cause}`);
    box.parentElement.hidden = !causes.includes(cause);
    box.addEventListener('change', () =>
      donor.choose({ causes: { [cause]: box.checked } }));
  }

  /** @param {Readonly<State>} state */
  return function draw(state) {
    const { choices, verdict, workers, busy, contributed, node, status, finishing } = state;
    const isPeer = status === 'joined' || status === 'starting';
    say(element('me'), node ? shortId(node.id) : '');
    say(element('status'), statusText(state));
    element('status').dataset.mood = mood(state);
    element('retry').hidden = state.server.state !== 'unreachable';
    element('start-again').hidden = status !== 'looking' && status !== 'broken';
    element('stop').hidden = !isPeer && status !== 'stopping';
    element('stop').disabled = status === 'stopping';
    for (const name of sliders) {
      if (element(name) !== document.activeElement) element(name).value = String(choices[name]);
    }
    say(element('cores-text'), t(busy ? 'cores-busy' : 'cores-chosen', { n: choices.cores, cores: t('cores', { n: CORES }), busy }));
    say(element('intensity-text'), t('intensity', { share: percent(choices.intensity / 100) }));
    for (const cause of causes) element(`cause-${cause}`).checked = choices.causes[cause];
    element('why').hidden = !isPeer || !verdict.why;
    say(element('why-text'), verdict.why);
    element('overrule').hidden = !verdict.byItself;
    say(element('overrule'), t(verdict.paused ? 'resume-anyway' : 'full-speed'));
    element('working').hidden = !isPeer;
    say(element('pause'), t(verdict.paused ? 'resume' : 'pause'));
    element('pause-15').hidden = element('pause-60').hidden = verdict.paused;
    element('finish').disabled = finishing;
    say(element('finish'), t(finishing ? 'finishing' : 'finish'));
    say(element('contributed'), numeral(contributed));
    say(element('workers'), numeral(workers));
    say(element('sent'), bytesText(node?.traffic.sent ?? 0));
    say(element('received'), bytesText(node?.traffic.received ?? 0));
  };
}

/** @param {Readonly<State>} state */
export function statusText({ status, server, node, verdict, choices: { cores } }) {
  if (status === 'broken') return t('broken');
  if (status === 'looking') return t('looking');
  if (status === 'stopping') return t('goodbye');
  const resting = (/** @type {string} */ text) => (verdict.paused ? t('paused', { text }) : text);
  const { direct, relayed } = peersOf(node);
  if (direct > 0) {
    const how = relayed ? t('some-relayed', { direct, relayed }) : t('all-direct');
    const peers = resting(t('reached', { peers: t('peers', { n: direct + relayed }), how }));
    if (server.state === 'unreachable') return t('swarm-lives', { peers });
    return node.ready ? peers : t('entering', { peers });
  }
  if (server.state === 'unreachable') {
    const seconds = Math.max(0, Math.ceil(((server.retryAt ?? 0) - performance.now()) / 1000));
    return resting(t('retrying', { time: timeText(seconds) }));
  }
  if (server.state === 'refused') return t('refused-tab', { reason: t(server.reason ?? 'no-answer') });
  if (node?.ready) return resting(t('alone'));
  if (server.state === 'connected') return t('seeking-peers');
  return t('asking-server', { cores: t('cores', { n: cores }) });
}

/** @param {Readonly<State>} state */
function mood({ status, server, node, verdict }) {
  if (status === 'broken' || server.state === 'refused') return 'bad';
  if (server.state === 'unreachable') return 'worried';
  return node?.ready && !verdict.paused ? 'good' : 'quiet';
}
