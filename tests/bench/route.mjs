// Routing: messages that one node passes on in a second of one core.
//
// The measurement is crates/overlay/examples/route; it prints the row.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const route = process.env.MILLEFEUILLE_ROUTE_BIN ?? here('../../target/release/examples/route');
process.exitCode = spawnSync(route, { stdio: 'inherit' }).status ?? 1;
