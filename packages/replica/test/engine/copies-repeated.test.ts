/** An edit that waits for copies, and another tab that sends it along: found by simulation. */
import { expect, it } from "vitest";
import * as Y from "yjs";
import { Cluster, Editor } from "./cluster.ts";

it("[COP4] what another tab repeats of it beside an edit of its own is no acknowledgement", () => {
  const cluster = new Cluster();
  const a = cluster.add({ copies: { copies: 1 } });
  cluster.add({ peers: [a.url] });
  cluster.run(3_000);
  cluster.latencyMs = 5;
  const session = (): Editor => {
    const editor = new Editor(cluster, a, "n", { session: true });
    cluster.run(0);
    return editor.take();
  };
  const [writer, reader] = [session(), session()];
  cluster.loses = (sent) => sent.messages().some(({ type }) => type === "acknowledge");
  writer.type("x");
  cluster.run(50);
  reader.take().doc.getText("t").insert(1, "y");
  a.inbox.length = 0;
  a.mark();
  reader.send();
  cluster.run(50);
  const shown = a.of("deliver").flatMap(({ update }) => [...Y.parseUpdateMeta(update).to.keys()]);
  expect(shown).toEqual([reader.doc.clientID]);
  expect(a.of("echo")).toEqual([]);
  cluster.loses = () => false;
  cluster.run(600);
  expect([writer, reader].map((tab) => tab.take().echoed)).toEqual([1, 1]);
  expect(writer.text).toBe("xy");
});

/** In one batch a tab writes, its document dies, and where `again` another tab writes to the next life of it. */
function diesWhereItIsWritten(again: boolean) {
  const cluster = new Cluster();
  const a = cluster.add({ copies: { copies: 1 } });
  cluster.add({ peers: [a.url] });
  cluster.run(3_000);
  const before = new Editor(cluster, a, "n", { session: true }).type("before");
  cluster.run(1_000);
  before.take().type("dies");
  a.inbox.push({ type: "delete", request: 1, name: "n" });
  const after = again ? new Editor(cluster, a, "n", { session: true }).type("after") : undefined;
  cluster.run(1_000);
  return { cluster, a, before: before.take(), after: after?.take() };
}

it("[COP13] what is written to the next life of a document does not wait for what died in the same batch", () => {
  const { a, before, after, cluster } = diesWhereItIsWritten(true);
  expect([before.evicted, after?.evicted, after?.echoed]).toEqual(["deleted", undefined, "after".length]);
  expect(a.replica.status(cluster.now).copies.waiting).toMatchObject({ edits: 0, documents: 0 });
});

it("[COP13] nobody is asked for copies of what died in the batch in which it was written", () => {
  const { a, before, cluster } = diesWhereItIsWritten(false);
  expect(before.evicted).toBe("deleted");
  expect(a.replica.status(cluster.now).copies.waiting.documents).toBe(0);
});
