// What wasm-bindgen makes of crates/browser with the feature `node`, as far as the page uses it.
//
// For the type check only; each method is described in crates/browser/src/page.rs.

import type { Picture } from './view.js';

/** What `node-worker.js` does for the peer; see crates/browser/src/host.rs. */
export interface Host {
  post(note: object, transfer: Transferable[]): void;
  worker(): Worker;
  /** Throws before there is a key. */
  sign(bytes: Uint8Array): Promise<Uint8Array>;
  keepVoucher(voucher: Uint8Array, introducers: string): void;
}

export class Peer {
  constructor(host: Host);
  join(urls: string, publicKey: Uint8Array, epoch: number, voucher: Uint8Array): void;
  leave(): void;
  cores(count: number, paused: boolean, intensity: number): void;
  finish(): void;
  launch(picture: string, view: Picture): void;
  watch(job: string): void;
  list(): void;
  cancel(job: string): void;
  preview(picture: string, view: Picture, urgent: boolean, only?: number): void;
  forget(prefix: string): void;
  retry(): void;
  channel(link: number, bulk: boolean, channel: RTCDataChannel): void;
  described(link: number, sdp: string): void;
  broken(link: number, reason: string): void;
}

export default function init(): Promise<unknown>;
