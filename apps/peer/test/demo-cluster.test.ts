import { expect, it } from "vitest";
import { DemoCluster } from "../src/demo/demo-cluster.ts";

it("[CLI27] a demo whose peers are not ready in time says which, and leaves no process behind", async () => {
  const ports = { playground: 0, firstPeer: 0, firstAdmin: 0 };
  const cluster = new DemoCluster({ peers: 1, data: undefined, ports, readyTimeoutMs: 1 });
  try {
    await expect(cluster.start()).rejects.toMatchObject({ code: "YARROW_TIMEOUT" });
    expect(cluster.peers.map(({ running }) => running)).toEqual([true]);
  } finally {
    await cluster.stop();
  }
  expect(cluster.peers.map(({ running }) => running)).toEqual([false]);
});
