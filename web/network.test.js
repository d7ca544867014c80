// What the panel of the network says: each peer once with its place, and where entering it got stuck.

import test from 'node:test';
import assert from 'node:assert/strict';
import { diagnosed } from './network.js';
import { peersOf, peersSeen } from './ring.js';

const id = (/** @type {string} */ digit) => digit.repeat(32);
const link = (/** @type {string} */ peer) => ({ peer, sent: 1, received: 2, sentBulk: 3, receivedBulk: 4 });
const NODE = {
  id: id('8'), left: [id('7'), id('5')], right: [id('9'), id('7')],
  table: [{ row: 0, id: id('1') }, { row: 0, id: id('5') }], links: [link(id('7')), link(id('c'))],
};

test('each peer is seen once, in all its places, and never this node', () => {
  const seen = peersSeen({ ...NODE, right: [id('9'), id('7'), id('8')] }, { [id('7')]: 12 }, new Set([id('9'), id('7')]));
  assert.deepEqual(seen.map(({ id: [digit], place, reached, tiles }) => [digit, place, reached, tiles]), [
    ['7', '1 to the left, 2 to the right', 'direct', 12],
    ['5', '2 to the left, row 0', 'relayed', 0],
    ['9', '1 to the right', 'failed', 0],
    ['c', '–', 'direct', 0],
    ['1', 'row 0', 'known', 0],
  ]);
});

test('no more than two hundred are drawn, the nearest first', () => {
  const table = Array.from({ length: 400 }, (_, at) => ({ row: 0, id: at.toString(16).padStart(32, '0') }));
  const seen = peersSeen({ ...NODE, table }, {}, new Set());
  assert.equal(seen.length, 200);
  assert.equal(seen[0].id, id('7'));
});

test('the status counts links and neighbours without one', () => {
  assert.deepEqual(peersOf(NODE), { direct: 2, relayed: 2 });
  assert.deepEqual(peersOf(null), { direct: 0, relayed: 0 });
});

const FRESH = { iceServers: 0, outside: false, made: 0, failed: 0, reason: '' };
const states = (/** @type {any[]} */ steps) => steps.map(({ state }) => state);

test('nothing is explained while all is well, or still under way', () => {
  assert.deepEqual(diagnosed({ state: 'connected' }, FRESH, 3, ''), []);
  assert.deepEqual(diagnosed({ state: 'connecting' }, FRESH, 0, ''), []);
});

test('the step that failed is named, with what to do', () => {
  const down = { state: 'unreachable', reason: 'it hung up' };
  const [server] = diagnosed(down, FRESH, 0, '');
  assert.ok(server.state === 'bad' && server.text.includes('it hung up'));
  assert.match(diagnosed(down, FRESH, 3, '')[0].text, /swarm lives/);
  const failed = { ...FRESH, failed: 2, reason: 'no path' };
  const local = diagnosed({ state: 'connected' }, failed, 0, 'https://here');
  assert.deepEqual(states(local), ['good', 'open', 'bad']);
  assert.match(local[2].text, /2 connections .*no path.*millefeuille peer --server https:\/\/here/);
  const blocked = diagnosed({ state: 'connected' }, { ...failed, iceServers: 1 }, 0, '');
  assert.ok(blocked[1].state === 'bad' && blocked[1].text.includes('UDP'));
  assert.deepEqual(states(diagnosed({ state: 'connected' }, { ...failed, iceServers: 1, outside: true }, 0, '')), ['good', 'good', 'bad']);
});
