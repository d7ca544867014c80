// Deep pictures on one core: the fastest native engine and the page's wasm on the same tiles, and both
// against a plain loop in f64 in the same run.
//
// Seconds are the processor's, so that what else the machine does disturbs both sides of a ratio alike.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { loadKernel } from '../kernel.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const deep = process.env.MILLEFEUILLE_DEEP_BIN ?? here('../../target/release/examples/deep');
const size = process.env.MILLEFEUILLE_DEEP_SIZE ?? '1024x768';

function row(name, ratio, pass, detail) {
  console.log(JSON.stringify({ section: 'deep', name, ratio, pass, detail }));
}

const kernel = await loadKernel();
const lines = execFileSync(deep, [size], { maxBuffer: 1 << 26 }).toString().trim().split('\n');
for (const line of lines) {
  const native = JSON.parse(line);
  const share = native.orbit_seconds / native.seconds;
  row(`zoom ${native.name}, ${native.engine} / plain loop`, native.ratio, share <= 0.1,
    `${size} in ${native.seconds.toFixed(2)} s, ${(100 * share).toFixed(1)} % of it the orbit and its `
    + `${native.orbit_bytes} bytes; mean count ${Math.round(native.iterations / native.width / native.height)}`);
  const params = Buffer.from(native.params, 'hex');
  const start = process.cpuUsage().user;
  for (let task = 0; task < native.tasks; task++) {
    const tile = new kernel.Tile(params, task);
    while (!tile.step(1e9));
    tile.free();
  }
  const seconds = (process.cpuUsage().user - start) / 1e6;
  row(`zoom ${native.name}, wasm time / ${native.engine} time`, seconds / native.seconds,
    seconds <= 1.6 * native.seconds, `wasm simd128 in Node ${process.version} ${seconds.toFixed(2)} s`);
}
