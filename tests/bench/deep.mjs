// Deep pictures: native, one core, against a plain loop in f64 in the same run.
//
// The program is crates/fractal/examples/deep; it prints the rows itself.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const deep = process.env.MILLEFEUILLE_DEEP_BIN ?? here('../../target/release/examples/deep');
execFileSync(deep, { stdio: 'inherit' });
