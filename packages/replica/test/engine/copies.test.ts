/** Acknowledgements that wait for copies. The words: docs/spec/cop.md. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import type { CopiesPolicy } from "../../src/copies-policy.ts";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor, peerIdOf, textOf } from "./cluster.ts";

type Config = NonNullable<Parameters<Cluster["add"]>[0]>["config"];

/** A peer that wants copies, and others linked to it. Frames take 5 ms. */
function primary(followers: number, copies: Partial<CopiesPolicy>, config: Config = {}) {
  const cluster = new Cluster();
  const a = cluster.add({ copies, config });
  const others = Array.from({ length: followers }, () => cluster.add({ peers: [a.url] }));
  cluster.run(3_000);
  cluster.latencyMs = 5;
  const session = (name = "n"): Editor => {
    const editor = new Editor(cluster, a, name, { session: true });
    cluster.run(0);
    return editor.take();
  };
  return { cluster, a, others, session };
}

function clockOf(stateVector: Uint8Array, editor: Editor): number {
  return Y.decodeStateVector(stateVector).get(editor.doc.clientID) ?? 0;
}

/** Questions that left a peer. */
function questions(cluster: Cluster, from: Peer): number {
  return cluster.sent.filter((sent) => sent.from === from && sent.message.type === "cover-ask").length;
}

/** Nothing comes from `from` that says what it holds. */
function mute(cluster: Cluster, from: Peer): void {
  cluster.loses = (sent) => sent.from === from && sent.messages().some(({ type }) => type === "acknowledge");
}

function copiesOf(cluster: Cluster, peer: Peer) {
  return peer.replica.status(cluster.now).copies;
}

describe("an author", () => {
  it("[COP1] is echoed once enough other peers have committed, and others see the edit before", () => {
    const { cluster, a, others, session } = primary(2, { copies: 2 });
    const [writer, reader] = [session(), session()];
    mute(cluster, others[1]!);
    writer.type("x");
    cluster.run(50);
    expect(writer.take().echoed).toBe(0);
    expect(reader.take().text).toBe("x");
    expect(others.map((peer) => textOf(peer, "n", cluster.now))).toEqual(["x", "x"]);
    cluster.loses = () => false;
    cluster.run(600);
    expect(writer.take().echoed).toBe(1);
    expect(a.facts("copies-confirmed")).toMatchObject([{ edits: 1 }]);
  });

  it("[COP1] that is an embedded handle is told of both, the commit here and the copies", () => {
    const { cluster, a } = primary(1, { copies: 1 });
    const writer = new Editor(cluster, a, "n").type("x").type("y");
    cluster.run(0);
    expect(writer.take()).toMatchObject({ saved: 2, confirmed: 0 });
    expect(a.of("saved")).toMatchObject([{ edits: 2, waits: true }]);
    cluster.run(20);
    expect(writer.take()).toMatchObject({ saved: 2, confirmed: 2 });
    expect(a.of("echo")).toEqual([]);
  });

  it("[COP1] hears at once where no copies are wanted", () => {
    const { cluster, a, session } = primary(0, { copies: 0 });
    const writer = session().type("x");
    cluster.run(0);
    expect(writer.take().echoed).toBe(1);
    expect(a.of("saved")).toEqual([{ type: "saved", subscriber: writer.subscriber, edits: 1 }]);
    expect(copiesOf(cluster, a)).toMatchObject({ state: "off", wanted: 0 });
  });

  it("[COP1] of deletions alone waits as well", () => {
    const { cluster, others, session } = primary(1, { copies: 1 });
    const writer = session().type("xyz");
    cluster.run(50);
    mute(cluster, others[0]!);
    writer.take().doc.getText("t").delete(0, 2);
    cluster.run(50);
    expect(writer.take().echoes.length).toBe(1);
    cluster.loses = () => false;
    cluster.run(600);
    expect(writer.take().echoes.length).toBe(2);
  });
});

describe("questions", () => {
  it("[COP2] are one for each batch and document, whatever the number of edits", () => {
    const { cluster, a, session } = primary(1, { copies: 1 });
    const [one, two, other] = [session(), session(), session("m")];
    cluster.records = true;
    for (let i = 0; i < 50; i++) for (const writer of [one, two, other]) writer.type("x");
    cluster.run(100);
    expect(questions(cluster, a)).toBe(2);
    expect([one, two, other].map((writer) => writer.take().echoed)).toEqual([50, 50, 50]);
  });

  it("[COP2] of one document are bounded; what is written meanwhile is asked about together", () => {
    const { cluster, a, others, session } = primary(1, { copies: 1 }, { copiesQuestionsMax: 3 });
    const writer = session();
    cluster.records = true;
    for (let i = 0; i < 20; i++) {
      writer.type("x");
      cluster.step(a, ...a.inbox.splice(0));
    }
    expect(questions(cluster, a)).toBe(3);
    cluster.run(100);
    expect(questions(cluster, a)).toBe(4);
    expect(writer.take().echoed).toBe(20);
    expect(textOf(others[0]!, "n", cluster.now)).toBe("x".repeat(20));
  });

  it("[COP2] are asked again, for all that waits together, when a push or an answer was lost", () => {
    const { cluster, a, session } = primary(1, { copies: 1 });
    const writer = session();
    cluster.loses = ({ from }) => from === a;
    for (let i = 0; i < 5; i++) {
      writer.type("x");
      cluster.step(a, ...a.inbox.splice(0));
    }
    cluster.loses = () => false;
    cluster.records = true;
    cluster.run(3_000);
    expect(writer.take().echoed).toBe(5);
    expect(questions(cluster, a)).toBeLessThanOrEqual(4);
  });
});

describe("what a writer is sent while it waits", () => {
  it("[COP3] is what others wrote in the same batch, and not its own", () => {
    const { cluster, others, session } = primary(1, { copies: 1 });
    const [one, two] = [session(), session()];
    mute(cluster, others[0]!);
    one.type("a");
    two.type("b");
    cluster.run(50);
    for (const writer of [one, two]) {
      expect(writer.take().echoed).toBe(0);
      expect([...writer.text].sort()).toEqual(["a", "b"]);
    }
    cluster.loses = () => false;
    cluster.run(600);
    expect([one, two].map((writer) => writer.take().echoed)).toEqual([1, 1]);
    expect(one.text).toBe(two.text);
  });

  it("[COP3] is the whole batch, later, where many write to one document at once", () => {
    const { cluster, others, session } = primary(1, { copies: 1 });
    const writers = Array.from({ length: 9 }, () => session());
    mute(cluster, others[0]!);
    for (const [index, writer] of writers.entries()) writer.type(String(index));
    cluster.run(50);
    expect(writers.map((writer) => writer.take().text)).toEqual(writers.map((_, index) => String(index)));
    cluster.loses = () => false;
    cluster.run(600);
    const texts = new Set(writers.map((writer) => writer.take().text));
    expect(texts.size).toBe(1);
    expect([...texts][0]!.length).toBe(9);
    expect(writers.map((writer) => writer.echoed)).toEqual(writers.map(() => 1));
  });
});

describe("nothing else passes for an acknowledgement", () => {
  it("[COP4] the question to a tab that came again leaves out what waits, and what it sends again waits too", () => {
    const { cluster, a, others, session } = primary(1, { copies: 1 });
    const writer = session().type("x");
    cluster.run(50);
    mute(cluster, others[0]!);
    writer.take().type("y");
    cluster.run(50);
    cluster.step(a, { type: "detach", subscriber: writer.subscriber });
    // The same tab on a new connection.
    const again = new Editor(cluster, a, "n", { session: true });
    Y.applyUpdate(again.doc, writer.everything(), "remote");
    again.doc.clientID = writer.doc.clientID;
    cluster.run(0);
    expect(clockOf(again.take().asked, again)).toBe(1);
    const answer = Y.encodeStateAsUpdate(again.doc, again.asked);
    cluster.step(a, { type: "edit", subscriber: again.subscriber, update: answer, principal: "" });
    expect(again.take().echoed).toBe(0);
    cluster.loses = () => false;
    cluster.run(2_000);
    expect(again.take().echoed).toBe(2);
    again.attach();
    cluster.run(0);
    expect(clockOf(again.take().asked, again)).toBe(2);
  });

  it("[COP4] a session that asks again is answered when what it wrote is confirmed", () => {
    const { cluster, others, session } = primary(1, { copies: 1 });
    const writer = session();
    mute(cluster, others[0]!);
    writer.type("x");
    cluster.run(50);
    writer.attach();
    cluster.run(50);
    expect(writer.take().answers).toBe(1);
    cluster.loses = () => false;
    cluster.run(600);
    expect(writer.take()).toMatchObject({ answers: 2, echoed: 1 });
  });

  it("[COP4] what a tab's last connection brings is kept from its next one as well", () => {
    const { cluster, a, others, session } = primary(1, { copies: 1 });
    const reader = session();
    mute(cluster, others[0]!);
    const tab = new Y.Doc();
    tab.getText("t").insert(0, "x");
    const before = session();
    const next = new Editor(cluster, a, "n", { session: true });
    a.inbox.splice(0);
    const update = Y.encodeStateAsUpdate(tab);
    const stateVector = Y.encodeStateVector(tab);
    // Everything in one batch, as after a pause: the edit, the end of its connection, and the tab on a new one.
    cluster.step(
      a,
      { type: "edit", subscriber: before.subscriber, update, principal: "" },
      { type: "detach", subscriber: before.subscriber },
      { type: "attach", subscriber: next.subscriber, name: "n", stateVector },
    );
    expect(reader.take().text).toBe("x");
    expect(next.take().text).toBe("");
    expect(a.of("deliver").at(-1)?.deferred).toEqual([{ subscriber: next.subscriber, others: undefined }]);
    cluster.loses = () => false;
    cluster.run(600);
    expect(next.take().text).toBe("x");
  });

  it("[COP4] an edit that waited for what it refers to is echoed when it is confirmed, not when it is ready", () => {
    const { cluster, a, others, session } = primary(1, { copies: 1 });
    const [writer, other] = [session(), session()];
    mute(cluster, others[0]!);
    const updates: Uint8Array[] = [];
    const source = new Y.Doc();
    source.on("update", (update: Uint8Array) => updates.push(update));
    source.getText("t").insert(0, "x");
    source.getText("t").insert(1, "y");
    const edit = (editor: Editor, update: Uint8Array) =>
      cluster.step(a, { type: "edit", subscriber: editor.subscriber, update, principal: "" });
    edit(writer, updates[1]!);
    edit(other, updates[0]!);
    cluster.run(0);
    // The writer is shown what the other wrote; its own part has become ready, and waits.
    expect(writer.take().text).toBe("x");
    expect(other.take().text).toBe("");
    cluster.loses = () => false;
    cluster.run(600);
    expect(writer.take().text).toBe("xy");
    expect(other.take().text).toBe("xy");
  });
});

describe("without enough peers", () => {
  it("[COP5] `wait` holds the echo until one comes, however long that takes", () => {
    const { cluster, a, session } = primary(0, { copies: 1, whenMissing: "wait", timeoutMs: 100 });
    const writer = session().type("x");
    cluster.run(60_000);
    expect(writer.take().echoed).toBe(0);
    expect(copiesOf(cluster, a)).toMatchObject({
      state: "synchronous",
      waiting: { edits: 1, documents: 1, oldestMs: 60_000 },
    });
    cluster.add({ peers: [a.url] });
    cluster.run(3_000);
    expect(writer.take().echoed).toBe(1);
    expect(copiesOf(cluster, a).waiting).toEqual({ edits: 0, documents: 0, oldestMs: 0 });
  });

  it("[COP5] a session is let go when more of it waits than the limit allows", () => {
    const { cluster, a, session } = primary(0, { copies: 1 }, { copiesHeldBytesMax: 40 });
    const [writer, reader] = [session(), session("m")];
    writer.type("x".repeat(10));
    cluster.run(10);
    expect(writer.take().evicted).toBeUndefined();
    writer.type("x".repeat(30));
    cluster.run(10);
    expect(writer.take().evicted).toBe("overloaded");
    expect(reader.take().evicted).toBeUndefined();
    expect(a.facts("refused-update")).toMatchObject([{ code: "YARROW_COPIES_MISSING" }]);
    expect(copiesOf(cluster, a).waiting.edits).toBe(0);
  });

  it("[COP5] documents that wait are bounded, and so are the bytes of all sessions together", () => {
    const documents = primary(0, { copies: 1 }, { copiesDocumentsMax: 2 });
    const writers = ["a", "b", "c"].map((name) => documents.session(name).type("x"));
    documents.cluster.run(10);
    expect(writers.map((writer) => writer.take().evicted)).toEqual([undefined, undefined, "overloaded"]);
    const bytes = primary(0, { copies: 1 }, { copiesHeldTotalBytesMax: 100 });
    const many = ["a", "b", "c"].map((name) => bytes.session(name).type("x".repeat(30)));
    bytes.cluster.run(10);
    expect(many.map((writer) => writer.take().evicted)).toEqual([undefined, undefined, "overloaded"]);
  });

  it("[COP6] `degrade` echoes after the timeout, then at once, and says so once", () => {
    const { cluster, a, session } = primary(0, { copies: 1, whenMissing: "degrade", timeoutMs: 1_000 });
    const writer = session().type("x");
    cluster.run(999);
    expect(writer.take().echoed).toBe(0);
    cluster.run(251);
    expect(writer.take().echoed).toBe(1);
    for (let i = 2; i < 5; i++) {
      writer.type("x");
      cluster.run(0);
      expect(writer.take().echoed).toBe(i);
    }
    cluster.run(60_000);
    expect(a.facts("copies-degraded")).toEqual([{ kind: "copies-degraded", wanted: 1, waiting: 1, name: "n" }]);
    expect(a.facts("copies-skipped").reduce((sum, { edits }) => sum + edits, 0)).toBe(4);
    expect(copiesOf(cluster, a)).toMatchObject({ state: "degraded", degradations: 1, skipped: 4 });
  });

  it("[COP6] it comes back by itself when a peer has caught up, and waits again", () => {
    const { cluster, a, session } = primary(0, { copies: 1, whenMissing: "degrade", timeoutMs: 500 });
    const writer = session().type("x");
    cluster.run(2_000);
    expect(copiesOf(cluster, a).state).toBe("degraded");
    const b = cluster.add({ peers: [a.url] });
    // Others go on writing meanwhile.
    for (let i = 0; i < 100; i++) {
      writer.type("y");
      cluster.run(40);
    }
    expect(copiesOf(cluster, a)).toMatchObject({ state: "synchronous", peers: [{ peerId: b.replica.peerId }] });
    expect(a.facts("copies-recovered").length).toBe(1);
    mute(cluster, b);
    const told = writer.take().echoed;
    writer.type("z");
    cluster.run(300);
    expect(writer.take().echoed).toBe(told);
  });

  it("[COP6] a peer that acknowledges nothing in time ends no degradation", () => {
    const { cluster, a, others, session } = primary(1, { copies: 2, whenMissing: "degrade", timeoutMs: 500 });
    session().type("x");
    cluster.run(30_000);
    expect(copiesOf(cluster, a)).toMatchObject({ state: "degraded", peers: [{ peerId: others[0]!.replica.peerId }] });
    expect(a.facts("copies-recovered")).toEqual([]);
  });
});

describe("who counts", () => {
  it("[COP7] peers at any depth, each identity once", () => {
    const cluster = new Cluster();
    const a = cluster.add({ copies: { copies: 2 }, discovery: false });
    const b = cluster.add({ peers: [a.url], discovery: false });
    cluster.run(2_000);
    const clone = b.store.clone();
    cluster.add({ peers: [a.url], store: clone, discovery: false });
    cluster.run(2_000);
    const writer = new Editor(cluster, a, "n", { session: true }).type("x");
    cluster.run(2_000);
    expect(writer.take().echoed).toBe(0);
    const c = cluster.add({ peers: [b.url], discovery: false });
    cluster.run(3_000);
    expect(writer.take().echoed).toBe(1);
    expect(
      copiesOf(cluster, a)
        .peers.map(({ peerId }) => peerId)
        .sort(),
    ).toEqual([peerIdOf(2), c.replica.peerId].sort());
  });

  it("[COP7] an answer is given after the commit, and counts for what was asked", () => {
    const { cluster, a, others, session } = primary(1, { copies: 1 });
    const writer = session();
    others[0]!.store.failNext("full", 1);
    writer.type("x");
    cluster.run(20);
    expect(textOf(others[0]!, "n", cluster.now)).toBeUndefined();
    expect(writer.take().echoed).toBe(0);
    cluster.run(10_000);
    expect(writer.take().echoed).toBe(1);
    expect(copiesOf(cluster, a).state).toBe("synchronous");
  });
});

describe("a document that dies", () => {
  it("[COP1] takes with it what waited there", () => {
    const { cluster, a, session } = primary(0, { copies: 1 });
    const writer = session().type("x");
    cluster.run(10);
    cluster.step(a, { type: "delete", request: 1, name: "n" });
    expect(writer.take().evicted).toBe("deleted");
    expect(copiesOf(cluster, a).waiting).toEqual({ edits: 0, documents: 0, oldestMs: 0 });
    const next = session().type("new");
    cluster.add({ peers: [a.url] });
    cluster.run(3_000);
    expect(next.take().echoed).toBe(3);
  });
});
