// When this tab works for others, and how hard: what its visitor chose, and what the machine says.
//
// `verdict` is the whole decision, from plain values; `createDonor` watches the machine for it and
// remembers the choices. Whoever asked for a pause is named, and may be overruled until it is
// over. Not here: who computes, and the buttons.

import { t } from './language.js';

/**
 * What may pause this tab, or slow it, by itself. In a choice: whether it may. Of the machine:
 * whether it is so.
 * @typedef {{battery: boolean, hidden: boolean, metered: boolean, pressure: boolean}} Causes
 */
/** @typedef {keyof Causes} Cause */

/**
 * @typedef {object} Choices
 * @property {number} cores
 * @property {number} intensity percent of their time that the cores compute
 * @property {Causes} causes
 */

/** @typedef {{cores?: number, intensity?: number, causes?: Partial<Causes>}} Wishes */

/**
 * @typedef {object} Verdict
 * @property {boolean} paused
 * @property {number} intensity
 * @property {string} why one line, empty if there is nothing to say
 * @property {boolean} byItself whether the visitor may overrule it
 */

export const CORES = globalThis.navigator?.hardwareConcurrency || 2;

/** A machine under pressure is left alone for most of the time. */
const UNDER_PRESSURE = 0.4;

/** @type {[Cause, string][]} */
const PAUSES = [['battery', 'paused-battery'], ['metered', 'paused-metered'], ['hidden', 'paused-hidden']];

/**
 * @param {Choices} choices
 * @param {Causes} machine
 * @param {{until: number, overruled: ReadonlySet<Cause>}} asked until when its visitor wants it
 *   paused, in milliseconds like `now`; 0 is not at all, infinite until told otherwise
 * @param {number} now
 * @returns {Verdict}
 */
export function verdict({ intensity, causes }, machine, { until, overruled }, now) {
  const counts = (/** @type {Cause} */ cause) => causes[cause] && machine[cause] && !overruled.has(cause);
  if (until > now) {
    const n = Math.ceil((until - now) / 60_000);
    return { paused: true, intensity, why: Number.isFinite(n) ? t('paused-minutes', { n }) : t('paused-open'), byItself: false };
  }
  const pause = PAUSES.find(([cause]) => counts(cause));
  if (pause) return { paused: true, intensity, why: t(pause[1]), byItself: true };
  if (counts('pressure')) {
    return { paused: false, intensity: Math.max(10, Math.round(intensity * UNDER_PRESSURE)),
      why: t('slowed'), byItself: true };
  }
  return { paused: false, intensity, why: '', byItself: false };
}

const KEY = 'donor';
const CHECK_MILLIS = 1000; // how late a pause for a while may end, in a page that is seen

/** What a phone does: a small battery, and pages that are out of sight are suspended anyway. */
const isMobile = () => /** @type {any} */ (navigator).userAgentData?.mobile
  ?? matchMedia('(pointer: coarse) and (hover: none)').matches;

/** Quiet: half of the cores, and on a phone half of their time. @returns {Choices} */
function usual() {
  const mobile = isMobile();
  return {
    cores: Math.max(1, Math.floor(CORES / 2)), intensity: mobile ? 50 : 100,
    causes: { battery: true, hidden: mobile, metered: true, pressure: true },
  };
}

/**
 * @param {(choices: Choices, verdict: Verdict) => void} onChange at once, and whenever either is another
 * @param {boolean} [isKept] whether choices are remembered for the next visit
 */
export function createDonor(onChange, isKept = false) {
  let choices = usual();
  try {
    if (isKept) choose(JSON.parse(localStorage.getItem(KEY) ?? '{}'));
  } catch {
    // Nothing is kept, or nothing of use.
  }
  /** @type {Causes} */
  const machine = { battery: false, hidden: document.hidden, metered: false, pressure: false };
  let until = 0;
  /** @type {Set<Cause>} */
  const overruled = new Set();
  let said = '';

  function tell() {
    const now = verdict(choices, machine, { until, overruled }, Date.now());
    const text = JSON.stringify([choices, now]);
    if (text !== said) onChange(choices, now);
    said = text;
  }

  /** @param {Wishes} wishes brought within what there is */
  function choose({ cores = choices.cores, intensity = choices.intensity, causes = {} }) {
    const whole = (/** @type {number} */ value, /** @type {number} */ least, /** @type {number} */ most) =>
      Math.min(Math.max(Math.round(value) || least, least), most);
    choices = { cores: whole(cores, 1, CORES), intensity: whole(intensity, 10, 100), causes: { ...choices.causes, ...causes } };
  }

  /** @param {Cause} cause @param {boolean} isSo */
  function observe(cause, isSo) {
    machine[cause] = isSo;
    // What was overruled is over: the next time counts again.
    if (!isSo) overruled.delete(cause);
    tell();
  }

  watchMachine(observe);
  const timer = setInterval(tell, CHECK_MILLIS);
  tell();

  return {
    /** @param {Wishes} wishes */
    choose(wishes) {
      choose(wishes);
      try {
        if (isKept) localStorage.setItem(KEY, JSON.stringify(choices));
      } catch {
        // Chosen for this visit only.
      }
      tell();
    },
    /** @param {number} [millis] without it until `resume` */
    pause(millis = Infinity) {
      until = Date.now() + millis;
      tell();
    },
    /** Works again, whatever the machine says of it just now. */
    resume() {
      until = 0;
      for (const cause of /** @type {Cause[]} */ (Object.keys(machine))) if (machine[cause]) overruled.add(cause);
      tell();
    },
    /** As after the first load. */
    reset() {
      until = 0;
      overruled.clear();
      tell();
    },
    /** Says nothing any more. */
    end() {
      clearInterval(timer);
      onChange = () => {};
    },
  };
}

/**
 * Hears what a browser tells of its machine. Of what it does not tell, nothing is heard.
 * @param {(cause: Cause, isSo: boolean) => void} observe
 */
function watchMachine(observe) {
  const { getBattery, connection } = /** @type {any} */ (navigator);
  document.addEventListener('visibilitychange', () => observe('hidden', document.hidden));
  getBattery?.call(navigator).then((/** @type {any} */ battery) => {
    const look = () => observe('battery', !battery.charging);
    battery.addEventListener('chargingchange', look);
    look();
  }, () => {});
  if (connection) {
    const look = () => observe('metered', connection.saveData || connection.type === 'cellular');
    connection.addEventListener?.('change', look);
    look();
  }
  const { PressureObserver } = /** @type {any} */ (globalThis);
  if (!PressureObserver) return;
  const watch = new PressureObserver((/** @type {any[]} */ records) =>
    observe('pressure', ['serious', 'critical'].includes(records.at(-1).state)));
  watch.observe('cpu', { sampleInterval: 5000 }).catch(() => {});
}

/** What this browser tells of its machine; the other causes cannot be chosen. @returns {Cause[]} */
export function causesTold() {
  const { getBattery, connection } = /** @type {any} */ (navigator);
  return /** @type {[Cause, any][]} */ ([['battery', getBattery], ['hidden', true], ['metered', connection],
    ['pressure', 'PressureObserver' in globalThis]]).filter(([, told]) => told).map(([cause]) => cause);
}
