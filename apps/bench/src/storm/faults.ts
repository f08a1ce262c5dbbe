/** What a fault proxy does to the traffic between two peers at one moment; and what it has done, counted. */

/** A peer by its number in the run. */
export type PeerIndex = number;

/** Traffic of one direction passes by these rules. They may hold together: all that began last until each is taken back. */
interface Rules {
  /** Each byte arrives this much later, in order. */
  delayMs: number;
  /** One write is held back and nothing more is read, so that what the sender has to say piles up at the sender. */
  stalls: number;
  /** Bytes are taken and never arrive. A connection that lost bytes is dead for good, and neither end is told. */
  holes: number;
  /** New connections are reset at once. */
  refusals: number;
}

/** How often a fault was really felt on the wire: a fault that met no traffic was none. */
export interface Felt {
  delayedBytes: number;
  /** Writes that were read and held back; what came behind them waited at its sender. */
  stalledWrites: number;
  swallowedBytes: number;
  /** Connections that lost bytes in one direction while the other went on. */
  oneWayConnections: number;
  halfClosed: number;
  /** Connections reset after a part of what was written at once. */
  cutShort: number;
  /** Connections reset between two writes, by an outage. */
  reset: number;
  refused: number;
}

export class Faults {
  readonly felt: Felt = {
    delayedBytes: 0,
    stalledWrites: 0,
    swallowedBytes: 0,
    oneWayConnections: 0,
    halfClosed: 0,
    cutShort: 0,
    reset: 0,
    refused: 0,
  };
  private readonly rulesByDirection = new Map<string, Rules>();
  private readonly watchers = new Set<() => void>();

  /** The rules of one direction as they are now; the same object for good. */
  of(from: PeerIndex, to: PeerIndex): Readonly<Rules> {
    return this.mutable(from, to);
  }

  /** Changes the rules of one direction and returns what takes the change back, which may be called once. */
  begin(from: PeerIndex, to: PeerIndex, change: Partial<Rules>): () => void {
    const rules = this.mutable(from, to);
    this.add(rules, change, 1);
    return () => this.add(rules, change, -1);
  }

  /** `look` is called after every change of rules; returns the end of that. */
  watch(look: () => void): () => void {
    this.watchers.add(look);
    return () => this.watchers.delete(look);
  }

  private add(rules: Rules, change: Partial<Rules>, sign: 1 | -1): void {
    for (const name of ["delayMs", "stalls", "holes", "refusals"] as const) rules[name] += sign * (change[name] ?? 0);
    for (const look of this.watchers) look();
  }

  private mutable(from: PeerIndex, to: PeerIndex): Rules {
    const key = `${from}>${to}`;
    let rules = this.rulesByDirection.get(key);
    if (rules === undefined) {
      rules = { delayMs: 0, stalls: 0, holes: 0, refusals: 0 };
      this.rulesByDirection.set(key, rules);
    }
    return rules;
  }
}
