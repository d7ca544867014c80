// Runs every wasm test in Node.
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const tests = readdirSync(folder).filter((name) => name.endsWith('.test.mjs'));
const runner = spawn(process.execPath, ['--test', '--test-reporter=spec', ...tests],
  { cwd: folder, stdio: 'inherit', env: process.env });
runner.on('exit', (code) => process.exit(code ?? 1));
