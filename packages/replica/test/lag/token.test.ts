import { describe, expect, it } from "vitest";
import type { ClusterId } from "@yarrow/protocol";
import { Contribution } from "../../src/document/contribution.ts";
import { Ranges } from "../../src/document/ranges.ts";
import { clusterIdOf } from "../../src/document/keys.ts";
import { decodeToken, encodeToken, TOKEN_BYTES_MAX } from "../../src/lag/token.ts";
import { Cluster, Editor } from "../engine/cluster.ts";
import type { Peer } from "../engine/cluster.ts";

const clusterId = clusterIdOf("test");

function contribution(clocks: [number, number][], deletes: [number, number[]][] = []): Contribution {
  const made = new Contribution();
  for (const [client, clock] of clocks) made.clocks.set(client, clock);
  for (const [client, flat] of deletes) made.deletes.set(client, Ranges.from(flat));
  return made;
}

let nextRequest = 1;

/** Waits, and returns what has come of it so far when called. */
function wait(cluster: Cluster, peer: Peer, token: Uint8Array, timeoutMs = 1_000) {
  const request = nextRequest++;
  cluster.step(peer, { type: "await-token", request, token, timeoutMs });
  return () => peer.of("waited").find((effect) => effect.request === request);
}

describe("a token", () => {
  it("[LAG11] comes back as it was made, and is refused when it is changed anywhere or cut short", () => {
    const token = {
      clusterId,
      name: "né",
      incarnation: 3,
      contribution: contribution([[7, 300]], [[5, [1, 4, 9, 10]]]),
    };
    const bytes = encodeToken(token);
    expect(decodeToken(bytes)).toEqual(token);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at]! ^= 1;
      expect(() => decodeToken(changed)).toThrow(expect.objectContaining({ code: "YARROW_TOKEN_INVALID" }));
      expect(() => decodeToken(bytes.slice(0, at))).toThrow(expect.objectContaining({ code: "YARROW_TOKEN_INVALID" }));
    }
  });

  it("[LAG11] never exceeds its limit: the deletions of the earliest content give way, and nothing else", () => {
    const scattered = Array.from({ length: 20_000 }, (_, i) => 2 * Math.floor(i / 2) * 10 + (i % 2));
    const large = {
      clusterId,
      name: "n",
      incarnation: 1,
      contribution: contribution([[7, 200_000]], [[7, scattered]]),
    };
    const bytes = encodeToken(large);
    expect(bytes.length).toBeLessThanOrEqual(TOKEN_BYTES_MAX);
    expect(bytes.length).toBeGreaterThan(TOKEN_BYTES_MAX / 3);
    const kept = decodeToken(bytes).contribution;
    expect(kept.clocks).toEqual(large.contribution.clocks);
    expect([...kept.deletes.get(7)!.view()].at(-1)).toBe(scattered.at(-1));
    const many = Array.from({ length: 5_000 }, (_, i): [number, number] => [i * 1_000_003, 9]);
    const crowd = encodeToken({
      ...large,
      contribution: contribution(many, [
        [1, [0, 1]],
        [2, [0, 1]],
      ]),
    });
    expect(crowd.length).toBeLessThanOrEqual(TOKEN_BYTES_MAX);
    expect(() => decodeToken(new Uint8Array(TOKEN_BYTES_MAX + 1))).toThrow(/at most 4096/);
  });

  it("[LAG10, LAG14] of a writer is waited for on a follower of a follower, and covers deletions", () => {
    const cluster = new Cluster();
    cluster.latencyMs = 5;
    const writer = cluster.add({ discovery: false });
    const first = cluster.add({ role: "follower", discovery: false, peers: [writer.url] });
    const second = cluster.add({ role: "follower", discovery: false, peers: [first.url] });
    const editor = new Editor(cluster, writer, "n").type("hello");
    cluster.run(500);
    const before = writer.replica.token(editor.subscriber, "n");
    editor.doc.getText("t").delete(0, 2);
    cluster.step(writer, ...writer.inbox.splice(0));
    const token = writer.replica.token(editor.subscriber, "n");
    expect(wait(cluster, second, before)()).toMatchObject({ failure: undefined });
    const waiting = wait(cluster, second, token);
    const given = wait(cluster, second, token, 3);
    const cancelled = wait(cluster, second, token);
    cluster.step(second, { type: "cancel", request: nextRequest - 1 });
    cluster.run(4);
    expect(waiting()).toBeUndefined();
    expect(given()?.failure).toMatchObject({ code: "YARROW_TIMEOUT", detail: '"n" did not hold it within 3 ms' });
    cluster.run(7);
    expect(waiting()).toMatchObject({ failure: undefined });
    cluster.run(2_000);
    expect(cancelled()).toBeUndefined();
  });

  it("[LAG10] of a document that was deleted since is behind us", () => {
    const cluster = new Cluster();
    const writer = cluster.add();
    const other = cluster.add({ peers: [writer.url] });
    const editor = new Editor(cluster, writer, "n").type("x");
    cluster.run(500);
    cluster.step(other, { type: "pause-links", peer: undefined, paused: true });
    editor.type("y");
    cluster.run(100);
    const token = writer.replica.token(editor.subscriber, "n");
    const waiting = wait(cluster, other, token, 60_000);
    expect(waiting()).toBeUndefined();
    cluster.step(other, { type: "delete", request: 1, name: "n" });
    expect(waiting()).toMatchObject({ failure: undefined });
  });

  it("[LAG11] of another cluster, or of none, is refused", () => {
    const cluster = new Cluster();
    const peer = cluster.add();
    const stranger = encodeToken({
      clusterId: "ab".repeat(16) as ClusterId,
      name: "n",
      incarnation: 1,
      contribution: contribution([]),
    });
    expect(wait(cluster, peer, stranger)()?.failure).toMatchObject({ code: "YARROW_CLUSTER_MISMATCH" });
    expect(wait(cluster, peer, Uint8Array.of(1, 2, 3))()?.failure).toMatchObject({ code: "YARROW_TOKEN_INVALID" });
  });

  it("[LAG10] as many may wait as the limit says, and not one more", () => {
    const cluster = new Cluster();
    const peer = cluster.add({ config: { waitsMax: 2 } });
    const token = encodeToken({ clusterId, name: "n", incarnation: 1, contribution: contribution([[1, 1]]) });
    const [first, second, third] = [1, 2, 3].map(() => wait(cluster, peer, token));
    expect([first!(), second!()]).toEqual([undefined, undefined]);
    expect(third!()?.failure).toMatchObject({ code: "YARROW_TIMEOUT", detail: "2 others wait already" });
  });
});

describe("waiting until fresh", () => {
  it("[LAG12] resolves when the follower has caught up, at once on a writer, and rejects in time", () => {
    const cluster = new Cluster();
    cluster.latencyMs = 2;
    const writer = cluster.add({ discovery: false });
    const follower = cluster.add({ role: "follower", discovery: false, peers: [writer.url] });
    const fresh = (peer: Peer, maxLagMs: number, timeoutMs: number) => {
      const request = nextRequest++;
      cluster.step(peer, { type: "await-fresh", request, maxLagMs, timeoutMs });
      return () => peer.of("waited").find((effect) => effect.request === request);
    };
    expect(fresh(writer, 0, 0)()).toMatchObject({ failure: undefined });
    const early = fresh(follower, 50, 1_000);
    expect(early()).toBeUndefined();
    cluster.run(200);
    expect(early()).toMatchObject({ failure: undefined });
    cluster.step(writer, { type: "pause-links", peer: undefined, paused: true });
    cluster.run(1_000);
    const late = fresh(follower, 50, 500);
    const tolerant = fresh(follower, 1_100, 500);
    expect(tolerant()).toMatchObject({ failure: undefined });
    cluster.run(499);
    expect(late()).toBeUndefined();
    cluster.run(1);
    expect(late()?.failure?.code).toBe("YARROW_TIMEOUT");
    expect(late()?.failure?.detail).toMatch(/^this peer is 15\d\d ms behind after 500 ms; wanted is at most 50 ms$/);
  });
});
