// What strangers send has the same verdict natively and in wasm: the corpus of tests/fuzz, replayed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const corpus = `${root}tests/fuzz/corpus`;
const native = process.env.MILLEFEUILLE_VERDICTS_BIN ?? `${root}target/debug/verdicts`;
const module = process.env.MILLEFEUILLE_FUZZ_WASM
  ?? `${root}target/wasm32-unknown-unknown/wasm-node/fuzz.wasm`;
/** In the order of `FAMILIES` in tests/fuzz/src/lib.rs. */
const FAMILIES = ['frame', 'parcel', 'chunk', 'record', 'signal', 'job', 'tile', 'room', 'node'];

test('the corpus has equal verdicts natively and in wasm', async () => {
  const lines = execFileSync(native, [corpus], { encoding: 'utf8', maxBuffer: 1 << 26 }).trim().split('\n');
  const { instance } = await WebAssembly.instantiate(readFileSync(module), {});
  const { push, judge } = instance.exports;
  const seen = new Set();
  for (const line of lines) {
    const [family, name, expected] = line.split(' ');
    for (const byte of readFileSync(`${corpus}/${family}/${name}`)) push(byte);
    const verdict = BigInt.asUintN(64, judge(FAMILIES.indexOf(family)));
    assert.equal(verdict.toString(16).padStart(16, '0'), expected, `${family} ${name}`);
    seen.add(family);
  }
  assert.deepEqual([...seen].sort(), [...FAMILIES].sort());
});
