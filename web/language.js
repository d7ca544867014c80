// The language of the page: one table of texts, one function that looks a text up, numbers as people write them.
//
// English is in the page as it is served and in english.js; another language is loaded when it is wanted, and
// what it lacks is English. An element that has a text names its key, `data-t`, and so do its name, `data-label`,
// and its tip, `data-tip`; in a text `{0}` stands for its first child. Not here: which language is wanted.

import { english } from './english.js';

/** @typedef {Record<string, string | number | undefined>} Values by name; numbers are written as the language does */

/** English, by key; of elements once `speak` has read them. @type {Record<string, string>} */
const texts = { ...english };
const FORMS = ['one', 'other', 'many'];

/** @param {string} text */
const asIs = (text) => text;
/** A text in the language that is spoken. @type {(key: string, text: string) => string} */
let translated = (_key, text) => text;
/** The same of what was said in English elsewhere. @type {(text: string) => string} */
let understood = asIs;
let locale = 'en';
let plurals = new Intl.PluralRules(locale);
/** @type {Map<string, Intl.NumberFormat>} */
const formats = new Map();

/**
 * A number as the language writes it, with at most one digit behind the point.
 * @param {number} value
 * @param {Intl.NumberFormatOptions} [options]
 */
export function numeral(value, options = {}) {
  const key = JSON.stringify(options);
  const format = formats.get(key) ?? new Intl.NumberFormat(locale, { maximumFractionDigits: 1, ...options });
  formats.set(key, format);
  return format.format(value);
}

/** A part of a whole, in percent without a fraction. @param {number} part */
export const percent = (part) => numeral(part, { style: 'percent', maximumFractionDigits: 0 });

/** The time of the day, to the second. */
export const clock = () => new Date().toLocaleTimeString(locale, {
  hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });

/** Several things, one after the other. @param {string[]} names */
export const listed = (names) => new Intl.ListFormat(locale, { type: 'unit' }).format(names);

/**
 * The text of this name, in the form for `n` of its values. What is no name of a text is one already: a browser's, or
 * an English one of Rust.
 * @param {string} key
 * @param {Values} [values]
 */
export function t(key, values = {}) {
  if (!Object.hasOwn(texts, key)) return understood(key);
  const forms = translated(key, texts[key]).split('|');
  const form = forms[1] === undefined ? 0 : FORMS.indexOf(plurals.select(Number(values.n)));
  return (forms[form] ?? forms[1]).replace(/\{([a-z]\w*)\}/g, (_, name) => {
    const value = values[name] ?? '';
    return typeof value === 'number' ? numeral(value) : value;
  });
}

/** A text that somebody else has in English: it can be translated from now on. @param {string} key @param {string} text */
export function know(key, text) {
  texts[key] ??= text;
}

/**
 * Gives an element a text that follows the language.
 * @template {HTMLElement} Target
 * @param {Target} target
 * @param {string} key
 * @param {Record<string, string>} [values]
 */
export function worded(target, key, values = {}) {
  Object.assign(target.dataset, { t: key, ...values });
  localise(target);
  return target;
}

/** @param {HTMLElement} target */
function localise(target) {
  const { t: key, label, tip } = target.dataset;
  if (label) target.setAttribute('aria-label', t(label));
  if (tip) target.title = t(tip);
  if (!key) return;
  if (target instanceof HTMLMetaElement) return void (target.content = t(key));
  const children = [...target.children];
  target.replaceChildren(...t(key, target.dataset).split(/\{(\d)\}/).map((part, at) => (at % 2 ? children[Number(part)] : part)));
}

/** Everything that has a text by its key. @returns {Iterable<HTMLElement>} */
const named = () => document.querySelectorAll('[data-t], [data-label], [data-tip]');

/** What elements say as they are served is English; what they say later is known. */
function learn() {
  for (const target of named()) {
    const { t: key, label, tip } = target.dataset;
    if (label) know(label, target.getAttribute('aria-label') ?? '');
    if (tip) know(tip, target.title);
    if (!key) continue;
    let child = 0;
    const parts = [...target.childNodes].map((node) => (node instanceof Element ? `{${child++}}` : node.textContent));
    know(key, target instanceof HTMLMetaElement ? target.content : parts.join('').replace(/\s+/g, ' ').trim());
  }
}

/**
 * From now on the page speaks this language.
 * @param {string} code
 * @param {Promise<unknown>} [parsed] when all of the page is there to be read, if it may not be yet
 */
export async function speak(code, parsed) {
  const [next] = await Promise.all([load(code), parsed]);
  learn();
  if (next.locale === locale) return;
  ({ translated, locale, understood } = next);
  plurals = new Intl.PluralRules(locale);
  formats.clear();
  document.documentElement.lang = locale;
  for (const target of named()) localise(target);
}

/** @param {string} code @returns {Promise<{locale: string, translated: typeof translated, understood: typeof understood}>} */
async function load(code) {
  if (code === 'fr') {
    const { french, understood } = await import('./french.js');
    return { locale: 'fr', translated: (key, text) => french[key] ?? text, understood };
  }
  if (code === 'pseudo') {
    const { pseudo } = await import('./pseudo.js');
    return { locale: 'en-XA', translated: (_key, text) => pseudo(text), understood: asIs };
  }
  return { locale: 'en', translated: (_key, text) => text, understood: asIs };
}
