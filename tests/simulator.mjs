// The simulator, natively and in wasm: what the wasm tests and the benches share.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const target = fileURLToPath(new URL('../target', import.meta.url));

/** The simulator's exports, built in `profile`. */
export async function loadSimulator(profile) {
  const module = `${target}/wasm32-unknown-unknown/${profile}/examples/wasm.wasm`;
  const { instance } = await WebAssembly.instantiate(readFileSync(module), {});
  return instance.exports;
}

/** The native digests of the small worlds of seeds 1 to `count`, as the program `sim` prints them. */
export function nativeTraces(profile, count) {
  const sim = process.env.MILLEFEUILLE_SIM_BIN ?? `${target}/${profile}/sim`;
  const options = { encoding: 'utf8', maxBuffer: 1 << 26, stdio: ['ignore', 'pipe', 'ignore'] };
  const text = execFileSync(sim, ['trace', '--seed', `1..${count + 1}`], options);
  return [...text.matchAll(/seed (\d+): ([0-9a-f]{16})/g)].map(([, seed, trace]) => [seed, trace]);
}

/** The digest of one small world in wasm. */
export function wasmTrace(simulator, seed) {
  return BigInt.asUintN(64, simulator.trace(BigInt(seed))).toString(16).padStart(16, '0');
}
