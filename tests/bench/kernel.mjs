// The kernels: every engine against the limit of its own instructions and against a plain loop, and
// the page's wasm in a real engine against native SSE2. All numbers of a ratio are of this run.
//
// Speeds are useful iterations per second of the processor's time, so that what else the machine does
// disturbs both sides of a ratio alike.
import { execFileSync } from 'node:child_process';
import { computeTile, kernelsProgram, loadKernel, tilesProgram } from '../kernel.mjs';

const RUNS = 5;
const VIEWS = ['full', 'seahorse', 'seaesc'];

function row(name, ratio, least, detail) {
  const pass = least === null ? null : ratio >= least;
  console.log(JSON.stringify({ section: 'kernel', name, ratio, pass, detail }));
}

const giga = (speed) => `${(speed / 1e9).toFixed(2)} Gi/s`;
const lines = execFileSync(kernelsProgram(), [String(RUNS)]).toString().trim().split('\n').map((line) => JSON.parse(line));
const speeds = new Map(lines.filter((line) => line.engine).map((line) => [`${line.engine} ${line.what}`, line]));
const speed = (engine, what) => speeds.get(`${engine} ${what}`)?.speed;

for (const engine of ['SSE2', 'AVX2', 'AVX-512']) {
  const limit = speed(engine, 'limit');
  if (!limit) continue;
  for (const view of VIEWS) {
    const all = speed(engine, `${view}, all`);
    row(`${engine} / its limit, ${view}`, all / limit, engine === 'SSE2' ? null : 0.75,
      `${giga(all)} without skipping, limit ${giga(limit)}`);
  }
  for (const view of VIEWS) {
    const [all, skipping, loop] = [speed(engine, `${view}, all`), speed(engine, `${view}, skipping`), speed('plain', `${view}, loop`)];
    row(`${engine} / plain loop, ${view}`, all / loop, engine === 'AVX-512' ? 14 : null,
      `loop ${giga(loop)}; with skipping ${giga(skipping)}`);
  }
}

const kernel = await loadKernel();
const seconds = () => process.cpuUsage().user / 1e6;

/** Seconds for a tile in the median, without its encoding. */
function median(params, task) {
  const times = [];
  for (let run = 0; run < RUNS; run++) {
    const start = seconds();
    const tile = new kernel.Tile(params, task);
    while (!tile.step(1e9));
    times.push(seconds() - start);
    tile.free();
  }
  return times.sort((a, b) => a - b)[RUNS >> 1];
}

for (const { view, params, tasks } of lines.filter((line) => line.view)) {
  const native = speeds.get(`SSE2 ${view}, skipping`);
  if (!native) continue;
  let total = 0;
  for (let task = 0; task < tasks; task++) total += median(Buffer.from(params, 'hex'), task);
  const wasm = native.iterations / total;
  row(`wasm / native SSE2, ${view}`, wasm / native.speed, 0.85,
    `wasm simd128 in Node ${process.version} ${giga(wasm)}, SSE2 ${giga(native.speed)}, both skipping`);
}

// One dear tile with the fastest engine of the machine, encoded.
const native = JSON.parse(execFileSync(tilesProgram('release'), ['--time']).toString());
let best = Infinity;
for (let run = 0; run < 6; run++) {
  const start = performance.now();
  computeTile(kernel, native.params, native.task);
  best = Math.min(best, (performance.now() - start) / 1000);
}
const ms = (time) => `${(time * 1000).toFixed(1)} ms`;
row('wasm / native speed, one tile', native.seconds / best, null,
  `native ${ms(native.seconds)}, wasm simd128 in Node ${process.version} ${ms(best)}`);
