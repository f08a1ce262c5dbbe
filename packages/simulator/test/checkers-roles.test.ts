/** The checkers of roles bite: each is shown a broken promise, planted by hand. And the stories they watch over, told step by step. */
import * as Y from "yjs";
import { describe, expect, test } from "vitest";
import { checkAlongRules, findLag } from "../src/checkers/along-rules.ts";
import { checkConvergence, haveEqualRoots } from "../src/checkers/convergence.ts";
import { Cluster } from "../src/cluster.ts";
import type { SimulatedPeer } from "../src/peer.ts";

const NAME = "page";
const AS_FOLLOWER = { asked: new Set<string>(), originates: false };

/** A primary, a follower of it, and a follower of that one; somebody has written a word. */
function chain() {
  const cluster = new Cluster({ seed: 1, adversarial: false, replicaConfig: {} });
  const discovery = false;
  const primary = cluster.addPeer({ discovery });
  const near = cluster.addPeer({ discovery, role: "follower", peers: [primary.settings.url] });
  const far = cluster.addPeer({ discovery, role: "follower", peers: [near.settings.url] });
  const tab = cluster.openTab(NAME, primary);
  cluster.run(5_000);
  tab.editor.text.insert(0, "one ");
  cluster.run(10_000);
  checkAlongRules(cluster.peers);
  return { cluster, primary, near, far, tab };
}

function recordOf({ disk }: SimulatedPeer) {
  const row = disk.store.readDocument(NAME);
  if (row?.fence === undefined) throw new Error("the document is there");
  return { ...row, fence: row.fence };
}

function append(peer: SimulatedPeer, update: Uint8Array): void {
  const { store } = peer.disk;
  const { id, incarnation } = recordOf(peer);
  const segments = [{ principal: "", source: "local", update }] as const;
  store.transaction(() => store.appendLog({ document: id, incarnation, arrivedMs: 0, segments }));
}

function part(cluster: Cluster, one: SimulatedPeer, other: SimulatedPeer): void {
  cluster.cut([one], [other]);
  for (const connection of cluster.network.between(one.place, other.place)) connection.break();
}

describe("origins", () => {
  test("[SIM13] sees content at a follower that no writer had", () => {
    const { cluster, far } = chain();
    expect(cluster.origins.checked).toBeGreaterThan(1);
    const doc = new Y.Doc();
    doc.clientID = 99;
    doc.getText("text").insert(0, "own");
    append(far, Y.encodeStateAsUpdate(doc));
    expect(() => cluster.origins.written(far, [NAME], AS_FOLLOWER)).toThrow(
      /^origins: peer-2, a follower, has clock 3 of client 99 in page, and no writer had it/,
    );
  });

  test("[SIM13] sees a deletion at a follower that no writer made", () => {
    const { cluster, near, tab } = chain();
    const { doc } = tab.editor;
    const copy = new Y.Doc();
    Y.applyUpdate(copy, Y.encodeStateAsUpdate(doc));
    const before = Y.encodeStateVector(copy);
    copy.getText("text").delete(0, 2);
    append(near, Y.encodeStateAsUpdate(copy, before));
    expect(() => cluster.origins.written(near, [NAME], AS_FOLLOWER)).toThrow(
      /^origins: peer-1, a follower, deletes of/,
    );
  });

  test("[SIM13] sees a life and a death that no writer knows of", () => {
    const { cluster, near } = chain();
    const { store } = near.disk;
    const record = recordOf(near);
    const check = (): void => cluster.origins.written(near, [NAME], AS_FOLLOWER);
    check();
    store.transaction(() => store.writeDocument({ ...record, incarnation: 2 }));
    expect(check).toThrow(/^origins: peer-1, a follower, has incarnation 2 of page; writers 1/);
    store.transaction(() => store.writeDocument({ ...record, fence: new Uint8Array([7]) }));
    expect(check).toThrow(/^origins: peer-1, a follower, fences client 7 in page/);
  });
});

describe("convergence along the rules", () => {
  test("[SIM14] sees a follower of a follower that was left behind", () => {
    const { cluster, near, far, tab } = chain();
    part(cluster, near, far);
    tab.editor.text.insert(0, "two ");
    cluster.run(20_000);
    expect(() => checkAlongRules(cluster.peers)).toThrow(/^along-rules: peer-2 lacks some of page that peer-1 holds/);
    cluster.network.healAll();
    cluster.run(90_000);
    checkAlongRules(cluster.peers);
  });

  test("[SIM14] a primary that is put back lacks what its followers hold, says so, and has it once one of them writes", () => {
    const { cluster, primary, near, far, tab } = chain();
    const copy = primary.disk.copy();
    tab.editor.text.insert(0, "two ");
    cluster.run(10_000);
    cluster.closeTab(tab);
    primary.crash(0);
    primary.disk = copy;
    cluster.forgive(primary);
    expect(() => checkAlongRules(cluster.peers)).toThrow(
      /^along-rules: peer-0 lacks some of page that peer-1 holds, and tells nobody/,
    );
    primary.start();
    cluster.run(180_000);
    checkAlongRules(cluster.peers);
    expect(cluster.counters.followersAhead).toBeGreaterThan(0);
    expect(haveEqualRoots(cluster.peers)).toBe(false);
    near.setRole("writer");
    cluster.run(30_000);
    expect([primary, near, far].map((peer) => peer.role)).toEqual(["writer", "writer", "follower"]);
    checkConvergence(cluster.peers);
    cluster.ledger.check();
  });

  test("[SIM14] a primary that crashed with a tail merges it when it comes back beside the follower that took its place", () => {
    const { cluster, primary, near, far, tab } = chain();
    part(cluster, primary, near);
    tab.editor.text.insert(0, "tail ");
    cluster.run(5_000);
    expect(cluster.counters.acknowledged).toBe(2);
    primary.crash(0);
    cluster.closeTab(tab);
    near.setRole("writer");
    cluster.network.healAll();
    const other = cluster.openTab(NAME, near);
    cluster.run(5_000);
    other.editor.text.insert(0, "meanwhile ");
    cluster.run(5_000);
    expect(findLag([near, far])).toBeUndefined();
    expect(other.editor.text.toString()).toBe("meanwhile one ");
    primary.start();
    cluster.run(60_000);
    expect(other.editor.text.toString()).toMatch(/tail /);
    primary.setRole("follower");
    cluster.run(30_000);
    checkConvergence(cluster.peers);
    cluster.ledger.check();
  });
});

describe("refusals", () => {
  test("[SIM15] see what was refused at a follower and is on a disk all the same", () => {
    const { cluster, primary, near } = chain();
    const tab = cluster.openTab(NAME, near);
    cluster.run(5_000);
    const { editor } = tab;
    const before = Y.encodeStateVector(editor.doc);
    editor.text.insert(0, "refused ");
    const update = Y.encodeStateAsUpdate(editor.doc, before);
    while (cluster.counters.tabsRefused === 0) cluster.run(1);
    expect(cluster.counters).toMatchObject({ tabsRefused: 1, writesRefused: 1 });
    cluster.closeTab(tab);
    for (const peer of cluster.peers) cluster.refusals.check(peer);
    for (const peer of [primary, near]) {
      append(peer, update);
      expect(() => cluster.refusals.check(peer)).toThrow(
        /^refusals: peer-[01] has clock 8 of client \d+ in page; no writer was sent more than 0/,
      );
    }
  });

  test("[SIM15] see what waits of it; a handle is replaced, and what is sent to a writer is no refused write", () => {
    const { cluster, near, far } = chain();
    const handle = cluster.openHandle(NAME, near);
    cluster.run(5_000);
    const refused = handle.editor;
    refused.text.insert(0, "refused ");
    const update = Y.encodeStateAsUpdate(refused.doc);
    cluster.run(5_000);
    expect(cluster.counters).toMatchObject({ handlesRefused: 1, writesRefused: 1 });
    expect(handle.editor).not.toBe(refused);
    expect(handle.editor.text.toString()).toBe("one ");
    near.setRole("writer");
    cluster.run(10_000);
    handle.editor.text.insert(0, "taken ");
    cluster.run(10_000);
    for (const peer of cluster.peers) cluster.refusals.check(peer);
    const { store } = far.disk;
    const { id } = recordOf(far);
    const later = new Cluster({ seed: 1, adversarial: false, replicaConfig: {} });
    store.transaction(() => store.addPending(id, { principal: "", source: "broadcast", update }));
    expect(() => later.refusals.check(far)).toThrow(/^refusals: peer-2 has clock/);
  });
});
