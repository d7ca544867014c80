// The kernel module of the page, outside the page: in Node.
import { createHash } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const target = fileURLToPath(new URL('../target/', import.meta.url));

/** A program that prints random tiles with their digests (`tests/bin/tiles.rs`). */
export function tilesProgram(profile) {
  return process.env.MILLEFEUILLE_TILES_BIN ?? join(target, profile, 'tiles');
}

/** The program that measures every engine of this machine (`crates/simd/examples/kernels.rs`). */
export function kernelsProgram() {
  return process.env.MILLEFEUILLE_KERNELS_BIN ?? join(target, 'release', 'examples', 'kernels');
}

/** Loads the kernel from the folder that `cargo xtask web` wrote. */
export async function loadKernel(web = process.env.MILLEFEUILLE_WEB_DIR ?? join(target, 'web')) {
  const folder = join(web, readdirSync(web).find((name) => name.startsWith('app-')));
  const kernel = await import(pathToFileURL(join(folder, 'kernel.js')));
  kernel.initSync({ module: readFileSync(join(folder, 'kernel_bg.wasm')) });
  return kernel;
}

/** The bytes of one task. */
export function computeTile(kernel, paramsHex, task) {
  const tile = new kernel.Tile(Buffer.from(paramsHex, 'hex'), task);
  while (!tile.step(1e9));
  return tile.finish();
}

export function digest(bytes) {
  return createHash('sha256').update(bytes).digest('hex');
}
