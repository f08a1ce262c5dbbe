/** Rounds of anti-entropy, read from the messages on the wire. The words: docs/spec/ae.md. */
import type { Message } from "@yarrow/protocol";
import { BATCH_DOCUMENTS_MAX, FRAGMENTS_IN_FLIGHT_MAX } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { createFingerprintKey, digestDocument } from "../../src/document/fingerprint.ts";
import { documentKey } from "../../src/document/keys.ts";
import { SetTree } from "../../src/set-tree/set-tree.ts";
import type { Peer } from "./cluster.ts";
import { CLUSTER, Cluster, Editor, textOf } from "./cluster.ts";

/** Two peers that are linked, equal and apart from each other again, with the documents of `names` on both. */
function apart(names: readonly string[] = [], config = {}) {
  const cluster = new Cluster();
  const a = cluster.add({ config });
  const b = cluster.add({ peers: [a.url], config });
  for (const name of names) new Editor(cluster, a, name).type(`${name} `);
  cluster.run(3_000);
  expect(cluster.equal).toBe(true);
  cluster.step(b, { type: "pause-links", peer: undefined, paused: true });
  cluster.run(100);
  return { cluster, a, b };
}

function heal(cluster: Cluster, peer: Peer, ms = 5_000): void {
  cluster.records = true;
  cluster.step(peer, { type: "pause-links", peer: undefined, paused: false });
  cluster.run(ms);
}

const REPAIR = new Set<Message["type"]>([
  "nodes-ask",
  "nodes",
  "documents-ask",
  "documents",
  "documents-taken",
  "stream-ask",
  "stream",
]);

function transcript(cluster: Cluster, a: Peer): string[] {
  return cluster.sent
    .filter(({ message }) => REPAIR.has(message.type))
    .map(({ from, message }) => `${from === a ? "a" : "b"} ${message.type}`);
}

describe("a round", () => {
  it("[AE1] between equal peers is one digest each way", () => {
    const { cluster, a, b } = apart(["one", "two"]);
    heal(cluster, b, 900);
    const digests = cluster.sent.filter(({ message }) => message.type === "digest");
    expect(digests.map(({ from }) => from === a)).toEqual(expect.arrayContaining([true, false]));
    expect(digests.length).toBe(2);
    expect(transcript(cluster, a)).toEqual([]);
  });

  it("[AE2] descends to what differs, brings both directions, and verifies", () => {
    const { cluster, a, b } = apart(["both"]);
    new Editor(cluster, a, "only a").type("a");
    new Editor(cluster, b, "only b").type("b");
    new Editor(cluster, a, "both").type("from a ");
    new Editor(cluster, b, "both").type("from b ");
    cluster.run(0);
    heal(cluster, b, 900);
    expect(transcript(cluster, a)).toEqual([
      "a nodes-ask",
      "b nodes",
      "a documents-ask",
      "b documents",
      "a documents",
      "b documents-taken",
    ]);
    expect(cluster.equal).toBe(true);
    expect(cluster.sent.filter(({ message }) => message.type === "broadcast")).toEqual([]);
    // The root in the last answer spares a question.
    expect(cluster.sent.filter(({ message }) => message.type === "digest" && message.answer)).toEqual([]);
    const rounds = [...a.facts("round-ended"), ...b.facts("round-ended")];
    expect(rounds.at(-1)).toMatchObject({ result: "equal" });
    for (const peer of [a, b]) {
      expect(textOf(peer, "only a", cluster.now)).toBe("a");
      expect(textOf(peer, "only b", cluster.now)).toBe("b");
      expect(textOf(peer, "both", cluster.now)?.length).toBe("both from a from b ".length);
    }
  });

  it("[AE2] sends only what is lacking, deletions included", () => {
    const { cluster, a, b } = apart();
    const text = new Editor(cluster, a, "n").type("x".repeat(20_000));
    cluster.run(0);
    heal(cluster, b);
    cluster.step(b, { type: "pause-links", peer: undefined, paused: true });
    cluster.run(100);
    text.doc.getText("t").delete(10, 5);
    cluster.run(0);
    cluster.sent.length = 0;
    heal(cluster, b);
    expect(cluster.equal).toBe(true);
    const differences = cluster.sent.flatMap(({ message }) => (message.type === "documents" ? message.documents : []));
    const sizes = differences.map(({ update }) => update.length).filter((size) => size > 0);
    expect(sizes.length).toBe(1);
    expect(sizes[0]).toBeLessThan(100);
    expect(textOf(b, "n", cluster.now)?.length).toBe(19_995);
  });

  it("[AE5] fills an empty replica by streaming, in bounded batches", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    for (let i = 0; i < 600; i++) new Editor(cluster, a, `${i}`).type(`text ${i}`);
    cluster.run(0);
    const b = cluster.add({ peers: [a.url] });
    cluster.records = true;
    cluster.run(2_000);
    const batches = cluster.sent.flatMap(({ message }) =>
      message.type === "stream" ? [message.documents.length] : [],
    );
    expect(batches).toEqual([BATCH_DOCUMENTS_MAX, BATCH_DOCUMENTS_MAX, 600 - 2 * BATCH_DOCUMENTS_MAX]);
    expect(transcript(cluster, b).filter((line) => !line.includes("stream"))).toEqual([]);
    expect(cluster.equal).toBe(true);
  });

  it("[AE5] what does not fit in a batch is asked for again", () => {
    const { cluster, a, b } = apart();
    new Editor(cluster, b, "so that b is not empty").type("b");
    for (let i = 0; i < 12; i++) new Editor(cluster, a, `${i}`).type("x".repeat(50_000));
    cluster.run(0);
    heal(cluster, b, 10_000);
    const messages = cluster.sent.map(({ message }) => message);
    const returned = messages.filter((message) => message.type === "documents" && !message.reply);
    expect(returned.length).toBeGreaterThan(2);
    expect(cluster.equal).toBe(true);
    for (let i = 0; i < 12; i++) expect(textOf(b, `${i}`, cluster.now)?.length).toBe(50_000);
  });

  it("[AE6] carries a document of 3 MiB in pieces, while live pushes pass", () => {
    const { cluster, a, b } = apart(["live"]);
    const letters = Array.from({ length: 3 * 1024 * 1024 }, (_, i) => String.fromCharCode(97 + ((i * 7919) % 26))).join(
      "",
    );
    new Editor(cluster, a, "large").type(letters);
    cluster.run(0);
    cluster.records = true;
    cluster.step(b, { type: "pause-links", peer: undefined, paused: false });
    let pushed = 0;
    cluster.loses = ({ from, messages }) => {
      if (from === a && pushed === 0 && messages().some(({ type }) => type === "fragment")) {
        pushed = 1;
        new Editor(cluster, a, "live").type("now");
      }
      return false;
    };
    cluster.run(5_000);
    const types = cluster.sent.filter(({ from }) => from === a).map(({ message }) => message.type);
    const pieces = types.filter((type) => type === "fragment").length;
    expect(pieces).toBeGreaterThan(12);
    const first = types.indexOf("fragment");
    expect(types.indexOf("broadcast", first)).toBeLessThan(types.lastIndexOf("fragment"));
    expect(types.slice(first, types.indexOf("broadcast", first)).length).toBeLessThanOrEqual(
      FRAGMENTS_IN_FLIGHT_MAX + 2,
    );
    expect(cluster.equal).toBe(true);
    expect(textOf(b, "large", cluster.now)).toBe(letters);
  });

  it("[AE7] there is one at a time per link, and never more than a bound in all", () => {
    const cluster = new Cluster();
    const a = cluster.add({ config: { roundsAtOnceMax: 2 } });
    const others = Array.from({ length: 5 }, () => cluster.add({ peers: [a.url], discovery: false }));
    for (const [i, peer] of others.entries()) new Editor(cluster, peer, `${i}`).type("x");
    new Editor(cluster, a, "a").type("a");
    let most = 0;
    for (let i = 0; i < 400; i++) {
      cluster.run(10);
      most = Math.max(most, a.replica.status(cluster.now).rounds);
    }
    expect(most).toBeLessThanOrEqual(2);
    expect(a.facts("round-started").length).toBeGreaterThanOrEqual(5);
    expect(cluster.equal).toBe(true);
  });

  it("[AE8] one that hears nothing is given up, and tried again", () => {
    const { cluster, a, b } = apart(["n"], { linkSilentMs: 1e9, pingIntervalMs: 1e8, roundTimeoutMs: 2_000 });
    new Editor(cluster, a, "n").type("more");
    cluster.run(0);
    cluster.loses = ({ messages }) => messages().some(({ type }) => type === "nodes" || type === "nodes-ask");
    heal(cluster, b, 3_000);
    expect(a.facts("round-ended").at(-1)).toMatchObject({ result: "aborted" });
    cluster.loses = () => false;
    cluster.run(20_000);
    expect(cluster.equal).toBe(true);
  });

  it("[AE8] the pieces of a large document are signs of life, however slow the link", () => {
    const { cluster, a, b } = apart(["n"], { roundTimeoutMs: 1_500 });
    const letters = Array.from({ length: 4 * 1024 * 1024 }, (_, i) => String.fromCharCode(97 + ((i * 7919) % 26))).join(
      "",
    );
    new Editor(cluster, a, "large").type(letters);
    cluster.run(0);
    a.mark();
    b.mark();
    cluster.latencyMs = 400;
    heal(cluster, b, 12_000);
    expect(textOf(b, "large", cluster.now)?.length).toBe(letters.length);
    const results = [...a.facts("round-ended"), ...b.facts("round-ended")].map(({ result }) => result);
    expect(results).not.toContain("aborted");
    expect(results).toContain("equal");
  });

  it("[AE8] its state goes with its link", () => {
    const { cluster, a, b } = apart(["n"]);
    new Editor(cluster, a, "n").type("more");
    cluster.run(0);
    cluster.loses = ({ messages }) => messages().some(({ type }) => type === "nodes");
    heal(cluster, b, 1_000);
    expect(a.replica.status(cluster.now).rounds).toBe(1);
    cluster.cut(a, b);
    cluster.run(0);
    expect(a.replica.status(cluster.now).rounds).toBe(0);
    cluster.loses = () => false;
    cluster.run(5_000);
    expect(cluster.equal).toBe(true);
  });
});

describe("equal roots", () => {
  /** A writes; the questions of the round about it are lost, and meanwhile the same reaches b in another way. */
  function equalMeanwhile(config: object, waitMs: number) {
    const { cluster, a, b } = apart(["n"], { linkSilentMs: 1e9, pingIntervalMs: 1e8, ...config });
    const editor = new Editor(cluster, a, "n").type("more");
    cluster.run(0);
    a.mark();
    cluster.loses = ({ messages }) => messages().some(({ type }) => type === "nodes-ask");
    heal(cluster, b, waitMs);
    expect(a.facts("round-started").length).toBe(1);
    cluster.loses = () => false;
    const other = new Editor(cluster, b, "n");
    Y.applyUpdate(other.doc, editor.everything());
    cluster.run(2_000);
    expect(cluster.equal).toBe(true);
    cluster.run(60_000);
    return { cluster, a };
  }

  it("[AE15] end a round that still waits for an answer", () => {
    const { cluster, a } = equalMeanwhile({ roundTimeoutMs: 50_000 }, 1_000);
    expect(a.facts("round-ended").map(({ result }) => result)).toEqual(["equal"]);
    expect(transcript(cluster, a)).toEqual([]);
  });

  it("[AE15] leave no reason for the round that would have come next", () => {
    const { cluster, a } = equalMeanwhile({ roundTimeoutMs: 2_000, roundBackoffMinMs: 15_000 }, 5_000);
    expect(a.facts("round-ended").map(({ result }) => result)).toEqual(["aborted"]);
    expect(transcript(cluster, a)).toEqual([]);
  });
});

describe("documents that keep changing", () => {
  it("[AE9] are left to live push for two rounds at most", () => {
    const cluster = new Cluster();
    const a = cluster.add();
    const b = cluster.add({ peers: [a.url] });
    const busy = new Editor(cluster, a, "busy").type("x");
    new Editor(cluster, b, "b").type("b");
    cluster.run(3_000);
    cluster.records = true;
    cluster.loses = ({ messages }) => messages().some(({ type }) => type === "broadcast");
    a.mark();
    b.mark();
    for (let i = 0; i < 100; i++) {
      busy.type("x");
      cluster.run(200);
    }
    const asked = cluster.sent.flatMap(({ message }) => (message.type === "documents-ask" ? message.summaries : []));
    expect(asked.length).toBeGreaterThan(0);
    const rounds = [...a.facts("round-started"), ...b.facts("round-started")].length;
    expect(rounds).toBeLessThanOrEqual(3 * asked.length + 3);
    expect([...a.facts("reconciliation-stuck"), ...b.facts("reconciliation-stuck")]).toEqual([]);
  });
});

describe("replicas that cannot become equal", () => {
  /** One set tree says of a document what its rows do not. */
  function disagreeing() {
    const { cluster, a, b } = apart(["n", "m"]);
    const key = createFingerprintKey(CLUSTER);
    const wrong = digestDocument(key, 1, new Uint8Array(16), Uint32Array.of(1, 2, 3, 4));
    const tree = new SetTree(b.store, key, 32);
    tree.begin();
    b.store.transaction(() => tree.replace(documentKey("n"), wrong));
    cluster.remove(b);
    const again = cluster.add({ store: b.store, peers: [a.url] });
    return { cluster, a, b: again };
  }

  it("[AE10] back off, growing, raise the alarm, and do not flood the wire", () => {
    const { cluster, a, b } = disagreeing();
    cluster.records = true;
    cluster.run(120_000);
    const ended = [...a.facts("round-ended"), ...b.facts("round-ended")];
    expect(ended.filter(({ result }) => result === "stuck").length).toBeGreaterThanOrEqual(5);
    expect(ended.length).toBeLessThan(30);
    const alarms = [...a.facts("reconciliation-stuck"), ...b.facts("reconciliation-stuck")];
    expect(alarms.length).toBeGreaterThan(0);
    expect(alarms[0]!.rounds).toBe(5);
    expect(cluster.sent.length).toBeLessThan(500);
  });

  it("[AE10] do not keep other documents from becoming equal", () => {
    const { cluster, a, b } = disagreeing();
    cluster.run(60_000);
    cluster.loses = ({ messages }) => messages().some(({ type }) => type === "broadcast");
    new Editor(cluster, a, "m").type("and more");
    cluster.run(40_000);
    expect(textOf(b, "m", cluster.now)).toBe(textOf(a, "m", cluster.now));
  });
});

it("[AE11] a repair is passed on along a chain, without waiting for the next interval", () => {
  const cluster = new Cluster();
  const a = cluster.add({ discovery: false });
  const b = cluster.add({ peers: [a.url], discovery: false });
  const c = cluster.add({ peers: [b.url], discovery: false });
  new Editor(cluster, c, "so that c is not empty").type("c");
  cluster.run(3_000);
  cluster.cut(a, b);
  cluster.loses = ({ from, to }) => from === a || to === a;
  new Editor(cluster, a, "n").type("x".repeat(400_000));
  cluster.run(0);
  cluster.loses = () => false;
  const took = cluster.until(() => textOf(c, "n", cluster.now)?.length === 400_000, 15_000);
  expect(took).toBeLessThan(8_000);
  expect(cluster.equal).toBe(true);
});

it("[AE12] the lower process asks, the other only tells", () => {
  const { cluster, a, b } = apart(["n"]);
  new Editor(cluster, b, "n").type("more");
  cluster.run(0);
  heal(cluster, b);
  expect(a.replica.processId < b.replica.processId).toBe(true);
  expect(new Set(transcript(cluster, a).filter((line) => line.endsWith("ask")))).toEqual(
    new Set(["a nodes-ask", "a documents-ask"]),
  );
});
