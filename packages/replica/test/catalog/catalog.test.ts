import type { PeerId } from "@yarrow/protocol";
import { DOCUMENT_BYTES_MAX, FENCE_IDS_MAX } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { Catalog } from "../../src/catalog/catalog.ts";
import { commitChanges, mendDocument } from "../../src/catalog/commit.ts";
import type { ReplicaConfig } from "../../src/config.ts";
import { createConfig } from "../../src/config.ts";
import { createFingerprintKey } from "../../src/document/fingerprint.ts";
import { clusterIdOf } from "../../src/document/keys.ts";
import { MemoryStore } from "../../src/memory-store.ts";
import { SetTree } from "../../src/set-tree/set-tree.ts";
import { createRandom } from "../document/random-edits.ts";

const KEY = createFingerprintKey(clusterIdOf("test"));

class Bench {
  readonly store = new MemoryStore({ peerId: "aa".repeat(16) as PeerId });
  readonly tree = new SetTree(this.store, KEY, 4);
  readonly config: ReplicaConfig;
  readonly catalog: Catalog;

  constructor(overrides: Partial<ReplicaConfig> = {}) {
    this.config = createConfig(overrides);
    this.catalog = new Catalog(this.store, KEY, this.config, (entry, setAside) =>
      mendDocument(this.store, this.tree, KEY, entry, setAside),
    );
  }

  /** Offers an update to an alive document, bringing it to life where it is not. */
  offer(name: string, update: Uint8Array, now = 0) {
    const staged = this.catalog.staged(this.catalog.entry(name, now));
    if (!staged.entry.alive) this.catalog.move(staged, staged.entry.incarnation + 1, []);
    return this.catalog.offer(staged, this.catalog.scan(update, "local"), "", "local").outcome;
  }

  commit(now = 0): void {
    const { store, tree, catalog, config } = this;
    for (const outcome of commitChanges({ store, tree, catalog, config, now }, catalog.takeStaged())) {
      if (!outcome.committed) catalog.evict(outcome.change.entry.name);
    }
  }

  /** What the entries in memory weigh, counted anew. */
  weigh(names: readonly string[], now: number): number {
    return names.reduce((sum, name) => sum + this.catalog.entry(name, now).bytes, 0);
  }
}

/** Updates of one client that typed character by character. */
function typed(text: string, clientID: number): Uint8Array[] {
  const doc = new Y.Doc();
  doc.clientID = clientID;
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  for (const character of text) doc.getText("t").insert(doc.getText("t").length, character);
  return updates;
}

/** Updates of two clients, each character typed behind the other's last. */
function takingTurns(count: number): Uint8Array[] {
  const docs = [1, 2].map((clientID) => Object.assign(new Y.Doc(), { clientID }));
  const updates: Uint8Array[] = [];
  for (const doc of docs) {
    doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin === "other") return;
      updates.push(update);
      for (const other of docs) if (other !== doc) Y.applyUpdate(other, update, "other");
    });
  }
  for (let turn = 0; turn < count; turn++) {
    const text = docs[turn % 2]!.getText("t");
    text.insert(text.length, "x");
  }
  return updates;
}

function clockBytes(clock: number): number[] {
  return clock < 128 ? [clock] : [(clock % 128) | 128, clock >> 7];
}

describe("the cache of documents", () => {
  it("[MEM4] counts what its entries weigh, whatever happens to them", () => {
    const random = createRandom(11);
    const bench = new Bench({ entryCacheBytesMax: 1e9 });
    const names = ["a", "b", "c", "d"];
    const updates = names.map((_, i) => typed("some text of a document", 100 + i));
    for (let turn = 0; turn < 400; turn++) {
      const which = random.below(names.length);
      const name = names[which]!;
      const choice = random.below(10);
      if (choice < 6) bench.offer(name, random.pick(updates[which]!));
      else if (choice === 6) {
        const staged = bench.catalog.staged(bench.catalog.entry(name, 0));
        bench.catalog.move(staged, staged.entry.incarnation + 1, [turn]);
        updates[which] = typed("another text", 1_000 + turn);
      } else if (choice === 7)
        bench.catalog.joinFence(bench.catalog.staged(bench.catalog.entry(name, 0)), [turn, turn + 1]);
      else {
        if (choice === 8) bench.store.failNext("full", random.below(3));
        bench.commit();
      }
      if (random.chance(0.1)) {
        bench.commit();
        bench.catalog.evict(random.pick(names));
      }
      const { entries, bytes } = bench.catalog.cached;
      if (entries === names.length) expect(bytes).toBe(bench.weigh(names, 0));
    }
    bench.commit();
    for (const name of names) bench.catalog.evict(name);
    expect(bench.catalog.cached).toEqual({ entries: 0, bytes: 0 });
  });

  it("[MEM4] lets go of the longest unused over its budget, and of the idle", () => {
    const bench = new Bench({ entryCacheBytesMax: 20_000, entryIdleMs: 1_000 });
    for (let i = 0; i < 100; i++) bench.catalog.entry(`${i}`, i);
    bench.catalog.trim(100);
    expect(bench.catalog.cached.bytes).toBeLessThanOrEqual(20_000);
    expect(bench.catalog.cached.entries).toBeGreaterThan(5);
    expect(bench.catalog.nextTrim()).toBeLessThanOrEqual(1_100);
    bench.catalog.entry("99", 900);
    bench.catalog.trim(1_500);
    expect(bench.catalog.cached.entries).toBe(1);
    bench.catalog.trim(1_900);
    expect(bench.catalog.cached).toEqual({ entries: 0, bytes: 0 });
    expect(bench.catalog.nextTrim()).toBe(Number.POSITIVE_INFINITY);
  });

  it("[MEM4] keeps what is staged", () => {
    const bench = new Bench({ entryCacheBytesMax: 0, entryIdleMs: 0 });
    bench.offer("a", typed("x", 1)[0]!);
    bench.catalog.trim(1e6);
    expect(bench.catalog.cached.entries).toBe(1);
    bench.commit();
    bench.catalog.trim(1e6);
    expect(bench.catalog.cached.entries).toBe(0);
    expect(bench.catalog.entry("a", 0).lattice.stateVector).toEqual(new Map([[1, 1]]));
  });
});

describe("updates that wait", () => {
  it("[MEM5] are taken in when what they lack comes, and nothing waits any more", () => {
    const bench = new Bench();
    const [one, two, three] = typed("abc", 1);
    expect(bench.offer("n", three!)).toBe("pending");
    expect(bench.offer("n", two!)).toBe("pending");
    bench.commit();
    expect(bench.store.counts().pending).toBe(2);
    expect(bench.offer("n", one!)).toBe("accepted");
    bench.commit();
    expect(bench.store.counts().pending).toBe(0);
    expect(bench.catalog.entry("n", 0)).toMatchObject({ pendingBytes: 0, pending: [] });
    bench.catalog.evict("n");
    expect(bench.catalog.entry("n", 0).lattice.stateVector).toEqual(new Map([[1, 3]]));
  });

  it("[PEND7] neither they nor the rest of an update wait on when each brings what the other lacks", () => {
    const bench = new Bench();
    const [one, two, three] = typed("abc", 1);
    bench.offer("n", two!);
    bench.commit();
    expect(bench.offer("n", Y.mergeUpdates([one!, three!]))).toBe("accepted");
    bench.commit();
    expect(bench.store.counts().pending).toBe(0);
    expect(bench.catalog.entry("n", 0).lattice.stateVector).toEqual(new Map([[1, 3]]));
  });

  it("[PEND8] sent backwards, or each needing another client's by turns, cost no more than forwards", () => {
    const bench = new Bench();
    const turns = takingTurns(1_500);
    const startedMs = performance.now();
    for (const update of [...typed("x".repeat(1_500), 9), ...turns].reverse()) {
      bench.offer("n", update);
      bench.commit();
      expect(bench.catalog.entry("n", 0).pending.length).toBeLessThanOrEqual(100);
    }
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(bench.store.counts().pending).toBe(0);
    expect(bench.catalog.entry("n", 0).lattice.stateVector).toEqual(
      new Map([
        [1, 750],
        [2, 750],
        [9, 1_500],
      ]),
    );
    // What was written down can be read back alone.
    bench.catalog.evict("n");
    expect(bench.catalog.entry("n", 0).lattice.stateVector.get(9)).toBe(1_500);
  }, 60_000);

  it("[PEND8] become one without losing what they delete", () => {
    const bench = new Bench();
    const [first, ...gaps] = typed("abc".repeat(70), 1);
    const deleted = (clock: number) => Uint8Array.of(1, 1, 1, ...clockBytes(clock), 0, 1, 0);
    for (const [index, update] of gaps.entries()) {
      bench.offer("n", index % 2 === 0 ? deleted(index + 1) : update);
      bench.offer("n", update);
    }
    expect(bench.catalog.entry("n", 0).pending.length).toBeLessThanOrEqual(100);
    bench.offer("n", first!);
    const { lattice, pending } = bench.catalog.entry("n", 0);
    expect(pending).toEqual([]);
    expect(lattice.stateVector.get(1)).toBe(210);
    let count = 0;
    const flat = lattice.deletes.get(1)!.view();
    for (let index = 0; index < flat.length; index += 2) count += flat[index + 1]! - flat[index]!;
    expect(count).toBe(105);
  });

  it("[MEM5] the same one again is nothing new", () => {
    const bench = new Bench();
    const [, two] = typed("ab", 1);
    expect(bench.offer("n", two!)).toBe("pending");
    expect(bench.offer("n", two!)).toBe("known");
    bench.commit();
    expect(bench.offer("n", two!)).toBe("known");
    expect(bench.store.counts().pending).toBe(1);
  });

  it("[MEM5] are bounded per document", () => {
    const bench = new Bench({ pendingBytesMax: 50 });
    const updates = typed("abcdefgh", 1).slice(1);
    expect(() => updates.forEach((update) => bench.offer("n", update))).toThrow(
      expect.objectContaining({ code: "YARROW_PENDING_FULL" }),
    );
    expect(bench.catalog.entry("n", 0).pendingBytes).toBeLessThanOrEqual(50);
  });

  it("[MEM5] go with their incarnation", () => {
    const bench = new Bench();
    bench.offer("n", typed("ab", 1)[1]!);
    bench.commit();
    const staged = bench.catalog.staged(bench.catalog.entry("n", 0));
    bench.catalog.move(staged, 2, []);
    bench.commit();
    expect(bench.store.counts().pending).toBe(0);
  });
});

describe("bounds of a document", () => {
  it("[MEM6] a local write beyond the size is refused; what another peer has accepted is not", () => {
    const bench = new Bench();
    bench.offer("n", typed("x", 1)[0]!);
    bench.commit();
    const { entry } = bench.catalog.staged(bench.catalog.entry("n", 0));
    entry.row = { ...entry.row!, headBytes: DOCUMENT_BYTES_MAX };
    const update = typed("y", 2)[0]!;
    expect(() => bench.offer("n", update)).toThrow(expect.objectContaining({ code: "YARROW_DOCUMENT_TOO_LARGE" }));
    const scanned = bench.catalog.scan(update, "repair");
    expect(bench.catalog.offer(bench.catalog.staged(entry), scanned, "", "repair").outcome).toBe("accepted");
  });

  it("[INC9] full fences of two peers hold the same ids, in whatever order these came", () => {
    const fences = [false, true].map((backwards) => {
      const bench = new Bench();
      const ids = Array.from({ length: FENCE_IDS_MAX + 50 }, (_, i) => 3 * i);
      const staged = bench.catalog.staged(bench.catalog.entry("n", 0));
      for (const id of backwards ? ids.reverse() : ids) bench.catalog.joinFence(staged, [id]);
      return [...staged.entry.fence].sort((a, b) => a - b);
    });
    expect(fences[0]!.length).toBe(FENCE_IDS_MAX);
    expect(fences[1]).toEqual(fences[0]);
  }, 60_000);
});
