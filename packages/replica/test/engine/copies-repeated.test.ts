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
