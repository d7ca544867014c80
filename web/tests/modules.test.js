// The page's modules fit each other: what is imported is exported, and none imports itself in the end.
// Only so can they be shipped inside each other (crates/xtask/src/web/join.rs).

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';

const folder = new URL('../', import.meta.url);
const names = readdirSync(folder).filter((name) => /^[\w-]+\.js$/.test(name) && !name.endsWith('.test.js'));
const texts = new Map(names.map((name) => [name, readFileSync(new URL(name, folder), 'utf8')]));

/** @param {string} text */
const exportsOf = (text) => new Set([...text.matchAll(/^export (?:async )?(?:function|const|class) ([\w$]+)/gm)].map(([, name]) => name));

/** Modules of the page that a text imports, with the names that it wants of each. @param {string} text */
const importsOf = (text) => [...text.matchAll(/^import \{([^}]*)\} from '\.\/([\w-]+\.js)';/gm)]
  .map(([, list, target]) => ({ target, wanted: list.split(',').map((each) => each.trim().split(' as ')[0]).filter(Boolean) }))
  .filter(({ target }) => texts.has(target));

test('what a module imports is there', () => {
  for (const [name, text] of texts) {
    for (const { target, wanted } of importsOf(text)) {
      const there = exportsOf(texts.get(target) ?? '');
      for (const each of wanted) assert.ok(there.has(each), `${name} wants ${each} of ${target}`);
    }
  }
});

test('no module imports itself through others', () => {
  /** @type {Set<string>} */
  const done = new Set();
  /** @param {string} name @param {string[]} way */
  const walk = (name, way) => {
    assert.ok(!way.includes(name), [...way, name].join(' → '));
    if (done.has(name)) return;
    for (const { target } of importsOf(texts.get(name) ?? '')) walk(target, [...way, name]);
    done.add(name);
  };
  for (const name of names) walk(name, []);
});
