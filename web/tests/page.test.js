// index.html as a tree, for tests: elements, texts, and nothing that this page does not use.

import test from 'node:test';
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';

/** @typedef {{tag: string, attributes: Record<string, string>, children: (Element | string)[]}} Element */

const VOID = new Set(['meta', 'link', 'img', 'input']);

/** @param {string} html @returns {Element} */
export function parse(html) {
  const root = /** @type {Element} */ ({ tag: '', attributes: {}, children: [] });
  const open = [root];
  for (const [, end, tag, attributes, closed, text] of html.matchAll(/<(\/?)([a-z][\w-]*|!doctype)((?:\s+[\w-]+(?:="[^"]*")?)*)\s*(\/?)>|([^<]+)/gi)) {
    if (text) open.at(-1)?.children.push(text);
    else if (end) {
      if (open.pop()?.tag !== tag) throw new Error(`</${tag}> closes something else`);
    } else if (tag !== '!doctype') {
      const pairs = [...attributes.matchAll(/([\w-]+)(?:="([^"]*)")?/g)].map(([, name, value = '']) => [name, value]);
      const element = { tag, attributes: Object.fromEntries(pairs), children: [] };
      open.at(-1)?.children.push(element);
      if (!closed && !VOID.has(tag)) open.push(element);
    }
  }
  if (open.length > 1) throw new Error(`<${open.at(-1)?.tag}> stays open`);
  return root;
}

/** The page as it is served. */
export const page = parse(readFileSync(new URL('../index.html', import.meta.url), 'utf8'));

/** @param {Element} element @returns {Generator<Element>} */
export function* elements(element) {
  for (const child of element.children) {
    if (typeof child === 'string') continue;
    yield child;
    yield* elements(child);
  }
}

/** What an element says itself, `{0}` for its first child. @param {Element} element */
export function textOf({ children }) {
  let child = 0;
  const text = children.map((each) => (typeof each === 'string' ? each : `{${child++}}`)).join('');
  return text.replace(/\s+/g, ' ').trim();
}

/** Every text of the page by its key: all that it says under that key. @returns {[string, string][]} */
export function texts() {
  return [...elements(page)].flatMap((element) => {
    const { 'data-t': key, 'data-label': label, 'data-tip': tip } = element.attributes;
    /** @type {[string | undefined, string][]} */
    const all = [[key, element.tag === 'meta' ? element.attributes.content : textOf(element)],
      [label, element.attributes['aria-label'] ?? ''], [tip, element.attributes.title ?? '']];
    return all.flatMap(([name, text]) => (name ? [/** @type {[string, string]} */ ([name, text])] : []));
  });
}

test('what an element says has a gap for each element in it', () => {
  const [label] = elements(parse('<label class="a">On <b>two</b>\n cores <input type="range"> or\n  so</label>'));
  assert.deepEqual([label.tag, textOf(label)], ['label', 'On {0} cores {1} or so']);
  assert.throws(() => parse('<p><b></p>'), /closes something else/);
});
