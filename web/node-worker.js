// The worker in which the peer of this tab lives: wires the wasm module to the page.
//
// It starts tile workers, signs, and passes messages on; every decision is in crates/browser. The
// messages are listed in peer.js. Timers of a worker keep their pace in a hidden tab.

import init, { Peer } from './node.js';
import { openIdentity } from './identity.js';
import { ProxyChannel } from './channel.js';
import { foreignWorker, isOwn } from './spawn.js';

/** @type {import('./identity.js').Identity | null} */
let identity = null;
/** Data channels that stayed on the page. @type {Map<string, ProxyChannel>} */
const proxies = new Map();

/** @type {import('./node.js').Host} */
const host = {
  post(note, transfer) {
    postMessage(note, { transfer });
  },
  worker() {
    const worker = isOwn(import.meta.url)
      ? new Worker(new URL('./tile-worker.js', import.meta.url), { type: 'module' })
      : foreignWorker(new URL('./tile-worker.js', import.meta.url));
    worker.postMessage({ module: kernel, keeps });
    worker.addEventListener('message', ({ data }) => {
      if (data.kept) postMessage({ t: 'recalled' });
      if (data.full) postMessage({ t: 'no-room' });
    });
    return worker;
  },
  sign(bytes) {
    if (!identity) throw new Error('there is no key yet');
    return identity.sign(bytes);
  },
  keepVoucher(voucher, introducers) {
    identity?.keepVoucher(voucher, introducers);
  },
};

/** Whether the browser may keep a key and finished tiles; the page says so before anything else. */
let keeps = false;
/** @type {WebAssembly.Module} */
let kernel;
const loading = load();

async function load() {
  const compiled = WebAssembly.compileStreaming(fetch(new URL('./kernel_bg.wasm', import.meta.url)));
  [kernel] = await Promise.all([compiled, init()]);
  return new Peer(host);
}

// Set at once, so that nothing is lost while the modules load; the order is kept.
onmessage = async ({ data }) => {
  if (data.t === 'keep') return void (keeps = true);
  try {
    act(await loading, data);
  } catch (error) {
    postMessage({ t: 'broken-down', reason: error instanceof Error ? error.message : String(error) });
  }
};

/** @param {Peer} peer @param {any} data */
function act(peer, data) {
  switch (data.t) {
    case 'join': return void join(peer, data.url);
    case 'leave': return peer.leave();
    case 'cores': return peer.cores(data.count, data.paused, data.intensity);
    case 'finish': return peer.finish();
    case 'launch': return peer.launch(data.picture, data.view);
    case 'watch': return peer.watch(data.job);
    case 'list': return peer.list();
    case 'cancel': return peer.cancel(data.job);
    case 'preview': return peer.preview(data.picture, data.view, data.urgent, data.only);
    case 'forget': return peer.forget(data.prefix);
    case 'retry': return peer.retry();
    case 'channel': return peer.channel(data.link, data.bulk, data.channel);
    case 'described': return peer.described(data.link, data.sdp);
    case 'broken': return forgetProxies(data.link), peer.broken(data.link, data.reason);
    case 'proxy': return adoptProxy(peer, data);
    case 'proxied': return proxies.get(data.name)?.heard(data);
    default: throw new Error(`unknown message ${data.t}`);
  }
}

/** @param {Peer} peer @param {string} url */
async function join(peer, url) {
  try {
    identity = await openIdentity(keeps);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return postMessage({ t: 'no-identity', reason });
  }
  postMessage({ t: 'identity', kept: identity.kept });
  const { introducers, publicKey, epoch, voucher } = identity;
  // Where this server's network can be entered as well, unless they are another server's.
  const urls = introducers.split(' ').includes(url) ? `${url} ${introducers}` : url;
  peer.join(urls, publicKey, epoch, voucher);
}

/** @param {Peer} peer @param {{name: string, link: number, bulk: boolean}} data */
function adoptProxy(peer, { name, link, bulk }) {
  const proxy = new ProxyChannel(name, (note) => {
    postMessage(note);
    if (note.t === 'proxy-close') proxies.delete(name);
  });
  proxies.set(name, proxy);
  peer.channel(link, bulk, /** @type {any} */ (proxy));
}

/** @param {number} link */
function forgetProxies(link) {
  for (const name of proxies.keys()) {
    if (name.startsWith(`${link}/`)) proxies.delete(name);
  }
}
