/**
 * The metrics of one peer: counters move with the facts it tells, the rest is read from it when somebody scrapes. Observation
 * only; nothing here steers the peer.
 */
import { BATCH_MS_BOUNDS } from "@yarrow/core";
import type { Peer } from "@yarrow/core";
import { collectDefaultMetrics, Registry } from "prom-client";
import type { Metric } from "prom-client";
import { countFact } from "./count-fact.ts";
import { Instruments } from "./instruments.ts";
import { METRICS } from "./metrics.ts";
import { readCounters, readStatus } from "./read-peer.ts";

export interface PeerMetrics {
  /** Follows a peer from now on; call once, when it is made. */
  follow(peer: Peer): void;
  /** The exposition in Prometheus' text format. */
  scrape(): Promise<{ readonly contentType: string; readonly body: string }>;
}

/**
 * The library's measure of the event loop would wake an idle process a hundred times a second, and says NaN until its first
 * sample. `yarrow_loop_delay_seconds` tells the same: the library's is slowed down to nothing, and left out.
 */
const LOOP_LAG = { prefix: "nodejs_eventloop_lag_", resolutionMs: 60_000 };

/** Metrics for one peer, with a registry of their own: nothing global. */
export function createMetrics(version: string): PeerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: LOOP_LAG.resolutionMs });
  for (const { name } of registry.getMetricsAsArray()) {
    if (name.startsWith(LOOP_LAG.prefix)) registry.removeSingleMetric(name);
  }
  const instruments = new Instruments(registry);
  let followed: Peer | undefined;
  return {
    follow(peer) {
      followed = peer;
      peer.on("fact", (fact) => countFact(instruments, fact));
      registry.registerMetric(batchDurations(peer));
    },
    async scrape() {
      if (followed !== undefined) {
        readStatus(instruments, followed.status(), version);
        readCounters(instruments, followed.counters());
      }
      return { contentType: registry.contentType, body: await registry.metrics() };
    },
  };
}

/**
 * The loop sorts durations into buckets itself, thousands a second, which a histogram of the library cannot take over. The
 * registry asks a metric for nothing but its name and `get`, so this is one without being a class of the library.
 */
function batchDurations(peer: Peer): Metric {
  const name = "yarrow_batch_duration_seconds";
  const { help } = METRICS[name];
  const get = (): Promise<object> => {
    const { batchMsBuckets, batchMsTotal } = peer.counters();
    let total = 0;
    const buckets = batchMsBuckets.map((batches, index) => {
      total += batches;
      const bound = BATCH_MS_BOUNDS[index];
      return {
        metricName: `${name}_bucket`,
        labels: { le: bound === undefined ? "+Inf" : bound / 1_000 },
        value: total,
      };
    });
    const sum = { metricName: `${name}_sum`, labels: {}, value: batchMsTotal / 1_000 };
    const count = { metricName: `${name}_count`, labels: {}, value: total };
    return Promise.resolve({ name, help, type: "histogram", aggregator: "sum", values: [...buckets, sum, count] });
  };
  return { name, help, type: "histogram", aggregator: "sum", get, reset: () => {} } as unknown as Metric;
}
