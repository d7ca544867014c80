// The bytes of tiles: how many there are to a pixel, how fast they are written and read, and what
// writing them costs beside the computation of the tile, natively and in the page's wasm. Of each view
// the tile of median compute time is taken, computed by the fastest engine with all that skips steps.
//
// Seconds are the processor's, so that what else the machine does disturbs both sides of a ratio alike.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { loadKernel } from '../kernel.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const program = process.env.MILLEFEUILLE_CODEC_BIN ?? here('../../target/release/examples/codec');
/** Encoding is at most this share of the computation of a median tile. */
const SHARE_MAX = 0.02;
/** Tiles of this view are computed at 10 ns a pixel, of which no encoder could make 2 %. */
const CHEAP = 'full';
/** Tiles computed before anything is measured, so that the engine has compiled what is. */
const WARM_UP = 60;

function row(name, ratio, pass, detail) {
  console.log(JSON.stringify({ section: 'codec', name, ratio, pass, detail }));
}

const verdict = (name, share) => (name === CHEAP ? null : share <= SHARE_MAX);
const speed = (pixels, seconds) => `${Math.round(pixels / seconds / 1e6)} Mpx/s`;
const ms = (seconds) => `${(seconds * 1000).toFixed(2)} ms`;
const middle = (numbers) => numbers.sort((a, b) => a - b)[numbers.length >> 1];
const seconds = () => process.cpuUsage().user / 1e6;

const kernel = await loadKernel();

/** Seconds of computing a tile, and of its bytes, each in the median. */
function measure(params, task, runs) {
  const computed = [];
  const encoded = [];
  for (let run = 0; run < runs; run++) {
    const start = seconds();
    const tile = new kernel.Tile(params, task);
    while (!tile.step(1e9));
    const between = seconds();
    tile.finish();
    computed.push(between - start);
    encoded.push(seconds() - between);
  }
  return [middle(computed), middle(encoded)];
}

const views = execFileSync(program).toString().trim().split('\n').map((line) => JSON.parse(line));
measure(Buffer.from(views[0].params, 'hex'), views[0].task, WARM_UP);
const shares = { native: [], wasm: [] };
for (const { name, engine, task, params, pixels, bytes, ...native } of views) {
  const share = native.encode / native.seconds;
  shares.native.push(share);
  row(`${name}, ${engine}, encoding / computing`, share, verdict(name, share),
    `${(bytes / pixels).toFixed(2)} bytes a pixel; encode ${speed(pixels, native.encode)}, decode `
    + `${speed(pixels, native.decode)}; computed in ${ms(native.seconds)}`);
  const [computed, encoded] = measure(Buffer.from(params, 'hex'), task, native.seconds < 0.05 ? 9 : 1);
  shares.wasm.push(encoded / computed);
  row(`${name}, wasm, encoding / computing`, encoded / computed, verdict(name, encoded / computed),
    `encode ${speed(pixels, encoded)} in Node ${process.version}; computed in ${ms(computed)}`);
}
for (const [where, all] of Object.entries(shares)) {
  const share = middle(all);
  row(`median view, ${where}, encoding / computing`, share, share <= SHARE_MAX, `${views.length} views`);
}
