// What wasm-bindgen makes of crates/browser with the feature `kernel`, as far as the page uses it.
//
// For the type check only; each method is described in crates/browser/src/kernel.rs.

export class Tile {
  constructor(params: Uint8Array, task: number);
  step(budget: number): boolean;
  finish(): Uint8Array<ArrayBuffer>;
  free(): void;
}

export class Inspection {
  constructor(params: Uint8Array, task: number, payload: Uint8Array, seed: bigint, places: number);
  step(budget: number): boolean;
  finish(): boolean;
  free(): void;
}

export class Counts {
  add(payload: Uint8Array, width: number, height: number): void;
  free(): void;
}

export class Brush {
  constructor(palette: string, density: number, offset: number, formula: string);
  ranked(counts: Counts): Brush;
  ring(): Uint8Array<ArrayBuffer>;
  paint(payload: Uint8Array, width: number, height: number): Uint8Array<ArrayBuffer>;
  free(): void;
}

/** Described in crates/browser/src/look.rs. */
export function turns(payload: Uint8Array, width: number, height: number, formula: string): Int32Array<ArrayBuffer>;
export function surprise(seed: bigint, index: number, width: number, height: number): string;

export default function init(from?: { module_or_path: WebAssembly.Module }): Promise<unknown>;
