/** Edits that refer to what their document lacks, from those who can be asked for it, and from those who cannot. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor, textOf } from "./cluster.ts";

/** A tab that typed two letters while it was away, and one just now. */
function away() {
  const cluster = new Cluster();
  const config = { historyMs: 5_000, sweepIntervalMs: 1_000 };
  const a = cluster.add({ config });
  const b = cluster.add({ config, peers: [a.url] });
  cluster.run(2_000);
  const tab = new Editor(cluster, a, "n", { session: true });
  cluster.run(100);
  tab.take();
  const updates: Uint8Array[] = [];
  tab.doc.on("update", (update: Uint8Array) => updates.push(update));
  tab.doc.getText("t").insert(0, "o");
  tab.doc.getText("t").insert(1, "l");
  tab.doc.getText("t").insert(2, "d");
  a.inbox.length = 0;
  a.mark();
  b.mark();
  return { cluster, a, b, tab, updates: updates as [Uint8Array, Uint8Array, Uint8Array] };
}

function edit(peer: Peer, tab: Editor, update: Uint8Array, answersGaps: boolean): void {
  peer.inbox.push({ type: "edit", subscriber: tab.subscriber, update, principal: "", answersGaps });
}

describe("an edit that leaves a gap", () => {
  it("[PEND9] is not kept where its sender can be asked: it is asked, and nobody is told that it was taken", () => {
    const { cluster, a, b, tab, updates } = away();
    edit(a, tab, updates[2], true);
    cluster.run(1_000);
    expect(a.of("gap")).toHaveLength(1);
    expect([...a.of("echo"), ...a.of("deliver")]).toEqual([]);
    expect([a, b].map(({ store }) => store.counts().pending)).toEqual([0, 0]);
    // The tab is closed before it hears the question: nothing is left that would wait for ever, nor an empty document.
    a.inbox.push({ type: "detach", subscriber: tab.subscriber });
    cluster.run(60_000);
    expect([a, b].map(({ store }) => store.counts())).toMatchObject([
      { alive: 0, pending: 0 },
      { alive: 0, pending: 0 },
    ]);
    // Had it heard it, it would have answered with everything.
    const back = new Editor(cluster, a, "n", { session: true });
    Y.applyUpdate(back.doc, Y.encodeStateAsUpdate(tab.doc));
    cluster.run(100);
    expect(textOf(b, "n", cluster.now)).toBe("old");
  });

  it("[PEND9] is asked for each time, and its answer brings it", () => {
    const { cluster, a, b, tab, updates } = away();
    edit(a, tab, updates[2], true);
    edit(a, tab, updates[2], true);
    cluster.run(100);
    expect(a.of("gap").length).toBeGreaterThan(0);
    tab.take();
    cluster.run(1_000);
    tab.take();
    expect(tab.echoed).toBe(3);
    expect([a, b].map((peer) => textOf(peer, "n", cluster.now))).toEqual(["old", "old"]);
  });

  it("[PEND9] its ready part is taken, and other peers are given that part alone", () => {
    const { cluster, a, b, tab, updates } = away();
    const gapped = Y.mergeUpdates([updates[0], updates[2]]);
    edit(a, tab, gapped, true);
    cluster.run(1_000);
    expect(a.of("gap")).toHaveLength(1);
    expect([a, b].map((peer) => textOf(peer, "n", cluster.now))).toEqual(["o", "o"]);
    expect([a, b].map(({ store }) => store.counts().pending)).toEqual([0, 0]);
  });

  it("[PEND10] of an answer, all of which its sender has, waits for another to bring the rest, however long", () => {
    const { cluster, a, b, tab, updates } = away();
    edit(a, tab, updates[2], false);
    cluster.run(1_000);
    edit(a, tab, updates[2], false);
    cluster.run(1_000);
    // The second time it is kept already, which is what an echo says.
    expect(a.of("echo")).toHaveLength(1);
    cluster.run(60_000);
    expect([a, b].map(({ store }) => store.counts().pending)).toEqual([1, 1]);
    const other = new Editor(cluster, b, "n");
    Y.applyUpdate(other.doc, Y.mergeUpdates([updates[0], updates[1]]));
    cluster.run(1_000);
    expect([a, b].map((peer) => textOf(peer, "n", cluster.now))).toEqual(["old", "old"]);
    expect([a, b].map(({ store }) => store.counts().pending)).toEqual([0, 0]);
  });
});
