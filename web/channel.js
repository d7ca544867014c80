// A data channel that could not move to the worker, spoken to by messages.
//
// Used only where transferring an RTCDataChannel is missing or refused. `ProxyChannel` is the
// worker's end and looks like an RTCDataChannel; `serveChannel` is the page's end.

/** The part of RTCDataChannel that the peer uses. */
export class ProxyChannel extends EventTarget {
  binaryType = 'arraybuffer';
  readyState = 'connecting';
  bufferedAmount = 0;
  bufferedAmountLowThreshold = 0;
  #name;
  #post;

  /** @param {string} name @param {(note: {t: string, [more: string]: unknown}) => void} post */
  constructor(name, post) {
    super();
    this.#name = name;
    this.#post = post;
  }

  /** @param {Uint8Array} bytes */
  send(bytes) {
    if (this.readyState !== 'open') throw new Error('the channel is not open');
    this.bufferedAmount += bytes.byteLength;
    this.#post({ t: 'proxy-send', name: this.#name, bytes: bytes.slice() });
  }

  close() {
    this.readyState = 'closing';
    this.#post({ t: 'proxy-close', name: this.#name });
  }

  /** What the page reports. @param {{what: string, bytes?: ArrayBuffer, amount?: number}} note */
  heard({ what, bytes, amount = 0 }) {
    if (what === 'open') this.readyState = 'open';
    if (what === 'close') this.readyState = 'closed';
    if (what === 'sent') {
      const before = this.bufferedAmount;
      this.bufferedAmount = Math.max(0, before - amount);
      const low = this.bufferedAmountLowThreshold;
      if (before > low && this.bufferedAmount <= low) this.dispatchEvent(new Event('bufferedamountlow'));
      return;
    }
    this.dispatchEvent(what === 'message'
      ? new MessageEvent('message', { data: bytes }) : new Event(what));
  }
}

/**
 * The page's end: reports what happens on a channel, and sends what it is told to.
 * @param {RTCDataChannel} channel
 * @param {string} name
 * @param {(note: object) => void} post
 */
export function serveChannel(channel, name, post) {
  /** @param {string} what @param {object} [more] */
  const report = (what, more) => post({ t: 'proxied', name, what, ...more });
  let owed = 0;
  channel.binaryType = 'arraybuffer';
  channel.onopen = () => report('open');
  channel.onclose = () => report('close');
  channel.onmessage = ({ data }) => report('message', { bytes: data });
  channel.onbufferedamountlow = () => settle();
  const settle = () => {
    const sent = owed - channel.bufferedAmount;
    owed -= sent;
    if (sent > 0) report('sent', { amount: sent });
  };
  return {
    /** @param {Uint8Array<ArrayBuffer>} bytes */
    send(bytes) {
      if (channel.readyState !== 'open') return;
      try {
        channel.send(bytes);
      } catch {
        // Its buffer is full, or it closed this moment; with a gap it is of no use. `close` is reported.
        return channel.close();
      }
      owed += bytes.byteLength;
      settle();
    },
    close: () => channel.close(),
    /** Nothing is reported any more. */
    release() {
      channel.onopen = channel.onclose = channel.onmessage = channel.onbufferedamountlow = null;
    },
  };
}
