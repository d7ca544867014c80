// What takes too long for every day: a tab that is hidden, suspended, or computes for half an hour.
//
//   node tests/endurance.mjs hidden|suspended|computing [MINUTES]
//
// A headed Chromium under Xvfb (`apt-get install xvfb`), with timers throttled as a person's browser throttles
// them, beside native peers that come, go and have pictures rendered one after the other. It prints what
// it sees as lines of JSON and fails if the tab is neither a useful member nor says why not, does not come
// back, grows, or leaves connections behind. Builds of `cargo xtask test` are used.
import { spawn, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import puppeteer from 'puppeteer-core';

const [kind, minutesText] = process.argv.slice(2);
const USUAL = { hidden: 10, suspended: 2, computing: 30 };
if (!(kind in USUAL)) throw new Error('node tests/endurance.mjs hidden|suspended|computing [MINUTES]');
const minutes = Number(minutesText ?? USUAL[kind]);

const PATIENCE = 120_000; // for any one event
const SAMPLE = 30_000;
const PEER_LIFE = 150_000; // of a native peer that comes and goes
const GROWTH_MAX = 1.05;
const WARM_PART = 1 / 3; // of the time, before the heap is looked at first
/** A rich place, dear enough that a picture of 64 tiles takes about half a minute. */
const VIEW = { formula: 'mandelbrot', re: '-0.743643887037158704752191506114774',
  im: '0.131825904205311970493132056385139', zoom: '60000000', max_iter: 60000 };

const root = fileURLToPath(new URL('..', import.meta.url));
const built = (variable, name) => process.env[variable] ?? join(root, 'target/debug', name);
const scratch = mkdtempSync(join(tmpdir(), 'millefeuille-endurance-'));
const began = Date.now();
const note = (what, more = {}) => console.log(JSON.stringify({ at: Math.round((Date.now() - began) / 1000), what, ...more }));

/** What ends with this script. @type {(() => void)[]} */
const ends = [];

/** A process, and the first of its lines that a pattern finds. */
function start(file, args, { pattern, fd = 1, ...options } = {}) {
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], ...options });
  const end = () => child.exitCode === null && child.kill('SIGTERM');
  ends.push(end);
  child.gone = new Promise((resolve) => child.on('exit', resolve));
  child.found = new Promise((resolve, reject) => {
    for (const stream of [1, 2, 3]) {
      createInterface({ input: child.stdio[stream] }).on('line', (line) => {
        const match = stream === fd && pattern?.exec(line);
        if (match) resolve(match[1]);
      });
    }
    child.gone.then((code) => reject(new Error(`${file} ended with ${code}`)));
  });
  child.found.catch(() => {});
  return child;
}

async function until(what, holds, patience = PATIENCE) {
  const deadline = Date.now() + patience;
  for (;;) {
    const value = await holds();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${patience / 1000} s`);
    await delay(500);
  }
}

/** Every process of the browser. */
function processesOf(pid) {
  const children = new Map();
  for (const line of execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')) {
    const [child, parent] = line.trim().split(/\s+/).map(Number);
    children.set(parent, [...children.get(parent) ?? [], child]);
  }
  const found = [pid];
  for (const each of found) found.push(...children.get(each) ?? []);
  return found;
}

const watchConnections = () => {
  const Plain = RTCPeerConnection;
  window.connections = [];
  window.RTCPeerConnection = class extends Plain {
    constructor(...args) {
      super(...args);
      window.connections.push(new WeakRef(this));
    }
  };
};

async function main() {
  const display = await start('Xvfb', ['-displayfd', '3', '-screen', '0', '1280x900x24'], { pattern: /^(\d+)$/, fd: 3 }).found;
  const server = start(built('MILLEFEUILLE_SERVER_BIN', 'millefeuille-server'),
    ['--listen', '127.0.0.1:0', '--web-dir', join(root, 'target/web'), '--connections-per-address', '1000', '--connections-per-network', '1000'],
    { pattern: /address=(127\.0\.0\.1:\d+)/, fd: 2, env: { ...process.env, NO_COLOR: '1' } });
  const url = `http://${await server.found}/`;
  const browser = await puppeteer.launch({
    executablePath: '/usr/bin/chromium', headless: false, pipe: true, userDataDir: join(scratch, 'profile'), protocolTimeout: 600_000,
    args: ['--no-sandbox', '--no-first-run', '--disable-gpu', '--disable-features=ComputePressure', '--window-size=1280,900'],
    // A person's browser slows what is not seen.
    ignoreDefaultArgs: ['--disable-background-timer-throttling', '--disable-backgrounding-occluded-windows', '--disable-renderer-backgrounding', '--disable-ipc-flooding-protection'],
    env: { ...process.env, DISPLAY: `:${display}` },
  });
  ends.push(() => browser.process()?.kill('SIGKILL'));
  const page = await browser.newPage();
  const complaints = [];
  page.on('console', (message) => { if (['error', 'warn', 'warning'].includes(message.type())) complaints.push(message.text()); });
  page.on('pageerror', (error) => complaints.push(String(error)));
  await page.evaluateOnNewDocument(watchConnections);
  await page.goto(url, { waitUntil: 'load' });
  await page.click('#start');
  const look = () => page.evaluate(() => {
    const { status, ready, links, contributed, job, paused, why, server } = window.millefeuille.state();
    const open = window.connections.map((each) => each.deref()).filter((each) => each && each.connectionState !== 'closed').length;
    return { visible: document.visibilityState, said: document.querySelector('#status').textContent, status, ready, links, contributed, paused, why,
      server: server.state, job: job && { state: job.state, done: job.done, total: job.total }, made: window.connections.length, open };
  });
  await until('a member of the ring', async () => (await look()).ready);

  // Native company: one that stays, and one that comes and goes; pictures without an end.
  const millefeuille = built('MILLEFEUILLE_BIN', 'millefeuille');
  const gently = ['--threads', '1', '--intensity', '30'];
  const peer = () => start(millefeuille, ['peer', '--server', url, ...gently, '--quiet']);
  peer();
  let isOver = false;
  const guests = (async () => {
    while (!isOver) {
      const guest = peer();
      await Promise.race([delay(PEER_LIFE), guest.gone]);
      guest.kill(Math.random() < 0.5 ? 'SIGTERM' : 'SIGKILL');
      await guest.gone;
    }
  })();
  const rendered = { done: 0, failed: 0 };
  const pictures = (async () => {
    while (!isOver) {
      const code = await start(millefeuille, ['render', '--server', url, ...gently, '--quiet', '--re', VIEW.re, '--im', VIEW.im, '--zoom', VIEW.zoom,
        '--max-iter', String(VIEW.max_iter), '--size', '2048x2048', '-o', join(scratch, 'picture.png')]).gone;
      if (isOver) return;
      rendered[code === 0 ? 'done' : 'failed'] += 1;
      note('a picture of a native peer', { code });
      if (code !== 0) await delay(1000);
    }
  })();
  await until('work for this tab', async () => (await look()).contributed > 0);
  note('the tab works', await look());

  const failures = await { hidden, suspended, computing }[kind]({ browser, page, look });
  isOver = true;
  if (rendered.failed) failures.push(`${rendered.failed} pictures of native peers failed`);
  // What a suspended browser says of the connections that it lost is none of the page's errors.
  if (complaints.length) failures.push(`console: ${[...new Set(complaints)].join(' | ')}`);
  note(failures.length ? 'FAILED' : 'passed', { kind, minutes, rendered, failures });
  for (const end of ends.splice(0).reverse()) end();
  await Promise.all([guests, pictures]);
  process.exitCode = failures.length ? 1 : 0;
}

/** Hidden behind another tab: each minute it has computed something, or says why not. */
async function hidden({ browser, page, look }) {
  const other = await browser.newPage();
  await other.goto('data:text/html,<title>another tab</title>');
  await other.bringToFront();
  await until('hidden', async () => (await look()).visible === 'hidden');
  const failures = [];
  let { contributed } = await look();
  const begun = contributed;
  for (let minute = 1; minute <= minutes; minute += 1) {
    await delay(60_000);
    const now = await look();
    note('hidden', { minute, tiles: now.contributed - contributed, ...now });
    if (now.visible !== 'hidden') failures.push(`minute ${minute}: it is seen`);
    const isUseful = now.ready && now.links > 0 && now.contributed > contributed;
    const saysWhy = now.paused && now.why || !['joined', 'starting'].includes(now.status) && now.said;
    if (!isUseful && !saysWhy) failures.push(`minute ${minute}: neither useful nor gone, and says nothing`);
    ({ contributed } = now);
  }
  await page.bringToFront();
  await until('seen again and a member', async () => { const now = await look(); return now.visible === 'visible' && now.ready; });
  note('seen again', { tilesWhileHidden: contributed - begun, ...await look() });
  return failures;
}

/** As a laptop that is closed: no process of the browser runs. It comes back by itself, with its own picture whole. */
async function suspended({ browser, page, look }) {
  await page.evaluate((view) => void window.millefeuille.launch({ ...view, width: 2048, height: 2048 }), VIEW);
  const own = () => page.evaluate(() => {
    const job = window.millefeuille.state().jobs.findLast(({ mine }) => mine);
    return job && { state: job.state, done: job.done, total: job.total };
  });
  await until('an own picture under way', async () => { const job = await own(); return job?.done > 0 && job.state === 'running'; });
  const before = { ...await look(), own: await own() };
  note('before', before);
  const all = processesOf(browser.process().pid);
  for (const pid of all) process.kill(pid, 'SIGSTOP');
  note('stopped', { processes: all.length });
  await delay(minutes * 60_000);
  for (const pid of all) process.kill(pid, 'SIGCONT');
  const resumed = Date.now();
  note('resumed', { ...await look(), own: await own() });
  const failures = [];
  await until('a member again, with links', async () => { const now = await look(); return now.ready && now.links > 0; });
  note('a member again', { seconds: (Date.now() - resumed) / 1000, ...await look(), own: await own() });
  if ((await own()).done < before.own.done) failures.push('tiles of its own picture are lost');
  const { contributed } = await look();
  await until('work again', async () => (await look()).contributed > contributed, 2 * PATIENCE);
  note('works again', { seconds: (Date.now() - resumed) / 1000 });
  await until('its own picture', async () => (await own()).state === 'finished', 5 * PATIENCE);
  note('its own picture is whole', { seconds: (Date.now() - resumed) / 1000, ...await look(), own: await own() });
  return failures;
}

/** Bytes in use once what is garbage is gone: of the page's thread, of its workers, and of the whole process. */
async function memory(page) {
  const usage = async (client) => {
    await client.send('HeapProfiler.collectGarbage');
    const { usedSize, backingStorageSize = 0 } = await client.send('Runtime.getHeapUsage');
    return usedSize + backingStorageSize;
  };
  const session = await page.createCDPSession();
  const main = await usage(session);
  await session.detach();
  const workers = [];
  for (const worker of page.workers()) workers.push(await usage(worker.client));
  return { main, workers: workers.reduce((sum, each) => sum + each, 0), workerCount: workers.length };
}

/** Largest resident set of a renderer, in bytes. */
function resident(browser) {
  const sizes = processesOf(browser.process().pid).map((pid) => {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('--type=renderer')) return 0;
      return 1024 * Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
    } catch {
      return 0; // it ended just now
    }
  });
  return Math.max(...sizes);
}

/** Computing in sight: memory after a third of the time and at its end, and connections that are left. */
async function computing({ browser, page, look }) {
  const samples = [];
  const end = Date.now() + minutes * 60_000;
  while (Date.now() < end) {
    await delay(SAMPLE);
    const { made, open, links, contributed, ready } = await look();
    samples.push({ open, links, rss: resident(browser), ...await memory(page) });
    note('computing', { ready, contributed, made, ...samples.at(-1) });
  }
  // The least of several: what is in use for tiles under way comes and goes.
  const least = (part, name) => Math.min(...part.map((each) => each[name]));
  const warm = samples.slice(Math.floor(samples.length * WARM_PART));
  const [early, late] = [warm.slice(0, Math.ceil(warm.length / 4)), warm.slice(-Math.ceil(warm.length / 4))];
  const failures = [];
  for (const name of ['main', 'workers', 'rss']) {
    const growth = least(late, name) / least(early, name);
    note('growth', { of: name, early: least(early, name), late: least(late, name), growth });
    if (name !== 'rss' && growth > GROWTH_MAX) failures.push(`${name}: ${growth.toFixed(3)} times`);
  }
  // A link that ends lives on a moment; what is made and never closed would add up.
  const surplus = Math.min(...samples.slice(-4).map(({ open, links }) => open - links));
  if (surplus > 2) failures.push(`${surplus} connections more than links`);
  return failures;
}

process.on('SIGINT', () => { for (const end of ends) end(); process.exit(130); });
try {
  await main();
} catch (error) {
  note('FAILED', { error: String(error?.stack ?? error) });
  process.exitCode = 1;
} finally {
  for (const end of ends.splice(0).reverse()) end();
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
}
process.exit();
