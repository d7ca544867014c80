/** A peer of a Millefeuille network in a page: one import, one call, and a visitor's consent. */

export interface Options {
  /** The introducer, `https://…` or `wss://…`; without it the one that this module came from. */
  server?: string;
  /**
   * Asks the visitor and resolves to their answer. It must resolve while a press of theirs is
   * fresh (`navigator.userActivation.isActive`), so let it be a button of a dialog that names what
   * runs, that others see the visitor's IP address, and how to stop.
   */
  consent: () => Promise<boolean>;
  /** Tile workers; half of the machine's cores otherwise. */
  cores?: number;
  /** Percent of their time that they compute, 10 to 100. */
  intensity?: number;
  /** What pauses this peer by itself, or slows it. */
  pauseWhen?: { battery?: boolean; hidden?: boolean; metered?: boolean; pressure?: boolean };
  /** Leaves when aborted. */
  signal?: AbortSignal;
  /** Connects through TURN servers only, so that peers do not see the visitor's IP address. */
  relayOnly?: boolean;
  /** Where the peer's key is kept: for this page's life, or in IndexedDB. */
  storage?: 'memory' | 'indexeddb';
}

/** What to render. Numbers of the place are decimal text of any precision. */
export interface Picture {
  formula: string;
  re: string;
  im: string;
  /** 1 shows a width of 4 units. */
  zoom: string;
  c_re?: string;
  c_im?: string;
  max_iter: number;
  width: number;
  height: number;
  palette?: string;
  /** Bands of colour, 1 is usual. */
  density?: number;
  /** Where the palette begins, in turns. */
  offset?: number;
}

/** A painted part of a picture; close its bitmap when it is drawn. */
export interface Tile {
  task: number;
  x: number;
  y: number;
  width: number;
  height: number;
  /** Who computed it. */
  worker: string;
  bitmap: ImageBitmap;
}

/** A picture under way: its tiles as they come, for one reader. */
export interface Job extends AsyncIterable<Tile> {
  /** Of the network once it has the job. */
  readonly id: string;
  /** Tiles in all, 0 before the job has begun. */
  readonly total: number;
  readonly received: number;
  /** Settles with the job; rejects with the reason when it is refused or cancelled. */
  readonly done: Promise<void>;
  cancel(): void;
}

export interface Stats {
  id: string | null;
  /** A full member of the ring. */
  ready: boolean;
  links: number;
  server: 'off' | 'connecting' | 'connected' | 'unreachable' | 'refused';
  workers: number;
  busy: number;
  /** Tiles computed. */
  contributed: number;
  /** Jobs that this peer owns or takes part in. */
  jobs: number;
  /** Bytes over links. */
  sent: number;
  received: number;
  paused: boolean;
  /** Why it is paused or slowed; empty otherwise. */
  why: string;
}

/** Events: `change`, `log` (detail: a sentence), `left` (detail: the reason). */
export interface Peer extends EventTarget {
  /** Computes for nobody, for a while or until `resume`. */
  pause(millis?: number): void;
  resume(): void;
  /** Does the tiles in hand, then leaves. */
  finish(): Promise<void>;
  /** Says goodbye and disconnects. */
  leave(): Promise<void>;
  /** Renders a picture with whoever helps. */
  submit(picture: Picture): Job;
  stats(): Stats;
}

export class ConsentRequired extends Error {}

/**
 * Becomes a peer; resolves once it has its key.
 * @throws ConsentRequired when the visitor did not agree, or not by a fresh press.
 */
export function join(options: Options): Promise<Peer>;
