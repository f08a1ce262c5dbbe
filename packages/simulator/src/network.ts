/**
 * A simulated network of connections as TCP makes them: in order, with a delay of their own for every pair of places, and
 * whole until they break; what was under way then is lost. A cut between two places holds frames back; they go on when it is
 * healed, unless one end has given up meanwhile.
 *
 * In adversarial mode frames between peers are also lost, doubled and delivered out of order, which no TCP does.
 */
import { Traffic } from "./checkers/traffic.ts";
import type { Counters } from "./counters.ts";
import type { Random } from "./random.ts";
import type { Timeline } from "./timeline.ts";

/** A peer or a browser, by name. */
export type Place = string;

/** What one end of a connection is told. `note` is what the sender put beside the bytes, for checkers. */
export interface Listener {
  readonly frame: (bytes: Uint8Array, note: number) => void;
  readonly closed: (code: number) => void;
  readonly congested?: () => void;
  readonly drained?: () => void;
}

const NEAR_MS = [1, 3] as const;
const FAR_MS = [5, 80] as const;
const SATELLITE_MS = [200, 600] as const;

/** RFC 6455: the connection broke without a word. */
export const ABNORMAL = 1006;

interface Item {
  readonly bytes: Uint8Array | undefined;
  readonly note: number;
  readonly code: number;
}

export interface NetworkOptions {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly counters: Counters;
  readonly adversarial: boolean;
}

export class Network {
  readonly timeline: Timeline;
  readonly random: Random;
  readonly counters: Counters;
  adversarial: boolean;
  /** Of frames between peers. */
  readonly traffic = new Traffic();
  /** Looks at every frame that one peer sends another. */
  overhear: ((bytes: Uint8Array, from: Place, to: Place) => void) | undefined;
  /** One-way cuts: "from>to". */
  readonly #cuts = new Map<string, number>();
  readonly #delays = new Map<string, number>();
  readonly #connections = new Set<Connection>();

  constructor({ timeline, random, counters, adversarial }: NetworkOptions) {
    this.timeline = timeline;
    this.random = random;
    this.counters = counters;
    this.adversarial = adversarial;
  }

  connect(from: Place, to: Place, betweenPeers: boolean): Connection {
    const connection = new Connection(this, from, to, betweenPeers);
    this.#connections.add(connection);
    return connection;
  }

  isCut(from: Place, to: Place): boolean {
    return this.#cuts.has(`${from}>${to}`);
  }

  /** Cuts one direction. Cuts of the same direction add up. */
  cut(from: Place, to: Place): void {
    const key = `${from}>${to}`;
    this.#cuts.set(key, (this.#cuts.get(key) ?? 0) + 1);
  }

  heal(from: Place, to: Place): void {
    const key = `${from}>${to}`;
    const left = (this.#cuts.get(key) ?? 0) - 1;
    if (left > 0) {
      this.#cuts.set(key, left);
      return;
    }
    this.#cuts.delete(key);
    for (const connection of [...this.#connections]) connection.release();
  }

  healAll(): void {
    this.#cuts.clear();
    for (const connection of [...this.#connections]) connection.release();
  }

  /** Connections between two places, in either direction. */
  between(one: Place, other: Place): Connection[] {
    return [...this.#connections].filter(
      ({ from, to }) => (from === one && to === other) || (from === other && to === one),
    );
  }

  all(): Connection[] {
    return [...this.#connections];
  }

  /** Milliseconds for one frame. */
  delay(from: Place, to: Place): number {
    const key = from < to ? `${from}>${to}` : `${to}>${from}`;
    let base = this.#delays.get(key);
    if (base === undefined) {
      const kind = this.random.between(1, 10);
      const [least, most] = kind <= 5 ? NEAR_MS : kind <= 9 ? FAR_MS : SATELLITE_MS;
      base = this.random.between(least, most);
      this.#delays.set(key, base);
    }
    return base + (this.random.chance(0.2) ? this.random.exponential(base) : 0);
  }

  forget(connection: Connection): void {
    this.#connections.delete(connection);
  }
}

/** The way from one end of a connection to the other. */
interface Way {
  readonly from: Place;
  readonly to: Place;
  listener: Listener | undefined;
  lastArrival: number;
  bytesWaiting: number;
  congested: boolean;
  /** Frames that have come as far as a cut, or as a reader who does not read. */
  readonly held: Item[];
  reading: boolean;
  closed: boolean;
}

export class Connection {
  readonly from: Place;
  readonly to: Place;
  readonly #network: Network;
  readonly #ways: readonly [Way, Way];
  /** Bytes under way in one direction above which the sender is told that it is congested. */
  budgetBytes = Number.POSITIVE_INFINITY;
  #broken = false;
  #breaksInFrame = false;
  readonly betweenPeers: boolean;

  constructor(network: Network, from: Place, to: Place, betweenPeers: boolean) {
    this.betweenPeers = betweenPeers;
    this.from = from;
    this.to = to;
    this.#network = network;
    this.#ways = [createWay(from, to), createWay(to, from)];
  }

  get open(): boolean {
    return !this.#broken && !this.#ways[0].closed && !this.#ways[1].closed;
  }

  /** True while something holds frames back. */
  get stalled(): boolean {
    return this.#ways.some((way) => way.held.length > 0 || !this.#passes(way));
  }

  /** What is told to the end at `side`: 0 = the one who dialled. */
  listen(side: 0 | 1, listener: Listener): void {
    this.#ways[1 - side]!.listener = listener;
  }

  send(side: 0 | 1, bytes: Uint8Array, note = 0): void {
    const way = this.#ways[side];
    if (this.#broken || way.closed) return;
    this.#account(way, bytes.length, side);
    const { random, counters } = this.#network;
    if (this.betweenPeers) {
      this.#network.traffic.note(this.#network.timeline.now, way.from, way.to, bytes.length);
      this.#network.overhear?.(bytes, way.from, way.to);
    }
    const adversarial = this.#network.adversarial && this.betweenPeers;
    if (adversarial && random.chance(0.01)) {
      counters.framesDropped++;
      this.#account(way, -bytes.length, side);
      return;
    }
    if (this.#breaksInFrame) return this.#breakInFrame(way);
    const item = { bytes, note, code: 0 };
    this.#schedule(way, side, item, adversarial && random.chance(0.02));
    if (adversarial && random.chance(0.02)) {
      counters.framesDuplicated++;
      this.#account(way, bytes.length, side);
      this.#schedule(way, side, item, true);
    }
  }

  /** Says goodbye after everything that was sent. */
  close(side: 0 | 1, code: number): void {
    const way = this.#ways[side];
    if (this.#broken || way.closed) return;
    way.closed = true;
    this.#schedule(way, side, { bytes: undefined, note: 0, code }, false);
    // The side that closed hears nothing more.
    this.#ways[1 - side]!.listener = undefined;
  }

  /** Ends it now: what is under way is lost. Either end learns of it when it can; `gone` tells which side no longer exists. */
  break(gone?: 0 | 1): void {
    if (this.#broken) return;
    this.#network.counters.brokenConnections++;
    this.#broken = true;
    if (gone !== undefined) this.#ways[1 - gone]!.listener = undefined;
    let told = false;
    for (const side of [0, 1] as const) {
      const way = this.#ways[side];
      way.held.length = 0;
      way.closed = true;
      way.lastArrival = this.#network.timeline.now;
      if (way.listener === undefined) continue;
      told = true;
      this.#schedule(way, side, { bytes: undefined, note: 0, code: ABNORMAL }, false);
    }
    if (!told) this.#network.forget(this);
  }

  /** The next frame arrives in part only: to the other end it is lost, and the connection with it. */
  breakInNextFrame(): void {
    this.#breaksInFrame = true;
  }

  #breakInFrame({ from, to }: Way): void {
    const { timeline, counters } = this.#network;
    counters.midFrameCuts++;
    this.#breaksInFrame = false;
    timeline.after(Math.floor(this.#network.delay(from, to) / 2), () => this.break());
  }

  /** A reader who pauses lets frames pile up. */
  setReading(side: 0 | 1, reading: boolean): void {
    const way = this.#ways[1 - side]!;
    way.reading = reading;
    if (reading) this.release();
  }

  /** Lets go of what is held, where nothing holds it any more. */
  release(): void {
    for (const side of [0, 1] as const) {
      const way = this.#ways[side];
      if (way.held.length === 0 || !this.#passes(way)) continue;
      const items = way.held.splice(0);
      way.lastArrival = this.#network.timeline.now;
      for (const item of items) this.#schedule(way, side, item, false);
    }
  }

  #schedule(way: Way, side: 0 | 1, item: Item, outOfOrder: boolean): void {
    const { timeline, counters } = this.#network;
    let arrival = timeline.now + this.#network.delay(way.from, way.to);
    if (outOfOrder) {
      counters.framesReordered++;
      arrival += this.#network.random.between(1, 400);
    } else {
      arrival = Math.max(arrival, way.lastArrival);
      way.lastArrival = arrival;
    }
    timeline.at(arrival, () => {
      // What was under way when the connection broke is lost.
      if (!this.#broken || item.code === ABNORMAL) this.#arrive(way, side, item);
    });
  }

  #arrive(way: Way, side: 0 | 1, item: Item): void {
    if (way.held.length > 0 || !this.#passes(way)) {
      way.held.push(item);
      return;
    }
    const { listener } = way;
    if (item.bytes !== undefined) {
      this.#account(way, -item.bytes.length, side);
      listener?.frame(item.bytes, item.note);
      return;
    }
    way.listener = undefined;
    this.#network.forget(this);
    this.#ways[1 - side]!.closed = true;
    way.closed = true;
    listener?.closed(item.code);
  }

  #passes(way: Way): boolean {
    return way.reading && !this.#network.isCut(way.from, way.to);
  }

  #account(way: Way, bytes: number, side: 0 | 1): void {
    way.bytesWaiting += bytes;
    // The sender at `side` listens on the other way.
    const sender = this.#ways[1 - side]!.listener;
    if (!way.congested && way.bytesWaiting > this.budgetBytes) {
      way.congested = true;
      sender?.congested?.();
    } else if (way.congested && way.bytesWaiting <= this.budgetBytes / 16) {
      way.congested = false;
      sender?.drained?.();
    }
  }
}

function createWay(from: Place, to: Place): Way {
  return {
    from,
    to,
    listener: undefined,
    lastArrival: 0,
    bytesWaiting: 0,
    congested: false,
    held: [],
    reading: true,
    closed: false,
  };
}
