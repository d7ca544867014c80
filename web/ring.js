// The ring as this node sees it: a circle of identifiers, and the same as a table.
//
// Every node has its place by its identifier, so the picture is the protocol's own. Links are
// chords; the leaf set, the nearest on both sides, is emphasised.

import { hueOf } from './jobs.js';

const SVG = 'http://www.w3.org/2000/svg';
const RADIUS = 84;

/** @param {string} name @param {Record<string, string | number>} attributes */
function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

/** The place of an identifier, its first 32 bits as a turn, from the top. @param {string} id */
function place(id) {
  const turn = parseInt(id.slice(0, 8), 16) / 2 ** 32;
  const angle = (turn - 0.25) * 2 * Math.PI;
  return { x: Math.cos(angle) * RADIUS, y: Math.sin(angle) * RADIUS };
}

/** @param {string} id */
export const shortId = (id) => (id === 'self' ? 'this tab' : id.slice(0, 8));

/**
 * @param {SVGElement} svg
 * @param {HTMLElement} body of the table
 */
export function createRing(svg, body) {
  let drawn = '';

  /** @param {{id: string, left: string[], right: string[], links: string[]} | null} node */
  return function draw(node) {
    const state = JSON.stringify(node && [node.id, node.left, node.right, node.links]);
    if (state === drawn) return;
    drawn = state;
    svg.replaceChildren(shape('circle', { r: RADIUS, class: 'orbit' }));
    body.replaceChildren();
    if (!node) return;
    const leaves = new Set([...node.left, ...node.right]);
    const links = new Set(node.links);
    const me = place(node.id);
    for (const id of links) {
      const { x, y } = place(id);
      // Bent towards the middle, so that neighbours' chords can be told from the circle.
      const chord = `M${me.x} ${me.y}Q${(me.x + x) * 0.2} ${(me.y + y) * 0.2} ${x} ${y}`;
      svg.append(shape('path', { d: chord, class: leaves.has(id) ? 'chord leaf' : 'chord' }));
    }
    for (const id of new Set([...leaves, ...links])) svg.append(dot(id, links.has(id), false));
    svg.append(dot(node.id, true, true));
    for (const row of rows(node, leaves, links)) body.append(row);
  };
}

/** @param {string} id @param {boolean} linked @param {boolean} isMe */
function dot(id, linked, isMe) {
  const { x, y } = place(id);
  const mark = shape('circle', { cx: x, cy: y, r: isMe ? 8 : 6, class: isMe ? 'dot me' : linked ? 'dot' : 'dot far' });
  if (!isMe) mark.setAttribute('fill', `hsl(${hueOf(id)} 65% 55%)`);
  const title = shape('title', {});
  title.textContent = isMe ? `this tab, ${id}` : id;
  mark.append(title);
  return mark;
}

/**
 * @param {{id: string, left: string[], right: string[]}} node
 * @param {Set<string>} leaves
 * @param {Set<string>} links
 */
function rows(node, leaves, links) {
  const side = (/** @type {string} */ id) => {
    const [left, right] = [node.left.indexOf(id), node.right.indexOf(id)];
    if (left >= 0 && right >= 0) return 'both sides';
    return left >= 0 ? `${left + 1} to the left` : right >= 0 ? `${right + 1} to the right` : '–';
  };
  return [...new Set([...leaves, ...links])].sort().map((id) => {
    const row = document.createElement('tr');
    for (const text of [shortId(id), side(id), links.has(id) ? 'direct' : 'through others']) {
      const cell = document.createElement('td');
      cell.textContent = text;
      row.append(cell);
    }
    return row;
  });
}
