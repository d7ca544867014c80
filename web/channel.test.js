// A channel that stayed on the page: what it reports, and what a broken one does.

import test from 'node:test';
import assert from 'node:assert/strict';
import { ProxyChannel, serveChannel } from './channel.js';

/** An open data channel, and what the page's end of it posts. */
function served() {
  /** @type {any[]} */
  const notes = [];
  const channel = /** @type {any} */ ({
    readyState: 'open',
    bufferedAmount: 0,
    send(/** @type {Uint8Array} */ bytes) { this.bufferedAmount += bytes.byteLength; },
    close() { this.readyState = 'closing'; },
  });
  return { channel, notes, end: serveChannel(channel, '7/bulk', (note) => notes.push(note)) };
}

test('what the network took is reported once', () => {
  const { channel, notes, end } = served();
  end.send(new Uint8Array(100));
  assert.deepEqual(notes, []);
  channel.bufferedAmount = 40;
  channel.onbufferedamountlow();
  channel.onbufferedamountlow();
  assert.deepEqual(notes.map(({ what, amount }) => [what, amount]), [['sent', 60]]);
});

test('a channel that takes no more is closed, and nothing is thrown', () => {
  const { channel, end } = served();
  channel.send = () => { throw new Error('full'); };
  end.send(new Uint8Array(1));
  assert.equal(channel.readyState, 'closing');
  end.send(new Uint8Array(1));
});

test('a released channel holds nobody', () => {
  const { channel, end } = served();
  end.release();
  const handlers = Object.keys(channel).filter((key) => key.startsWith('on'));
  assert.deepEqual(handlers.map((key) => channel[key]), handlers.map(() => null));
});

test("the worker's end sends only while it is open", () => {
  /** @type {any[]} */
  const notes = [];
  const proxy = new ProxyChannel('7/bulk', (note) => notes.push(note));
  assert.throws(() => proxy.send(new Uint8Array(1)));
  proxy.heard({ what: 'open' });
  proxy.send(new Uint8Array(3));
  assert.equal(proxy.bufferedAmount, 3);
  proxy.close();
  assert.throws(() => proxy.send(new Uint8Array(1)));
  assert.deepEqual(notes.map(({ t }) => t), ['proxy-send', 'proxy-close']);
});
