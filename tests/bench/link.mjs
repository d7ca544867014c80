// Links: throughput and round trip, native to native and native to tab, against a bare TCP
// connection of the loopback, in turn.
//
// The ends are crates/headless/examples/links; here they are started and introduced. A native end
// is the product's own links. The tab's end is the product's dialler and bare data channels: its
// wasm peer sends for a node only, and takes no orders from a bench.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const links = process.env.MILLEFEUILLE_LINKS_BIN ?? here('../../target/release/examples/links');
const children = [];

/** A child whose output is lines of JSON, read one after another. */
function start(program, args) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  children.push(child);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    say: (line) => child.stdin.write(`${JSON.stringify(line)}\n`),
    async hear() {
      const { value, done } = await lines.next();
      if (done) throw new Error(`${program} ${args[0]} ended`);
      return JSON.parse(value);
    },
    end: () => child.stdin.end(),
  };
}

/** Measures one link whose far end is `answer`, and TCP to a native process beside it. */
async function measure(port, answer) {
  const near = start(links, ['near', String(port)]);
  const { offer } = await near.hear();
  near.say({ answer: await answer(offer) });
  const result = await near.hear();
  near.end();
  return result;
}

/** Serves the product's page modules below /web/, and the tab's end below /bench/. */
async function serve() {
  const folders = { web: here('../../web/'), bench: here('./link/') };
  const server = createServer(({ url }, response) => {
    const [, folder, name] = /^\/(web|bench)\/(\w+\.js)$/.exec(url) ?? [];
    response.setHeader('content-type', name ? 'text/javascript' : 'text/html');
    response.end(name ? readFileSync(folders[folder] + name)
      : '<!doctype html><link rel="icon" href="data:,"><script type="module" src="/bench/page.js"></script>');
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `http://127.0.0.1:${server.address().port}/`;
}

/** A tab of a real Chromium; its `answer` is the page's. */
async function openTab() {
  const browser = start('node', [here('../browser.mjs'), 'chromium']);
  await browser.hear();
  const ask = async (question) => {
    browser.say({ number: 1, ...question });
    const { value, error } = await browser.hear();
    if (error) throw new Error(error);
    return value;
  };
  const page = await ask({ do: 'open', url: await serve() });
  const answer = (sdp) => ask({ do: 'eval', page, expression: `answer(${JSON.stringify(sdp)})` });
  return { answer, end: browser.end };
}

const isAlive = (child) => child.exitCode === null && child.signalCode === null;
const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

/** `which` names the seconds of a run that the row compares. */
function throughput(name, note, { runs, mebibytes }, ...which) {
  const speeds = (of) => runs.flatMap((run) => which.map((way) => mebibytes / run[of][way]));
  const [link, tcp] = [speeds('link'), speeds('tcp')];
  row(`${name} throughput / TCP`, median(link.map((speed, at) => speed / tcp[at])),
    `link ${median(link).toFixed(1)} MiB/s, TCP ${median(tcp).toFixed(0)} MiB/s, `
    + `${mebibytes} MiB a run, median of ${link.length} pairs${note}`);
}

function roundTrip(name, note, { runs, trips }) {
  const micros = (of, part) => (median(runs.map((run) => run[of][part])) * 1e6).toFixed(0);
  row(`${name} round trip / TCP`, median(runs.map((run) => run.link.p50 / run.tcp.p50)),
    `link p50 ${micros('link', 'p50')} µs, p99 ${micros('link', 'p99')} µs, `
    + `TCP p50 ${micros('tcp', 'p50')} µs, p99 ${micros('tcp', 'p99')} µs, `
    + `${trips} a run, median of ${runs.length} pairs${note}`);
}

const row = (name, ratio, detail) =>
  console.log(JSON.stringify({ section: 'link', name, ratio, detail, pass: null }));

try {
  const far = start(links, ['far']);
  const { port } = await far.hear();

  const native = await measure(port, async (offer) => {
    far.say({ offer });
    return (await far.hear()).answer;
  });
  throughput('native - native', ', both directions', native, 'push', 'pull');
  roundTrip('native - native', '', native);

  const tab = await openTab();
  const note = '; the tab side is a bare data channel in a worker, not the wasm peer';
  const mixed = await measure(port, tab.answer);
  throughput('native to tab', note, mixed, 'push');
  throughput('tab to native', note, mixed, 'pull');
  roundTrip('native - tab', note, mixed);
  tab.end();
  far.end();
  await Promise.all(children.filter(isAlive).map((child) => once(child, 'exit')));
} finally {
  for (const child of children) child.kill();
}
process.exit(0);
