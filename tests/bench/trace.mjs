// One seed is one run: 1,000 small worlds twice natively, and 200 of them in wasm.
import { loadSimulator, nativeTraces, wasmTrace } from '../simulator.mjs';

const SEEDS = 1_000;
const WASM_SEEDS = 200;

const [first, second] = [nativeTraces('release', SEEDS), nativeTraces('release', SEEDS)];
const simulator = await loadSimulator('release');

/** One row: the part of `count` seeds that `same` holds for. */
function row(name, count, same) {
  const traces = first.slice(0, count);
  const equal = traces.filter(same).length;
  const pass = traces.length === count && equal === count;
  const detail = `${equal} of ${count} seeds`;
  console.log(JSON.stringify({ section: 'trace', name, ratio: equal / count, detail, pass }));
}

row('the same twice', SEEDS, ([, trace], at) => second[at]?.[1] === trace);
row('wasm as native', WASM_SEEDS, ([seed, trace]) => wasmTrace(simulator, seed) === trace);
