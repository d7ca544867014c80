// Every text of the page is in a table, once for each language: with the same keys and the same gaps, and none
// is left in the code or without a key in the page.

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { english } from '../english.js';
import { french, refusals } from '../french.js';
import { numeral, percent, speak, t } from '../language.js';
import { pseudo } from '../pseudo.js';
import { reader } from '../reasons.js';
import { elements, page, texts } from './page.test.js';

const folder = new URL('../', import.meta.url);
const scripts = new Map(readdirSync(folder).filter((name) => /^[\w-]+\.js$/.test(name) && !name.endsWith('.test.js'))
  .map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]));
const served = new Map(texts());

/** What the kernel names: places and palettes. */
const kernel = ['presets', 'palette'].map((name) => readFileSync(new URL(`../crates/fractal/src/${name}.rs`, folder), 'utf8'));
const places = [...kernel[0].matchAll(/\("([a-z-]+)", "([A-Z][^"]+)"\)/g)].map(([, name]) => `at-${name}`);
const palettes = [...kernel[1].matchAll(/Palette::\w+ => "([a-z]+)"/g)].map(([, name]) => `palette-${name}`);

/** @param {string} text */
const gaps = (text) => [...new Set(text.match(/\{\w+\}/g))].sort();

test('a key has one text', () => {
  for (const [key, text] of [...texts(), ...Object.entries(english)]) {
    assert.equal(text, served.get(key) ?? english[key], key);
    assert.equal(english[key] ?? text, text, key);
    assert.ok(text, key);
  }
});

test('every language has every text, with the same gaps', () => {
  assert.ok(places.length >= 12 && palettes.length >= 8, 'the names of the kernel are read');
  const all = [...new Set([...served.keys(), ...Object.keys(english), ...places, ...palettes])];
  assert.deepEqual(Object.keys(french).sort(), all.sort());
  for (const key of all) {
    const text = served.get(key) ?? english[key];
    if (!text) continue;
    for (const form of french[key].split('|')) assert.deepEqual(gaps(form), gaps(text.split('|')[0]), key);
    for (const form of text.split('|')) assert.deepEqual(gaps(form), gaps(text.split('|')[0]), key);
    assert.ok(french[key].split('|').length >= text.split('|').length, `${key} has fewer forms`);
  }
});

test('the languages that a browser may ask for are those of the list', () => {
  const [, list] = scripts.get('first.js')?.match(/\[((?:'\w+'(?:, )?)+)\]\.includes/) ?? [];
  const options = [...elements(page)].filter(({ tag, attributes }) => tag === 'option' && ['lang', 'hidden'].some((name) => name in attributes));
  assert.deepEqual(list?.split(', ').map((code) => code.slice(1, -1)), options.map(({ attributes }) => attributes.value));
});

test('French is set as French is', () => {
  for (const [key, text] of [...Object.entries(french), ...Object.entries(refusals)]) {
    assert.ok(!/['"]|\.\.\./.test(text), `${key}: a straight quote, or three points`);
    assert.ok(!/ [;:!?»%]|« /.test(text), `${key}: a line could break before a sign`);
    assert.ok(!/\p{L}[;!?»:](?!\d)/u.test(text), `${key}: no space before a sign`);
  }
});

test('what Rust says of views and series that it refuses is known, to the letter', () => {
  const said = ['view', 'frames'].flatMap((name) => {
    const source = readFileSync(new URL(`../crates/fractal/src/${name}/error.rs`, folder), 'utf8');
    return [...source.matchAll(/#\[error\(\s*"((?:[^"\\]|\\.|\\\n)*)"/g), ...source.matchAll(/Field::\w+ => "([^"]+)"/g)].map(([, text]) => text);
  });
  const numbered = said.map((text) => {
    let gap = 0;
    return text.replace(/\\\n\s*/g, '').replace(/\{[^}]*\}/g, () => `{${gap++}}`);
  });
  assert.ok(numbered.length > 20, `${numbered.length} sentences`);
  for (const text of numbered) assert.ok(text in refusals, text);
  for (const [english, other] of Object.entries(refusals)) assert.deepEqual(gaps(other), gaps(english), english);
  const read = reader(refusals);
  assert.equal(read('the zoom is longer than 1100 characters'), 'le grossissement dépasse 1100\u00a0caractères');
  assert.equal(read('frame 7: the zoom is too small; it must be at least 1/20'),
    'vue 7\u00a0: le grossissement est trop faible\u202f; il doit être d’au moins 1/20');
  assert.equal(read('something new'), 'something new');
});

test('scripts ask for texts that there are, and for all of them', () => {
  const known = new Set([...served.keys(), ...Object.keys(english)]);
  const source = [...scripts].filter(([name]) => !/^(english|french|pseudo)\.js$/.test(name)).map(([, text]) => text).join('\n');
  for (const [, key] of source.matchAll(/\b(?:t|say|show)\('([^']+)'/g)) assert.ok(known.has(key), `t('${key}')`);
  const built = /^(f|kept|left|lost)-|^(gallery|zoom|left|lost)$/; // of parts
  const unused = Object.keys(english).filter((key) => !built.test(key) && !source.includes(`'${key}'`) && !new RegExp(`\\b${key}:`).test(source));
  assert.deepEqual(unused, []);
});

test('no text of the page is without a key', () => {
  /** @param {import('./page.test.js').Element} element @param {boolean} isNamed */
  const walk = (element, isNamed) => {
    const { tag, attributes } = element;
    if (tag === 'script' || tag === 'option') return; // a language has its own name
    for (const [attribute, key] of /** @type {const} */ ([['aria-label', 'data-label'], ['title', 'data-tip']])) {
      assert.ok(!attributes[attribute] || attributes[key], `${attribute}="${attributes[attribute]}" has no ${key}`);
    }
    assert.ok(!attributes.alt && !attributes.placeholder, `<${tag}> says something without a key`);
    for (const child of element.children) {
      if (typeof child !== 'string') walk(child, isNamed);
      else assert.ok('data-t' in attributes || !/\p{L}{2}/u.test(child) || child.trim() === 'Millefeuille', `"${child.trim()}" has no key`);
    }
  };
  walk(page, false);
  assert.ok([...elements(page)].length > 200, 'the page was read');
});

// What a person reads has words with spaces between them, or begins with a capital letter.
const PROSE = /^(?=.*\p{L}{2}).*\p{L}[\p{L}’',–-]* \p{L}|^\p{Lu}\p{Ll}+…?$/u;
const NO_PROSE = [
  /^(M\$|L\$|translate|linear-gradient|min\(|saturate|Q\$)/, // looks and drawings
  /^[#.[:]?[\w-]+(\[|:| >)/, /^\(prefers|^\(pointer/, // selectors, media
  /^(Millefeuille|Software|Source|SHA-256|Ed25519|Arrow\w+|ConsentRequired|PressureObserver|PoC)$/,
  /^(dot|chord|dragging) /, // classes
  /^millefeuille peer /, // a command
  /^this peer has left$/, // an error of the module for other pages
];
const PROGRAMMERS = /new (?:Error|ConsentRequired)\((?:`[^`]*`|'[^']*')\)/g;
/** What these say is read by programmers, or is a table. */
const TABLES = ['english.js', 'french.js', 'pseudo.js'];

test('no script has a text of its own', () => {
  const found = [];
  for (const [name, script] of scripts) {
    if (TABLES.includes(name)) continue;
    const code = script.replace(/\/\*[\s\S]*?\*\//g, '').replace(/^\s*\/\/.*$|\s\/\/ .*$/gm, '').replace(PROGRAMMERS, '');
    for (const [, plain, template] of code.matchAll(/'((?:[^'\\\n]|\\.)*)'|`((?:[^`\\]|\\.)*)`/g)) {
      const text = (plain ?? template.replace(/\$\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}/g, '{}')).trim();
      if (PROSE.test(text) && !NO_PROSE.some((pattern) => pattern.test(text))) found.push(`${name}: ${text}`);
    }
  }
  assert.deepEqual(found, []);
});

test('a made-up language is longer, in brackets, and keeps gaps and forms', () => {
  for (const text of [...served.values(), ...Object.values(english)]) {
    const made = pseudo(text);
    assert.equal(made.split('|').length, text.split('|').length);
    text.split('|').forEach((form, at) => {
      const other = made.split('|')[at];
      const bare = (/** @type {string} */ each) => each.replace(/\{\w+\}/g, '');
      assert.deepEqual(gaps(other), gaps(form));
      assert.match(other, /^(\{\d\}\s*)*\[.*\](\s*\{\d\})*$/);
      if (/[a-z]{2}/i.test(bare(form))) assert.ok(bare(other).length >= 1.4 * bare(form).length, `${form} → ${other}`);
      assert.ok(!/[aeiou]/i.test(bare(other)), other);
    });
  }
});

test('texts are counted and filled, and what is no key stays', async () => {
  // In a test there is no page: what it would learn from one, and change in one.
  globalThis.document = /** @type {any} */ ({ querySelectorAll: () => [], documentElement: {} });
  assert.deepEqual([0, 1, 2, 1234].map((n) => t('tiles', { n })), ['0 tiles', '1 tile', '2 tiles', '1,234 tiles']);
  assert.equal(t('no such text'), 'no such text');
  assert.equal(t('linked', { peer: 'a1b2' }), 'Linked with a1b2.');
  await speak('fr');
  assert.equal(document.documentElement.lang, 'fr');
  assert.deepEqual([0, 1, 2, 1e6].map((n) => t('tiles', { n })), ['0 tuile', '1 tuile', '2 tuiles', '1\u202f000\u202f000 de tuiles']);
  assert.match(`${numeral(1234.56)} ${percent(0.25)}`, /^1\s234,6 25\s%$/);
  await speak('pseudo');
  assert.match(t('linked', { peer: 'a1b2' }), /^\[Ĺíí.* a1b2\.\]$/);
  await speak('en');
  assert.equal(t('tiles', { n: 1 }), '1 tile');
});
