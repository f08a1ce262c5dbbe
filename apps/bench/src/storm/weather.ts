/** Carries out a plan of faults on a proxy and on the processes behind it, and heals all of them in the end. */
import type { PeerProcess } from "../processes.ts";
import type { Span } from "../results.ts";
import { pause } from "../waiting.ts";
import type { FaultProxy } from "./fault-proxy.ts";
import type { PeerIndex } from "./faults.ts";
import { type FaultKind, type PlannedFault, survivorsOf } from "./plan.ts";

export class Weather {
  /** What was done, in the time of the storm. */
  readonly spans: Span[] = [];
  kills = 0;
  private readonly proxy: FaultProxy;
  private readonly peers: readonly PeerProcess[];
  private readonly underWay = new Map<() => void, NodeJS.Timeout>();
  private readonly restarts = new Map<PeerProcess, Promise<void>>();
  private failure: unknown;

  constructor(proxy: FaultProxy, peers: readonly PeerProcess[]) {
    this.proxy = proxy;
    this.peers = peers;
  }

  /** Peers that are down or starting because they were killed. */
  isDown(peer: PeerProcess): boolean {
    return this.restarts.has(peer);
  }

  get faultsUnderWay(): number {
    return this.underWay.size;
  }

  /** Errors: a killed peer did not start again. */
  strike(fault: PlannedFault): void {
    if (this.failure !== undefined) throw this.failure;
    const fromSeconds = fault.atMs / 1_000;
    if (fault.kind === "kill -9" && !this.kill(fault)) return;
    this.spans.push({ lane: fault.kind, fromSeconds, toSeconds: fromSeconds + fault.forMs / 1_000 });
    const ends = this.begin(fault);
    if (ends.length === 0) return;
    const end = () => {
      clearTimeout(this.underWay.get(end));
      if (this.underWay.delete(end)) for (const each of ends) each();
    };
    this.underWay.set(end, setTimeout(end, fault.forMs));
  }

  /** Ends every fault that is under way and waits until every killed peer listens again. */
  async heal(): Promise<void> {
    for (const end of this.underWay.keys()) end();
    await Promise.all(this.restarts.values());
    if (this.failure !== undefined) throw this.failure;
  }

  private begin({ kind, from, to, amount }: PlannedFault): (() => void)[] {
    const { faults } = this.proxy;
    const all = this.peers.map((_, at) => at);
    switch (kind) {
      case "delay":
        return [faults.begin(from, to, { delayMs: amount }), faults.begin(to, from, { delayMs: amount })];
      case "stall":
        return [faults.begin(from, to, { stalls: 1 })];
      case "blackhole":
        return [faults.begin(from, to, { holes: 1 }), faults.begin(to, from, { holes: 1 })];
      case "one-way blackhole":
        return [faults.begin(from, to, { holes: 1 })];
      case "island":
        return all
          .filter((other) => other !== from)
          .flatMap((other) => [faults.begin(from, other, { holes: 1 }), faults.begin(other, from, { holes: 1 })]);
      case "outage":
        return all.flatMap((one) =>
          all
            .filter((other) => other !== one)
            .map((other) => {
              this.proxy.reset(one, other);
              return faults.begin(one, other, { refusals: 1 });
            }),
        );
      case "half-close":
        this.proxy.halfClose(...this.liveLink(from, to));
        return [];
      case "mid-frame reset":
        this.proxy.cutNext(...this.liveLink(from, to), amount);
        return [];
      case "kill -9":
        return [];
      default:
        return kind satisfies never;
    }
  }

  /** The planned link, or the next one on which anything passes: what hits a dead link is no fault. */
  private liveLink(from: PeerIndex, to: PeerIndex): [PeerIndex, PeerIndex] {
    const { length } = this.peers;
    for (let step = 0; step < length * length; step++) {
      const other = [(from + Math.floor(step / length)) % length, (to + step) % length] as const;
      if (other[0] !== other[1] && this.proxy.isAlive(...other)) return [...other];
    }
    return [from, to];
  }

  /** Kills the planned peer, or the next that is up; false when there is none. */
  private kill({ from, forMs }: PlannedFault): boolean {
    const survivors = survivorsOf(this.peers.length);
    const candidates = [...this.peers.slice(from), ...this.peers.slice(survivors, from)];
    const victim = candidates.find((peer) => peer.isReady && !this.restarts.has(peer));
    if (victim === undefined) return false;
    this.kills++;
    const restarted = this.restart(victim, forMs)
      .catch((error: unknown) => void (this.failure ??= error))
      .finally(() => this.restarts.delete(victim));
    this.restarts.set(victim, restarted);
    return true;
  }

  private async restart(victim: PeerProcess, downMs: number): Promise<void> {
    await victim.kill();
    await pause(downMs);
    await victim.restart();
  }
}

/** How often each kind of fault was begun. */
export function countByKind(spans: readonly Span[], kind: FaultKind): number {
  return spans.filter(({ lane }) => lane === kind).length;
}
