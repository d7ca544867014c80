// The grid: one job through two native peers of one thread each, against the same tiles in a bare
// loop on two threads, in turn.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const RUNS = 5;
const EFFICIENCY_MIN = 0.9;
// About ten seconds of work for two threads: long enough that joining and the last tile are small. Beyond
// doubles, since pictures within them are over in one.
const VIEW = ['--re', '-0.743643887037158704752', '--im', '0.131825904205311970493',
  '--zoom', '1e13', '--max-iter', '100000', '--size', '2048x1536'];

const target = fileURLToPath(new URL('../../target/release/', import.meta.url));
const millefeuille = process.env.MILLEFEUILLE_BIN ?? join(target, 'millefeuille');
const server = process.env.MILLEFEUILLE_SERVER_BIN ?? join(target, 'millefeuille-server');
const folder = mkdtempSync(join(tmpdir(), 'millefeuille-bench-'));
const children = [];

/** Starts a program and returns its first line of JSON. */
async function start(program, args) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(child);
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line);
  throw new Error(`${program} ${args[0]} printed nothing`);
}

const median = (list) => [...list].sort((a, b) => a - b)[list.length >> 1];

try {
  const { url } = await start(server, ['--listen', '127.0.0.1:0', '--web-dir', folder]);
  await start(millefeuille, ['peer', '--json', '--server', url, '--threads', '1']);
  const file = join(folder, 'picture.png');
  const bare = [], shared = [], efficiency = [];
  for (let run = 0; run < RUNS; run++) {
    const alone = await start(millefeuille,
      ['render', '--json', '--alone', '--threads', '2', ...VIEW, '-o', file]);
    const job = await start(millefeuille,
      ['render', '--json', '--server', url, '--threads', '1', ...VIEW, '-o', file]);
    if (job.peers.length !== 2) throw new Error(`not shared: ${JSON.stringify(job.peers)}`);
    bare.push(alone.seconds);
    shared.push(job.seconds);
    efficiency.push(alone.seconds / job.seconds);
  }
  const ratio = median(efficiency);
  console.log(JSON.stringify({ section: 'grid', name: 'two peers / bare loop on two threads',
    ratio, pass: ratio >= EFFICIENCY_MIN,
    detail: `bare ${median(bare).toFixed(2)} s, through the grid ${median(shared).toFixed(2)} s, `
      + `median of ${RUNS} pairs` }));
} finally {
  for (const child of children) child.kill();
  rmSync(folder, { recursive: true, force: true });
}
process.exit(0);
