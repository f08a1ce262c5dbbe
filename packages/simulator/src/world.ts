/** What everything in one simulation shares. */
import type { ClusterId } from "@yarrow/protocol";
import type { RelayConfig } from "@yarrow/relay";
import type { ReplicaConfig } from "@yarrow/replica";
import type { Counters } from "./counters.ts";
import type { Network } from "./network.ts";
import type { SimulatedPeer } from "./peer.ts";
import type { Timeline } from "./timeline.ts";
import type { Trace } from "./trace.ts";
import type { Witness } from "./witness.ts";

export interface World {
  readonly timeline: Timeline;
  readonly network: Network;
  readonly trace: Trace;
  readonly counters: Counters;
  readonly witnesses: readonly Witness[];
  readonly clusterId: ClusterId;
  readonly replicaConfig: Partial<ReplicaConfig>;
  readonly relayConfig: Partial<RelayConfig>;
  /** Who answers at an address. */
  readonly peerAt: (url: string) => SimulatedPeer | undefined;
  readonly linkBudgetBytes: number;
  /** The faults and the work that come with `--severe`. */
  readonly severe: boolean;
}
