// The ring as this node sees it: a circle of identifiers, and the same as a table.
//
// Every node has its place by its identifier, so the picture is the protocol's own: the leaf set lies
// beside this node, and an entry of row r of the routing table lies where the first r digits agree.
// What moves along a chord went over that link since the last report. Not here: the words around it.

import { hueOf } from './jobs.js';
import { bytesText, shortId } from './words.js';
import { numeral, t } from './language.js';

const SVG = 'http://www.w3.org/2000/svg';
const RADIUS = 82;
const NODES_MAX = 200; // drawn; leaf set and links first
const FLOW_MAX = 96; // under way at once; more are not drawn
const FLOW_MILLIS = 800;
const FLOW_STEPS = 12;
const BEND = 0.2; // how far a chord keeps from the middle: neighbours' chords can be told from the circle

/** @typedef {{x: number, y: number}} Point */
/** @typedef {{peer: string, sent: number, received: number, sentBulk: number, receivedBulk: number}} Link */
/** @typedef {{id: string, left: string[], right: string[], table: {row: number, id: string}[], links: Link[]}} Node of a report */
/**
 * A peer as it is drawn.
 * @typedef {object} Seen
 * @property {string} id
 * @property {string} place in words
 * @property {boolean} leaf
 * @property {number | null} row of the routing table
 * @property {'direct' | 'relayed' | 'known' | 'failed'} reached
 * @property {Link | undefined} link
 * @property {number} tiles of the job that is looked at
 */

/** @param {string} name @param {Record<string, string | number>} attributes */
function shape(name, attributes) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, String(value));
  return made;
}

/** An identifier as a turn, 0 to 1, by its first 32 bits. @param {string} id */
const turnOf = (id) => parseInt(id.slice(0, 8), 16) / 2 ** 32;

/** @param {number} turn from the top, clockwise @param {number} radius @returns {Point} */
function at(turn, radius = RADIUS) {
  const angle = (turn - 0.25) * 2 * Math.PI;
  return { x: Math.round(Math.cos(angle) * radius * 100) / 100, y: Math.round(Math.sin(angle) * radius * 100) / 100 };
}

/**
 * Whom this node knows, each once, and how: leaf set first, then links, then the rest of its table.
 * @param {Node} node
 * @param {Record<string, number>} tiles by peer
 * @param {ReadonlySet<string>} failed peers to whom no link could be made lately
 * @returns {Seen[]}
 */
export function peersSeen({ id: me, left, right, table, links }, tiles, failed) {
  const linked = new Map(links.map((link) => [link.peer, link]));
  const rows = new Map(table.map(({ row, id }) => [id, row]));
  const ids = new Set([...left, ...right, ...linked.keys(), ...failed, ...rows.keys()]);
  ids.delete(me);
  return [...ids].slice(0, NODES_MAX).map((id) => {
    const [l, r] = [left.indexOf(id), right.indexOf(id)];
    const row = rows.get(id) ?? null;
    const sides = [l >= 0 && t('to-left', { n: l + 1 }), r >= 0 && t('to-right', { n: r + 1 }), row !== null && t('row', { n: row })];
    const link = linked.get(id);
    const leaf = l >= 0 || r >= 0;
    return {
      id, leaf, row, link, tiles: tiles[id] ?? 0, place: sides.filter(Boolean).join(', ') || '–',
      reached: link ? 'direct' : failed.has(id) ? 'failed' : leaf ? 'relayed' : 'known',
    };
  });
}

/** Peers with a link of this node, and neighbours that it reaches through others. @param {Node | null} node */
export function peersOf(node) {
  const links = new Set(node?.links.map(({ peer }) => peer));
  const near = new Set([...node?.left ?? [], ...node?.right ?? []]);
  return { direct: links.size, relayed: [...near].filter((id) => !links.has(id)).length };
}

/**
 * @param {SVGElement} svg
 * @param {HTMLElement} body of the table
 */
export function createRing(svg, body) {
  const layers = ['still', 'flow'].map((name) => svg.appendChild(shape('g', { class: name })));
  const [still, flow] = layers;
  const calm = matchMedia('(prefers-reduced-motion: reduce)');
  let drawn = '';
  /** What had gone over each link. @type {Map<string, Link>} */
  let before = new Map();

  /** @param {Node} node */
  function animate(node) {
    const now = new Map(node.links.map((link) => [link.peer, link]));
    if (!calm.matches && !document.hidden) {
      const me = at(turnOf(node.id));
      for (const [peer, link] of now) {
        const last = before.get(peer);
        if (!last) continue;
        const there = at(turnOf(peer));
        for (const [way, from, to] of /** @type {['sent' | 'received', Point, Point][]} */ (
          [['sent', me, there], ['received', there, me]])) {
          if (link[`${way}Bulk`] > last[`${way}Bulk`]) travel(from, to, 'tile', hueOf(way === 'sent' ? node.id : peer));
          else if (link[way] > last[way]) travel(from, to, 'word', 0);
        }
      }
    }
    before = now;
  }

  /** @param {Point} from @param {Point} to @param {string} kind @param {number} hue */
  function travel(from, to, kind, hue) {
    if (flow.childElementCount >= FLOW_MAX) return;
    const mark = shape('circle', { r: kind === 'tile' ? 2.6 : 1.3, class: kind });
    if (kind === 'tile') mark.setAttribute('fill', `hsl(${hue} 75% 60%)`);
    flow.append(mark);
    const frames = Array.from({ length: FLOW_STEPS + 1 }, (_, step) => {
      const { x, y } = along(from, to, step / FLOW_STEPS);
      return { transform: `translate(${x}px,${y}px)` };
    });
    mark.animate(frames, { duration: FLOW_MILLIS, easing: 'ease-in-out' }).finished.then(() => mark.remove(), () => mark.remove());
  }

  /**
   * @param {Node | null} node
   * @param {Seen[]} seen
   * @param {string} [owner] of the job that is looked at
   */
  return function draw(node, seen, owner) {
    if (node) animate(node);
    const state = JSON.stringify([node?.id, owner, seen.map(({ link, ...rest }) => rest)]);
    if (state !== drawn) {
      drawn = state;
      still.replaceChildren(...scenery(), ...(node ? picture(node, seen, owner) : []));
    }
    const rows = node ? seen : [];
    rows.forEach((peer, index) => fill(body.children[index] ?? body.appendChild(emptyRow()), peer));
    while (body.childElementCount > rows.length) body.lastElementChild?.remove();
  };
}

/** A point of a chord. @param {Point} from @param {Point} to @param {number} t @returns {Point} */
function along(from, to, t) {
  const mix = (/** @type {number} */ a, /** @type {number} */ b) => {
    const bend = (a + b) * BEND;
    return Math.round(((1 - t) ** 2 * a + 2 * t * (1 - t) * bend + t ** 2 * b) * 100) / 100;
  };
  return { x: mix(from.x, to.x), y: mix(from.y, to.y) };
}

/** The circle with the first digit of the identifiers. */
function scenery() {
  const parts = [shape('circle', { r: RADIUS, class: 'orbit' })];
  for (let digit = 0; digit < 16; digit += 1) {
    const [inner, outer] = [at(digit / 16, RADIUS + 2), at(digit / 16, RADIUS + 5)];
    parts.push(shape('path', { d: `M${inner.x} ${inner.y}L${outer.x} ${outer.y}`, class: 'tick' }));
    const label = shape('text', { ...at((digit + 0.5) / 16, RADIUS + 11), class: 'digit' });
    label.textContent = digit.toString(16);
    parts.push(label);
  }
  return parts;
}

/** @param {Node} node @param {Seen[]} seen @param {string} [owner] */
function picture(node, seen, owner) {
  const here = turnOf(node.id);
  const me = at(here);
  /** @type {SVGElement[]} */
  const parts = [];
  const reach = [node.left, node.right].map((side) => (side.length ? turnOf(side[side.length - 1]) : here));
  // In a small ring both sides hold everybody, and the whole circle is the leaf set.
  const shared = node.left.some((id) => node.right.includes(id));
  parts.push(shared ? shape('circle', { r: RADIUS, class: 'near' }) : arc(reach[0], reach[1]));
  for (const { id, leaf, reached } of seen) {
    if (reached === 'known') continue;
    const { x, y } = at(turnOf(id));
    const chord = `M${me.x} ${me.y}Q${(me.x + x) * BEND} ${(me.y + y) * BEND} ${x} ${y}`;
    parts.push(shape('path', { d: chord, class: `chord ${reached}${leaf ? ' leaf' : ''}` }));
  }
  const most = Math.max(1, ...seen.map(({ tiles }) => tiles));
  for (const { id, leaf, reached, place, tiles } of seen) {
    const size = (leaf ? 4.2 : reached === 'direct' ? 3.4 : 2.2) + 2.4 * Math.sqrt(tiles / most);
    parts.push(dot(id, size, `dot ${reached}${id === owner ? ' owner' : ''}`, t('dot', { id, place, how: t(reached) })));
  }
  parts.push(dot(node.id, 7, `dot me${node.id === owner ? ' owner' : ''}`, t('dot-me', { id: node.id })));
  return parts;
}

/** A part of the circle, clockwise. @param {number} from @param {number} to turns */
function arc(from, to) {
  const [a, b] = [at(from), at(to)];
  const span = (to - from + 1) % 1;
  return shape('path', { d: `M${a.x} ${a.y}A${RADIUS} ${RADIUS} 0 ${span > 0.5 ? 1 : 0} 1 ${b.x} ${b.y}`, class: 'near' });
}

/** @param {string} id @param {number} size @param {string} kind @param {string} words */
function dot(id, size, kind, words) {
  const { x, y } = at(turnOf(id));
  const mark = shape('circle', { cx: x, cy: y, r: Math.round(size * 10) / 10, class: kind, fill: `hsl(${hueOf(id)} 65% 55%)` });
  const title = shape('title', {});
  title.textContent = words;
  mark.append(title);
  return mark;
}

function emptyRow() {
  const row = document.createElement('tr');
  for (let cell = 0; cell < 5; cell += 1) row.append(document.createElement('td'));
  return row;
}

/** @param {Element} row @param {Seen} peer */
function fill(row, { id, place, reached, link, tiles }) {
  const moved = (/** @type {'sent' | 'received'} */ way) => (link ? bytesText(link[way] + link[`${way}Bulk`]) : '–');
  [shortId(id), place, t(reached), `${moved('sent')} / ${moved('received')}`, numeral(tiles)].forEach((text, index) => {
    const cell = row.children[index];
    if (cell.textContent !== text) cell.textContent = text;
  });
}
