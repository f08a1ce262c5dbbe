import { describe, expect, it, test } from "vitest";
import type { ReplicaConfig } from "../src/config.ts";
import { createConfig, REPLICA_DEFAULTS } from "../src/config.ts";
import { createCopiesPolicy } from "../src/copies-policy.ts";

describe("configuration", () => {
  it("fills in defaults, which agree with each other", () => {
    expect(createConfig()).toEqual(REPLICA_DEFAULTS);
    expect(createConfig({ linksMax: 3 })).toEqual({ ...REPLICA_DEFAULTS, linksMax: 3 });
  });

  it.each<[string, Partial<ReplicaConfig>]>([
    ["a negative number", { pendingBytesMax: -1 }],
    ["no number", { busyMs: Number.NaN }],
    ["infinity", { historyMs: Number.POSITIVE_INFINITY }],
    ["a silence shorter than two pings", { pingIntervalMs: 5_000, linkSilentMs: 10_000 }],
    ["a largest wait below the smallest for dials", { redialMinMs: 20_000 }],
    ["a largest wait below the smallest for rounds", { roundBackoffMinMs: 20_000 }],
    ["leaves that cannot split", { leafDocumentsMax: 1 }],
    ["no jobs at all", { workInFlightMax: 0 }],
    ["no rounds at all", { roundsAtOnceMax: 0 }],
    ["no links at all", { linksMax: 0 }],
    ["no time between digests", { digestIntervalMs: 0 }],
    ["no time between sweeps", { sweepIntervalMs: 0 }],
    ["no time between address exchanges", { addressExchangeMs: 0 }],
    ["no time between lazy pushes", { haveIntervalMs: 0 }],
    ["no time before a graft", { graftWaitMs: 0 }],
    ["no time to keep what was pushed", { payloadsMs: 0 }],
    ["more nodes per question than a message holds", { nodesPerAskMax: 257 }],
    ["no nodes per question", { nodesPerAskMax: 0 }],
    ["more peers than a message holds", { addressesMax: 1_025 }],
  ])("refuses %s", (_, overrides) => {
    expect(() => createConfig(overrides)).toThrow(/assertion failed/);
  });
});

test("[COP8] the policy of copies is checked at start", () => {
  const unknown = "never" as "wait";
  for (const bad of [{ copies: -1 }, { copies: 1.5 }, { copies: 65 }, { timeoutMs: 0 }, { whenMissing: unknown }]) {
    expect(() => createCopiesPolicy(bad)).toThrow(/(copies|timeoutMs|whenMissing) must be/);
  }
  expect(createCopiesPolicy({ copies: 64 })).toEqual({ copies: 64, whenMissing: "wait", timeoutMs: 10_000 });
});
