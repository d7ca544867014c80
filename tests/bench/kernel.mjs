// The kernel: wasm in a real engine against native, the same tile in the same run.
import { execFileSync } from 'node:child_process';
import { computeTile, loadKernel, tilesProgram } from '../kernel.mjs';

const native = JSON.parse(execFileSync(tilesProgram('release'), ['--time']).toString());
const kernel = await loadKernel();
let best = Infinity;
for (let run = 0; run < 6; run++) {
  const start = performance.now();
  computeTile(kernel, native.params, native.task);
  best = Math.min(best, (performance.now() - start) / 1000);
}
const ms = (seconds) => `${(seconds * 1000).toFixed(1)} ms`;
console.log(JSON.stringify({ section: 'kernel', name: 'wasm / native speed, one tile',
  ratio: native.seconds / best, pass: null,
  detail: `native ${ms(native.seconds)}, wasm simd128 in Node ${process.version} ${ms(best)}` }));
