// A browser on a pipe: one JSON question a line in, one JSON answer a line out.
//
// It is the only JavaScript of the whole-system tests: it drives a real Chromium or Firefox ESR
// through puppeteer and knows nothing of the product. The browser ends with standard input.
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import puppeteer from 'puppeteer-core';

// In the page it has no import, and the page's own policy allows no other script.
const axe = readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const engine = process.argv[2];
const profile = mkdtempSync(join(tmpdir(), `millefeuille-${engine}-`));
const downloads = join(profile, 'downloads');
mkdirSync(downloads);

// What a container needs (root, no GPU, no network of its own), and no WebRTC flag.
const CHROMIUM = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync',
  // Several peers on two cores are under pressure all the time, and would all be slowed by it.
  '--disable-features=ComputePressure'];

const browser = await puppeteer.launch(engine === 'firefox'
  ? { browser: 'firefox', executablePath: '/usr/bin/firefox-esr', headless: true,
      userDataDir: profile, extraPrefsFirefox: { 'browser.download.dir': downloads,
        'browser.download.folderList': 2, 'browser.download.useDownloadDir': true } }
  : { executablePath: '/usr/bin/chromium', headless: true, args: CHROMIUM, pipe: true,
      userDataDir: profile, protocolTimeout: 600_000 });

if (engine === 'chromium') {
  const session = await browser.target().createCDPSession();
  await session.send('Browser.setDownloadBehavior', { behavior: 'allow', downloadPath: downloads });
}

const pages = new Map();
let opened = 0;
/** Chromium's own protocol, for what the common one does not reach. */
const protocol = async ({ page }) => (pages.get(page).protocol ??= await pages.get(page).page.createCDPSession());

async function open({ url, before }) {
  const page = await browser.newPage();
  if (before) await page.evaluateOnNewDocument(before);
  const entry = { page, complaints: [], requests: [] };
  page.on('console', (message) => {
    if (['error', 'warn', 'warning'].includes(message.type())) entry.complaints.push(message.text());
  });
  page.on('pageerror', (error) => entry.complaints.push(String(error)));
  page.on('request', (request) => entry.requests.push(request.url()));
  await page.goto(url, { waitUntil: 'load' });
  pages.set(++opened, entry);
  return opened;
}

const actions = {
  open,
  eval: ({ page, expression }) => pages.get(page).page.evaluate(expression),
  // Asked again and again from here: the page's own policy forbids a predicate built in it.
  async wait({ page, expression, patience }) {
    const deadline = Date.now() + patience;
    for (;;) {
      const value = await pages.get(page).page.evaluate(expression).catch((error) => {
        // The page that was asked is gone, and the next one can be.
        if (!/context was destroyed/.test(error?.message)) throw error;
      });
      if (value) return value;
      if (Date.now() > deadline) throw new Error(`not within ${patience} ms`);
      await delay(50);
    }
  },
  click: ({ page, selector }) => pages.get(page).page.click(selector),
  press: ({ page, key }) => pages.get(page).page.keyboard.press(key),
  judge: ({ page }) => pages.get(page).page.evaluate(axe),
  reload: ({ page }) => pages.get(page).page.reload({ waitUntil: 'load' }).then(() => null),
  async close({ page }) {
    await pages.get(page).page.close({ runBeforeUnload: false });
    pages.delete(page);
  },
  /** The next test finds no page of this one. */
  async clear() {
    for (const page of [...pages.keys()]) await actions.close({ page });
  },
  front: ({ page }) => pages.get(page).page.bringToFront(),
  async protocol({ page, method, parameters }) {
    return (await protocol({ page })).send(method, parameters);
  },
  /** The one file that is there and whole; whoever asks takes it away. */
  async downloaded({ patience }) {
    const deadline = Date.now() + patience;
    for (;;) {
      const names = readdirSync(downloads);
      if (names.length && !names.some((name) => /\.(part|crdownload)$/.test(name))) {
        const path = join(downloads, names[0]);
        if (statSync(path).size) return { name: names[0], path };
      }
      if (Date.now() > deadline) throw new Error(`no download within ${patience} ms`);
      await delay(50);
    }
  },
  workers: ({ page }) => pages.get(page).page.workers().length,
  complaints: ({ page }) => pages.get(page).complaints,
  requests: ({ page }) => pages.get(page).requests,
  async look({ page, width, height, dark }) {
    const target = pages.get(page).page;
    // Firefox is light, whatever its driver says.
    if (engine === 'chromium') await target.emulateMediaFeatures(
      [{ name: 'prefers-color-scheme', value: dark ? 'dark' : 'light' }]);
    await target.setViewport({ width, height });
  },
  async screenshot({ file, ...how }) {
    await actions.look(how);
    await pages.get(how.page).page.screenshot({ path: file });
  },
};

function say(line) {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

say({ event: 'started' });
for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  Promise.resolve()
    .then(() => actions[question.do](question))
    .then((value) => say({ number: question.number, value: value ?? null }))
    .catch((error) => say({ number: question.number, error: String(error?.message ?? error) }));
}
await browser.close().catch(() => {});
rmSync(profile, { recursive: true, force: true });
process.exit(0);
