// One seed is one run, natively and in wasm: the digest of everything that happens in a small world
// with every fault. Two hundred seeds: `cargo xtask bench trace`.
import assert from 'node:assert/strict';
import test from 'node:test';
import { loadSimulator, nativeTraces, wasmTrace } from '../simulator.mjs';

const SEEDS = 8;

test('the simulator runs the same natively and in wasm', async () => {
  const simulator = await loadSimulator('wasm-node');
  const traces = nativeTraces('debug', SEEDS);
  assert.equal(traces.length, SEEDS);
  for (const [seed, trace] of traces) assert.equal(wasmTrace(simulator, seed), trace, `seed ${seed}`);
});
