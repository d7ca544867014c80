// Routing: messages that one node passes on in a second of one core, natively and in wasm.
//
// The measurement is crates/sim/src/passing.rs. crates/sim/examples/route prints the native row.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { loadSimulator } from '../simulator.mjs';

const WARM_UP = 50_000n;
const MESSAGES = 200_000n;
/** Messages a second that the design wants in wasm. */
const WANTED = 100_000;

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const route = process.env.MILLEFEUILLE_ROUTE_BIN ?? here('../../target/release/examples/route');
process.exitCode = spawnSync(route, { stdio: 'inherit' }).status ?? 1;

const { pass } = await loadSimulator('release');
pass(WARM_UP);
const start = process.cpuUsage();
const passed = Number(pass(MESSAGES));
const { user, system } = process.cpuUsage(start);
const rate = (passed * 1e6) / (user + system);
console.log(JSON.stringify({
  section: 'route',
  name: 'wasm / 100,000 messages a second',
  ratio: rate / WANTED,
  detail: `${passed} of ${MESSAGES} passed on`,
  pass: rate >= WANTED,
}));
