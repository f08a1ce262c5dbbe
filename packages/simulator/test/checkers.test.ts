/** Every checker bites: each is shown a broken promise, planted by hand, and must name it. */
import { contentDigest } from "@yarrow/replica";
import * as Y from "yjs";
import { describe, expect, test } from "vitest";
import { checkBounds } from "../src/checkers/bounds.ts";
import { checkConvergence, checkEditor } from "../src/checkers/convergence.ts";
import { checkFingerprints } from "../src/checkers/fingerprints.ts";
import { Cluster } from "../src/cluster.ts";
import { checkRest } from "../src/checkers/rest.ts";
import { checkViews } from "../src/checkers/views.ts";
import { checkWaiting } from "../src/checkers/waiting.ts";
import type { SimulatedPeer } from "../src/peer.ts";
import { Scene } from "./scene.ts";

const NAME = "page";

function withContent(): { scene: Scene; store: SimulatedPeer["disk"]["store"] } {
  const scene = new Scene();
  scene.type(scene.tab(scene.a), "one").while();
  return { scene, store: scene.b.disk.store };
}

function row(peer: SimulatedPeer) {
  const found = peer.disk.store.readDocument(NAME);
  if (found?.fence === undefined) throw new Error("the document is there");
  return { ...found, fence: found.fence };
}

/** The last row of the document vanishes from the disk, with everything that tells of it. */
function dropLastRow(scene: Scene, peer: SimulatedPeer): void {
  const { store } = peer.disk;
  const before = store.clone();
  const tab = scene.tab(scene.a);
  scene.type(tab, "two").while();
  const lost = before.readDocument(NAME);
  if (lost?.fence === undefined) throw new Error("the document is there");
  const { fence } = lost;
  peer.crash(0);
  store.transaction(() => {
    store.writeDocument({ ...lost, fence });
    store.deleteLog(lost.id, lost.incarnation, store.lastSequence());
    store.deleteCheckpoint(lost.id);
    for (const { segments } of before.readLog(lost.id, lost.incarnation, 0, 100)) {
      store.appendLog({ document: lost.id, incarnation: lost.incarnation, arrivedMs: 0, segments: segments ?? [] });
    }
  });
}

describe("the ledger", () => {
  test("[SIM2] sees an acknowledged update that a disk no longer holds", () => {
    const { scene } = withContent();
    dropLastRow(scene, scene.b);
    expect(() => scene.cluster.ledger.check()).toThrow(/^ledger: peer 1 has lost acknowledged updates of page/);
  });

  test("[SIM2] sees an acknowledgement of what was never committed", () => {
    const { scene } = withContent();
    const tab = scene.tab(scene.a);
    expect(() => scene.cluster.ledger.acknowledged(tab, scene.a, 7, 1)).toThrow(/^ledger: peer-0 acknowledged clock 7/);
  });

  test("[SIM2] forgives a disk that may forget, but only what no other disk holds", () => {
    const { scene } = withContent();
    const copy = scene.a.disk.copy();
    dropLastRow(scene, scene.b);
    scene.cluster.forgive(scene.b);
    // The other peer still has it, so it is still owed.
    expect(() => scene.cluster.ledger.check()).toThrow(/^ledger/);
    scene.a.crash(0);
    scene.a.disk = copy;
    scene.cluster.forgive(scene.a);
    scene.cluster.ledger.check();
  });
});

describe("convergence", () => {
  test("[SIM1] sees peers that hold different sets", () => {
    const { scene } = withContent();
    scene.part().type(scene.tab(scene.b), "two");
    expect(() => checkConvergence(scene.cluster.peers)).toThrow(/^convergence: roots differ/);
  });

  test("[SIM1] sees equal fingerprints over different content", () => {
    const { scene, store } = withContent();
    const { id, incarnation } = row(scene.b);
    const [first] = store.readLog(id, incarnation, 0, 1);
    const forged = forge(first?.segments?.[0]?.update, "one ", "two ");
    store.damage.log(first?.sequence ?? 0);
    store.transaction(() => {
      store.deleteLog(id, incarnation, store.lastSequence());
      store.appendLog({
        document: id,
        incarnation,
        arrivedMs: 0,
        segments: [{ principal: "", source: "local", update: forged }],
      });
    });
    expect(() => checkConvergence(scene.cluster.peers)).toThrow(
      /^convergence: peer-1 reads page otherwise, with an equal fingerprint/,
    );
  });

  test("[SIM1] sees a tab that shows something else", () => {
    const { scene } = withContent();
    const agreed = checkConvergence(scene.cluster.peers);
    const tab = scene.cluster.browsers[0]!;
    checkEditor(tab.editor, tab.place, agreed);
    scene.goOffline(tab).type(tab, "two");
    expect(() => checkEditor(tab.editor, tab.place, agreed)).toThrow(/^convergence: tab-2 shows page otherwise/);
  });
});

describe("authorship", () => {
  test("[SIM3] sees content that its client has written otherwise", () => {
    const { scene } = withContent();
    const { authorship } = scene.cluster;
    const document = scene.b.disk.inspector.document(NAME)!;
    const update = Y.mergeUpdates(document.parts());
    authorship.checkContent(NAME, document, contentDigest([update], document.deleteSet()));
    const forged = contentDigest([forge(update, "one ", "two ")], document.deleteSet());
    expect(() => authorship.checkContent(NAME, document, forged)).toThrow(/^authorship: page reads otherwise/);
  });

  test("[SIM3] sees a client that nobody is, and a clock that nobody reached", () => {
    const { scene } = withContent();
    const { authorship } = scene.cluster;
    const document = scene.b.disk.inspector.document(NAME)!;
    const stranger = { ...document, clocks: new Map([...document.clocks, [99, 1]]) };
    expect(() => authorship.checkClocks(NAME, stranger)).toThrow(/^authorship: page holds client 99/);
    const ahead = { ...document, clocks: new Map([...document.clocks].map(([client, clock]) => [client, clock + 1])) };
    expect(() => authorship.checkClocks(NAME, ahead)).toThrow(/^authorship: page holds clock 5/);
  });
});

describe("fingerprints", () => {
  test("[SIM4] see a record whose fingerprint does not follow from its rows", () => {
    const { scene, store } = withContent();
    checkFingerprints(scene.b);
    const good = row(scene.b);
    const fingerprint = good.fingerprint.slice();
    fingerprint[3] = (fingerprint[3] ?? 0) ^ 1;
    store.transaction(() => store.writeDocument({ ...good, fingerprint }));
    expect(() => checkFingerprints(scene.b)).toThrow(/^fingerprints: peer-1, page: /);
  });

  test("[SIM4] see a set tree that does not agree with the records", () => {
    const { scene, store } = withContent();
    const [bucket] = store.listBuckets(undefined, 1);
    const items = bucket?.items?.slice() ?? new Uint8Array(0);
    items[items.length - 1] = (items.at(-1) ?? 0) ^ 1;
    store.transaction(() => store.writeBucket({ path: bucket?.path ?? "", items }));
    expect(() => checkFingerprints(scene.b)).toThrow(/the set tree does not agree/);
  });
});

describe("monotony", () => {
  test("[SIM5] sees a disk that holds less than before", () => {
    const { scene } = withContent();
    const { monotony } = scene.cluster;
    monotony.check(scene.b);
    scene.type(scene.tab(scene.a), "more").while();
    monotony.check(scene.b);
    dropLastRow(scene, scene.b);
    expect(() => {
      monotony.check(scene.b);
      dropTo(scene.b, 0);
      monotony.check(scene.b);
    }).toThrow(/^monotony: peer-1 has less of page/);
  });

  test("[SIM5] lets a disk forget that may", () => {
    const { scene } = withContent();
    const { monotony } = scene.cluster;
    monotony.check(scene.b);
    scene.b.crash(0);
    dropTo(scene.b, 0);
    scene.cluster.forgive(scene.b);
    expect(() => monotony.check(scene.b)).not.toThrow();
  });
});

describe("deletions", () => {
  test("[SIM6] see a document that died unasked", () => {
    const { scene, store } = withContent();
    const good = row(scene.b);
    store.transaction(() => store.writeDocument({ ...good, incarnation: 2 }));
    const { deletions } = scene.cluster;
    deletions.lost(scene.b);
    expect(() => deletions.written(scene.b, [NAME], { asked: new Set(), originates: true })).toThrow(
      /^deletions: peer-1 deleted page/,
    );
  });

  test("[SIM6] see a dead client in a later life of its document", () => {
    const { scene } = withContent();
    const update = Y.mergeUpdates(scene.b.disk.inspector.document(NAME)!.parts());
    scene.delete(scene.a);
    scene.type(scene.tab(scene.a), "new").type(scene.tab(scene.b), "newer");
    const effect = { type: "deliver", name: NAME, incarnation: 3, update, writers: [] } as const;
    expect(() => scene.cluster.deletions.shown(scene.b, effect)).toThrow(
      /^deletions: peer-1 took client .*, dead since incarnation 1, into 3/,
    );
  });

  test("[SIM6] see a peer that does not fence whom it has shown", () => {
    const { scene, store } = withContent();
    const good = row(scene.b);
    scene.b.disk.store.transaction(() => store.writeDocument({ ...good, incarnation: 2 }));
    const check = (): void =>
      scene.cluster.deletions.written(scene.b, [NAME], { asked: new Set([NAME]), originates: true });
    expect(check).toThrow(/^deletions: peer-1 ended incarnation 1 of page and did not fence client/);
  });

  test("[SIM6] see an incarnation or a fence that goes back", () => {
    const { scene, store } = withContent();
    scene.delete(scene.a);
    const deleted = row(scene.b);
    store.transaction(() => store.writeDocument({ ...deleted, fence: new Uint8Array(0) }));
    const { deletions } = scene.cluster;
    expect(() => deletions.written(scene.b, [NAME], { asked: new Set(), originates: true })).toThrow(
      /^deletions: peer-1 forgot that client/,
    );
    store.transaction(() => store.writeDocument({ ...deleted, incarnation: 1 }));
    expect(() => deletions.written(scene.b, [NAME], { asked: new Set(), originates: true })).toThrow(
      /^deletions: peer-1 went back from incarnation 2 to 1/,
    );
  });
});

describe("bounds and rest", () => {
  test("[SIM5] see a table over its limit", () => {
    const { scene } = withContent();
    checkBounds(scene.a);
    const { replica } = scene.a;
    const counted = { ...replica!.status(scene.a.now()), subscribers: 1_000 };
    Object.defineProperty(replica, "status", { value: () => counted });
    expect(() => checkBounds(scene.a)).toThrow(/^bounds: peer-0 has 1000 subscribers of the replica/);
  });

  test("[SIM5] see a peer that goes on writing and sending", () => {
    const { scene } = withContent();
    checkRest(scene.cluster);
    const tab = scene.tab(scene.a);
    scene.cluster.timeline.after(10_000, () => tab.editor.text.insert(0, "late "));
    expect(() => checkRest(scene.cluster)).toThrow(/^rest: peer-0 still sends broadcast to peer-1/);
  });
});

describe("views", () => {
  /** What a peer says of itself, with its links replaced. */
  function withoutLinks(peer: SimulatedPeer): void {
    const { replica } = peer;
    const told = { ...replica!.status(peer.now()), links: [] };
    Object.defineProperty(replica, "status", { value: () => told });
  }

  test("[SIM22] see a link of which only one end knows", () => {
    const { a, b, cluster } = new Scene();
    checkViews(cluster);
    withoutLinks(b);
    expect(() => checkViews(cluster)).toThrow(/^views: peer-0 has a link to peer-1, who has none to it/);
    expect(a.replica!.status(a.now()).links).toHaveLength(1);
  });

  test("[SIM22] see two peers that have learnt of each other, and are not linked", () => {
    const { a, b, cluster } = new Scene();
    withoutLinks(a);
    withoutLinks(b);
    expect(() => checkViews(cluster)).toThrow(/^views: peer-0 has no link to peer-1/);
  });

  test("[SIM22] see a peer that nobody reaches, where links are listed and not learnt", () => {
    const cluster = new Cluster({ seed: 1, adversarial: false, replicaConfig: {} });
    const a = cluster.addPeer({ discovery: false });
    const b = cluster.addPeer({ discovery: false, peers: [a.settings.url] });
    cluster.run(90_000);
    checkViews(cluster);
    withoutLinks(a);
    withoutLinks(b);
    expect(() => checkViews(cluster)).toThrow(/^views: peer-1 is cut off from the others/);
  });
});

describe("timeliness", () => {
  test("[SIM10] sees a tab that is connected and was not shown what its peer holds", () => {
    const { scene } = withContent();
    const { timeliness, browsers } = scene.cluster;
    timeliness.expect(browsers);
    timeliness.check();
    expect(timeliness.checked).toBe(1);
    browsers[0]!.editor.receive = () => undefined;
    scene.type(scene.tab(scene.b), "two").while();
    timeliness.expect(browsers);
    expect(() => timeliness.check()).toThrow(/^timeliness: tab-2 in page has clock 0 of client/);
  });
});

describe("waiting", () => {
  test("[SIM11] sees an update that waits for what its disk has", () => {
    const { scene, store } = withContent();
    const { id } = row(scene.b);
    checkWaiting(scene.b);
    const [update] = scene.b.disk.inspector.document(NAME)!.parts();
    store.transaction(() => store.addPending(id, { principal: "", source: "local", update: update! }));
    expect(() => checkWaiting(scene.b)).toThrow(/^waiting: 21 bytes of page wait at peer-1 for what it has/);
  });

  test("[SIM11] nothing waits of a tab that was closed before it was asked for what is missing", () => {
    const { scene } = withContent();
    const tab = scene.tab(scene.a);
    scene.goOffline(tab).type(tab, "unheard");
    tab.peer = scene.b;
    scene.cluster.network.healAll();
    const broken = tab.connection;
    while (tab.connection === undefined || tab.connection === broken) scene.while(1);
    // What the peer asks is never read.
    tab.connection.setReading(0, false);
    scene.type(tab, "last").cluster.closeTab(tab);
    scene.while();
    expect(scene.agreed()).toEqual(["one"]);
    for (const peer of scene.cluster.peers) {
      expect(peer.disk.inspector.document(NAME)!.pendingBytes).toBe(0);
      checkWaiting(peer);
    }
  });
});

describe("copies", () => {
  test("[SIM12] see an echo that did not wait for as many disks as were wanted", () => {
    const cluster = new Cluster({ seed: 3, adversarial: false, replicaConfig: {} });
    const primary = cluster.addPeer({ copies: { copies: 1, whenMissing: "wait", timeoutMs: 1_000 } });
    cluster.addPeer({ peers: [primary.settings.url] });
    const tab = cluster.openTab(NAME, primary);
    cluster.run(5_000);
    tab.editor.text.insert(0, "one ");
    cluster.run(5_000);
    expect(cluster.counters).toMatchObject({ acknowledged: 1, echoesWithCopies: 1 });
    const { replica } = primary;
    const status = replica!.status(primary.now());
    const wanting = { ...status, copies: { ...status.copies, wanted: 2 } };
    Object.defineProperty(replica, "status", { value: () => wanting });
    tab.editor.text.insert(0, "two ");
    expect(() => cluster.run(5_000)).toThrow(/^copies: peer-0 told tab-2 in page .*; 2 of 3 have it/);
  });
});

describe("an hour", () => {
  test("[SIM2] whose peer shows what it does not keep is found out", () => {
    const cluster = new Cluster({ seed: 5, adversarial: false, replicaConfig: {} });
    const peer = cluster.addPeer();
    const { store } = peer.disk;
    const { appendLog } = store;
    // A disk that says it has written and has not.
    store.appendLog = (entry) => appendLog.call(store, { ...entry, segments: [] });
    const tab = cluster.openTab(NAME, peer);
    cluster.run(5_000);
    tab.editor.text.insert(0, "gone ");
    cluster.run(5_000);
    expect(cluster.counters.acknowledged).toBe(1);
    expect(() => cluster.ledger.check()).toThrow(/^ledger: peer 0 has lost acknowledged updates/);
  });
});

/** Empties a document's rows after a sequence; records are left as they are. */
function dropTo({ disk }: SimulatedPeer, sequence: number): void {
  const { store } = disk;
  const found = store.readDocument(NAME);
  if (found?.fence === undefined) throw new Error("the document is there");
  store.transaction(() => {
    for (const entry of store.readLog(found.id, found.incarnation, sequence, 1_000)) {
      store.deleteLog(found.id, found.incarnation, entry.sequence);
    }
    store.deleteCheckpoint(found.id);
    store.deleteSnapshot(found.id, found.incarnation, "head");
  });
}

/** The same structs with another text of the same length. */
function forge(update: Uint8Array | undefined, text: string, other: string): Uint8Array {
  if (update === undefined) throw new Error("there is an update");
  const bytes = update.slice();
  const from = [...text].map((character) => character.charCodeAt(0));
  const at = bytes.findIndex((_, index) => from.every((code, offset) => bytes[index + offset] === code));
  if (at < 0) throw new Error("the text is in the update");
  for (let offset = 0; offset < other.length; offset++) bytes[at + offset] = other.charCodeAt(offset);
  return bytes;
}
