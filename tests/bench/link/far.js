// The far end of the link bench in a tab's worker: bare data channels, where the product has its
// wasm peer. Chunks, window and low mark are the product's; the copy into wasm is missing.

const CHUNK_BYTES = 16 * 1024; // crates/wire/src/limits.rs
const WINDOW_BYTES = 256 * 1024; // crates/node/src/session.rs
const LOW_BYTES = 64 * 1024; // crates/browser/src/link.rs
const ECHO = 0, SEND = 1, TAKE = 2; // crates/headless/examples/links/order.rs

const chunk = new Uint8Array(CHUNK_BYTES);
let control, bulk;
let unsent = 0, outstanding = 0; // to send, in chunks; handed over and not drained, in bytes
let taken = 0, promise = null;

onmessage = ({ data: { bulk: isBulk, channel } }) => {
  channel.binaryType = 'arraybuffer';
  channel.bufferedAmountLowThreshold = LOW_BYTES;
  if (isBulk) {
    bulk = channel;
    bulk.onmessage = () => { taken++; keepPromise(); };
    bulk.onbufferedamountlow = () => { outstanding = 0; fill(); };
  } else {
    control = channel;
    control.onmessage = ({ data }) => obey(data);
  }
};

function obey(order) {
  const view = new DataView(order);
  const kind = view.getUint8(0), chunks = view.getUint32(1, true);
  if (kind === ECHO) control.send(order);
  if (kind === SEND) { unsent += chunks; fill(); }
  if (kind === TAKE) { promise = { order, chunks }; keepPromise(); }
}

function fill() {
  while (unsent > 0 && outstanding + CHUNK_BYTES <= WINDOW_BYTES) {
    bulk.send(chunk);
    unsent--;
    outstanding += CHUNK_BYTES;
    if (bulk.bufferedAmount <= LOW_BYTES) outstanding = 0;
  }
}

// Chunks may overtake the order that announces them: it travels on the other channel.
function keepPromise() {
  if (!promise || taken < promise.chunks) return;
  taken -= promise.chunks;
  control.send(promise.order);
  promise = null;
}
