/** A document that fails costs only itself. */
import { describe, expect, it } from "vitest";
import { FAILED_DOCUMENTS_MAX, FAILED_RETRY_MS } from "../../src/isolation.ts";
import { documentKey } from "../../src/document/keys.ts";
import { StoreFailedError } from "../../src/store.ts";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor, textOf } from "./cluster.ts";

function linked() {
  const cluster = new Cluster();
  const a = cluster.add({ config: { entryIdleMs: 100 } });
  const b = cluster.add({ peers: [a.url] });
  new Editor(cluster, a, "bad").type("kept");
  new Editor(cluster, a, "good").type("kept");
  cluster.run(3_000);
  for (const peer of [a, b]) peer.mark();
  return { cluster, a, b };
}

/** From here on a call of the peer's store throws when it concerns that document; undone by what is returned. */
function poison(peer: Peer, method: "readDocumentByKey" | "appendLog", name: string, error: Error): () => void {
  const { store } = peer;
  const original = store[method].bind(store) as (argument: unknown) => unknown;
  const id = store.readDocument(name)?.id;
  const replaced = (argument: unknown): unknown => {
    const meant =
      typeof argument === "string"
        ? argument === documentKey(name)
        : (argument as { document: number }).document === id;
    if (meant) throw error;
    return original(argument);
  };
  Object.assign(store, { [method]: replaced });
  return () => void Object.assign(store, { [method]: original });
}

function verdictsOf(peer: Peer): string[] {
  return peer.of("evict").map(({ reason, code }) => `${reason} ${code}`);
}

const OOPS = new TypeError("oops");

describe("something that throws over one document", () => {
  it("[INC23] while it is committed: those who wrote to it must come again, and everybody else goes on", () => {
    const { cluster, a, b } = linked();
    const bad = new Editor(cluster, a, "bad");
    const reader = new Editor(cluster, a, "bad");
    const good = new Editor(cluster, a, "good");
    cluster.run(100);
    bad.take();
    const heal = poison(a, "appendLog", "bad", OOPS);
    bad.type(" lost?");
    good.type(" and more");
    cluster.run(100);
    expect(verdictsOf(a)).toEqual(Array.from({ length: 3 }, () => "quarantined YARROW_DOCUMENT_QUARANTINED"));
    expect([bad.take().evicted, reader.take().evicted]).toEqual(["quarantined", "quarantined"]);
    expect(a.facts("document-failed")).toMatchObject([{ name: "bad", detail: "TypeError: oops" }]);
    expect(textOf(b, "good", cluster.now)).toContain("and more");
    expect([...(textOf(a, "bad", cluster.now) ?? "")].length).toBe("kept".length);
    bad.attach();
    cluster.run(100);
    expect(bad.take().evicted).toBe("quarantined");
    heal();
    cluster.run(FAILED_RETRY_MS);
    bad.attach();
    bad.send();
    cluster.run(3_000);
    expect(bad.take().evicted).toBeUndefined();
    expect(textOf(b, "bad", cluster.now)).toContain("lost?");
    expect(cluster.equal).toBe(true);
  });

  it("[INC23] while it is loaded: broadcasts and differences of others are taken in", () => {
    const { cluster, a, b } = linked();
    cluster.run(30_000); // Out of the memory of both.
    poison(a, "readDocumentByKey", "bad", OOPS);
    new Editor(cluster, b, "bad").type("more");
    new Editor(cluster, b, "good").type("more ");
    cluster.run(200);
    expect(a.facts("document-failed")).toMatchObject([{ name: "bad" }]);
    expect(textOf(a, "good", cluster.now)).toContain("more");
    expect(a.facts("link-down")).toEqual([]);
    expect(a.replica.status(cluster.now).counts.quarantined).toBe(1);
    cluster.step(a, { type: "delete", request: 5, name: "bad" });
    expect(a.of("deleted")).toMatchObject([{ failure: { code: "YARROW_DOCUMENT_QUARANTINED" } }]);
  });

  it("[INC24] more than sixteen at once are not the documents' fault", () => {
    const { cluster, a } = linked();
    const names = Array.from({ length: FAILED_DOCUMENTS_MAX + 1 }, (_, i) => `n${i}`);
    const editors = names.map((name) => new Editor(cluster, a, name));
    cluster.run(100);
    Object.assign(a.store, {
      appendLog: () => {
        throw OOPS;
      },
    });
    for (const editor of editors.slice(1)) editor.type("x");
    cluster.run(10);
    expect(a.facts("document-failed")).toHaveLength(FAILED_DOCUMENTS_MAX);
    editors[0]!.type("x");
    expect(() => cluster.run(10)).toThrow(OOPS);
  });

  it("[INC24] a disk that fails is none's fault", () => {
    const { cluster, a } = linked();
    const error = new StoreFailedError("the disk failed");
    poison(a, "appendLog", "bad", error);
    new Editor(cluster, a, "bad").type("x");
    expect(() => cluster.run(100)).toThrow(error);
  });
});

describe("the quarantine", () => {
  it("[INC25] lists what failed, and releases it when it no longer does", () => {
    const { cluster, a } = linked();
    const heal = poison(a, "appendLog", "bad", OOPS);
    new Editor(cluster, a, "bad").type("x");
    cluster.run(100);
    const sinceMs = cluster.now - 100;
    expect(a.replica.quarantined(cluster.now)).toMatchObject([
      {
        name: "bad",
        reason: "failed",
        sinceMs,
        detail: "TypeError: oops",
        healing: "retrying",
        retryAtMs: sinceMs + 60_000,
      },
    ]);
    cluster.step(a, { type: "release", request: 1, name: "bad" });
    heal();
    cluster.step(a, { type: "release", request: 2, name: "bad" }, { type: "release", request: 3, name: "good" });
    expect(a.of("released")).toEqual([
      { type: "released", request: 1, outcome: "released", detail: "its rows are sound" },
      { type: "released", request: 2, outcome: "none", detail: "it is not in quarantine" },
      { type: "released", request: 3, outcome: "none", detail: "it is not in quarantine" },
    ]);
    const again = new Editor(cluster, a, "bad").type(" again");
    cluster.run(100);
    expect(again.take().saved).toBe(1);
  });

  it("[INC25] keeps what fails again", () => {
    const { cluster, a } = linked();
    cluster.run(30_000);
    poison(a, "readDocumentByKey", "bad", OOPS);
    new Editor(cluster, a, "bad");
    cluster.run(10);
    cluster.step(a, { type: "release", request: 1, name: "bad" });
    expect(a.of("released")).toMatchObject([{ outcome: "kept", detail: "TypeError: oops" }]);
    expect(a.replica.quarantined(cluster.now)).toMatchObject([{ name: "bad", reason: "failed" }]);
  });

  it("[INC25] lists what is damaged, says whether it heals, and releases what survives", () => {
    const { cluster, a, b } = linked();
    new Editor(cluster, a, "bad").type("first ");
    cluster.run(100);
    cluster.step(a, { type: "pause-links", peer: undefined, paused: true });
    const { id } = a.store.readDocument("bad")!;
    a.store.damage.log(a.store.readLog(id, 1, 0, 10)[0]!.sequence);
    cluster.step(a, { type: "verify", request: 1, deep: false, timeoutMs: 1_000 });
    cluster.run(2_000);
    const [listed] = a.replica.quarantined(cluster.now);
    expect(listed).toMatchObject({ name: "bad", reason: "damaged", healing: "waiting", retryAtMs: undefined });
    expect(listed!.detail).toMatch(/^log row \d+$/);
    expect(cluster.now - listed!.sinceMs!).toBeLessThanOrEqual(2_000);
    cluster.step(a, { type: "release", request: 2, name: "bad" });
    expect(a.of("released")).toMatchObject([{ outcome: "released", detail: "what survives is sound" }]);
    expect(a.replica.quarantined(cluster.now)).toEqual([]);
    expect(a.store.counts().quarantined).toBe(0);
    cluster.step(a, { type: "pause-links", peer: undefined, paused: false });
    cluster.until(() => cluster.equal, 20_000);
    expect(textOf(a, "bad", cluster.now)).toBe(textOf(b, "bad", cluster.now));
    expect(textOf(a, "bad", cluster.now)).toContain("kept");
  });

  it("[INC25] remembers over a restart what is damaged, not since when, and keeps what there is no room to mend", () => {
    const { cluster, a, b } = linked();
    cluster.remove(b);
    a.store.damage.log(a.store.readLog(a.store.readDocument("bad")!.id, 1, 0, 10)[0]!.sequence);
    cluster.step(a, { type: "verify", request: 1, deep: false, timeoutMs: 1_000 });
    cluster.run(2_000);
    cluster.remove(a);
    const again = cluster.add({ store: a.store });
    expect(again.replica.quarantined(cluster.now)).toMatchObject([
      { name: "bad", reason: "damaged", sinceMs: undefined, healing: "waiting" },
    ]);
    again.store.failNext("full", 1);
    cluster.step(again, { type: "release", request: 1, name: "bad" });
    cluster.step(again, { type: "release", request: 2, name: "bad" });
    expect(again.of("released").map(({ outcome }) => outcome)).toEqual(["kept", "released"]);
  });
});
