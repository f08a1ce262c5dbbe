/** Proving that replicas are equal, or naming what differs. */
import { describe, expect, it } from "vitest";
import { createFingerprintKey, digestDocument } from "../../src/document/fingerprint.ts";
import { documentKey } from "../../src/document/keys.ts";
import { SetTree } from "../../src/set-tree/set-tree.ts";
import type { Peer } from "./cluster.ts";
import { CLUSTER, Cluster, Editor } from "./cluster.ts";

function pair(documents = 3) {
  const cluster = new Cluster();
  const a = cluster.add();
  const b = cluster.add({ peers: [a.url] });
  for (let i = 0; i < documents; i++) new Editor(cluster, a, `${i}`).type(`text ${i}`);
  cluster.run(3_000);
  expect(cluster.equal).toBe(true);
  return { cluster, a, b };
}

function verify(cluster: Cluster, peer: Peer, deep: boolean, ms = 5_000) {
  peer.mark();
  cluster.step(peer, { type: "verify", request: 1, deep, timeoutMs: ms });
  cluster.run(ms + 10);
  expect(peer.of("verified").length).toBe(1);
  return peer.of("verified")[0]!.report;
}

/** Holds back what would make the two equal, and lets a document differ. */
function differ(cluster: Cluster, a: Peer): void {
  cluster.loses = ({ messages }) => messages().some(({ type }) => type === "broadcast" || type === "nodes-ask");
  new Editor(cluster, a, "1").type("more");
  cluster.run(10);
}

describe("verification", () => {
  it.each([false, true])("[AE13] equal replicas are equal (deep: %s), over several pages", (deep) => {
    const { cluster, a, b } = pair(700);
    expect(verify(cluster, a, deep)).toMatchObject({
      equal: true,
      root: a.replica.status(cluster.now).root,
      local: { checked: 700, bad: [], past: { damaged: [], complete: true } },
      peers: [{ peerId: b.replica.peerId, result: "equal", documents: [] }],
    });
  });

  it.each([false, true])("[AE13] a difference that stays names its document (deep: %s)", (deep) => {
    const { cluster, a } = pair(700);
    differ(cluster, a);
    const report = verify(cluster, a, deep);
    expect(report.equal).toBe(false);
    expect(report.peers).toMatchObject([{ result: "different", documents: [{ name: "1" }] }]);
    expect(report.peers[0]!.documents[0]!.mine).not.toBe(report.peers[0]!.documents[0]!.theirs);
  });

  it("[AE13] a document that one side lacks is missing there", () => {
    const { cluster, a, b } = pair();
    differ(cluster, a);
    new Editor(cluster, b, "only b").type("b");
    cluster.run(10);
    expect(verify(cluster, a, false).peers[0]!.documents).toContainEqual({
      name: "only b",
      mine: "missing",
      theirs: expect.stringMatching(/^incarnation 1, fingerprint [0-9a-f]{32}$/),
    });
  });

  it("[AE13] what is on its way is no difference", () => {
    const { cluster, a } = pair();
    cluster.loses = ({ messages }) => messages().some(({ type }) => type === "broadcast");
    new Editor(cluster, a, "1").type("more");
    cluster.run(1);
    expect(verify(cluster, a, false).peers).toMatchObject([{ result: "equal" }]);
  });

  it("[AE13] sets that keep moving apart are moving", () => {
    const { cluster, a } = pair();
    differ(cluster, a);
    const writer = new Editor(cluster, a, "2");
    a.mark();
    cluster.step(a, { type: "verify", request: 1, deep: false, timeoutMs: 2_000 });
    for (let i = 0; i < 25; i++) {
      writer.type("x");
      cluster.run(100);
    }
    expect(a.of("verified")[0]!.report).toMatchObject({ equal: false, peers: [{ result: "moving" }] });
  });

  it("[AE13] a peer that does not answer, or goes away, is unreachable", () => {
    const { cluster, a, b } = pair();
    cluster.loses = ({ from, messages }) => from === b && messages().some(({ type }) => type === "verify-page");
    expect(verify(cluster, a, false, 1_000)).toMatchObject({ equal: false, peers: [{ result: "unreachable" }] });
    a.mark();
    cluster.step(a, { type: "verify", request: 2, deep: false, timeoutMs: 60_000 });
    cluster.cut(a, b);
    cluster.run(100);
    expect(a.of("verified")[0]!.report.peers).toMatchObject([{ result: "unreachable" }]);
  });

  it("[AE13] a peer that goes away while it is to be asked again is not waited for", () => {
    const { cluster, a, b } = pair();
    const c = cluster.add({ peers: [a.url, b.url] });
    cluster.until(() => cluster.equal, 3_000);
    cluster.loses = ({ from, messages }) =>
      from === a && messages().some(({ type }) => type === "broadcast" || type === "nodes-ask");
    new Editor(cluster, a, "1").type("more");
    cluster.run(10);
    const others = cluster.loses;
    cluster.loses = (sent) =>
      others(sent) || (sent.from === c && sent.messages().some(({ type }) => type === "verify-page"));
    a.mark();
    cluster.step(a, { type: "verify", request: 1, deep: false, timeoutMs: 5_000 });
    cluster.run(100);
    cluster.cut(a, b);
    cluster.cut(b, a);
    cluster.remove(b);
    cluster.run(5_000);
    expect(a.of("verified")[0]!.report.peers.map(({ result }) => result)).toEqual(["unreachable", "unreachable"]);
  });

  it("[AE13] alone, the local check decides", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    for (const name of ["n", "m"]) new Editor(cluster, a, name).type("x");
    cluster.run(10);
    expect(verify(cluster, a, true)).toMatchObject({ equal: true, local: { checked: 2, bad: [] }, peers: [] });
    const tree = new SetTree(a.store, createFingerprintKey(CLUSTER), 32);
    tree.begin();
    const wrong = digestDocument(createFingerprintKey(CLUSTER), 1, new Uint8Array(16), Uint32Array.of(1, 2, 3, 4));
    a.store.transaction(() => tree.replace(documentKey("n"), wrong));
    const report = verify(cluster, a, false);
    expect(report).toMatchObject({ equal: false, local: { checked: 2 } });
    expect(report.local.bad).toEqual([expect.stringMatching(/^n: /)]);
  });

  it("[AE13] can be taken back", () => {
    const { cluster, a } = pair();
    cluster.step(a, { type: "verify", request: 1, deep: true, timeoutMs: 1_000 }, { type: "cancel", request: 1 });
    const before = a.of("verified").length;
    cluster.step(a, { type: "verify", request: 2, deep: true, timeoutMs: 1_000 });
    cluster.step(a, { type: "cancel", request: 2 });
    cluster.run(5_000);
    expect(a.of("verified").filter(({ request }) => request === 2).length).toBe(0);
    expect(before).toBeLessThanOrEqual(1);
  });
});
