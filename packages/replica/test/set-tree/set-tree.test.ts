import type { DocumentKey, Message, PeerId } from "@yarrow/protocol";
import { NODES_PER_MESSAGE_MAX, toHex } from "@yarrow/protocol";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Responder } from "../../src/anti-entropy/responder.ts";
import { PATHS_IN_BREADTH_MAX, Round } from "../../src/anti-entropy/round.ts";
import { createFingerprintKey, digestDocument, sumContribution } from "../../src/document/fingerprint.ts";
import { clusterIdOf, documentKey } from "../../src/document/keys.ts";
import type { Link } from "../../src/links/link.ts";
import { MemoryStore } from "../../src/memory-store.ts";
import { SetTree } from "../../src/set-tree/set-tree.ts";
import type { DocumentRow } from "../../src/store.ts";

const KEY = createFingerprintKey(clusterIdOf("test"));
const NO_FENCE = new Uint8Array(16);
const ZEROS = "00".repeat(16);

function newStore(): MemoryStore {
  return new MemoryStore({ peerId: "aa".repeat(16) as PeerId });
}

/** The digest of a document whose fingerprint begins with `version`. */
function digestOf(version: number): Uint8Array {
  return digestDocument(KEY, 1, NO_FENCE, Uint32Array.of(version, 0, 0, 0));
}

function put(store: MemoryStore, tree: SetTree, key: DocumentKey, version: number): void {
  tree.begin();
  store.transaction(() => tree.replace(key, digestOf(version)));
}

/** The sum below a path, from the formula alone. */
function expectedSum(documents: ReadonlyMap<DocumentKey, number>, path: string): string {
  const lanes = new Uint32Array(4);
  for (const [key, version] of documents) {
    if (!key.startsWith(path)) continue;
    sumContribution(KEY, key, digestOf(version)).forEach((lane, i) => (lanes[i] = lanes[i]! + lane));
  }
  return toHex(new Uint8Array(lanes.buffer));
}

function expectTree(tree: SetTree, documents: ReadonlyMap<DocumentKey, number>): void {
  expect(tree.documents).toBe(documents.size);
  expect(toHex(tree.root())).toBe(expectedSum(documents, ""));
  for (const path of ["", "0", "00", "7", "f"]) {
    const expected = [..."0123456789abcdef"].map((digit) => expectedSum(documents, path + digit));
    expect(tree.children(path).map(toHex)).toEqual(expected);
  }
  for (const [key, version] of documents) expect(tree.itemOf(key)).toEqual(digestOf(version));
}

/** Few different first digits, so that leaves split deep. */
const key = fc
  .tuple(fc.constantFrom("00", "01", "7", "f"), fc.nat(200))
  .map(([prefix, n]) => (prefix + documentKey(`${n}`)).slice(0, 16) as DocumentKey);
const changes = fc.array(fc.tuple(key, fc.integer({ min: 1, max: 5 })), { maxLength: 120 });

describe("the set tree", () => {
  it("[AE3] its sums equal a recomputation after any inserts and replacements, however its leaves split", () => {
    fc.assert(
      fc.property(changes, fc.constantFrom(2, 4, 32), (list, leafDocumentsMax) => {
        const store = newStore();
        const tree = new SetTree(store, KEY, leafDocumentsMax);
        const documents = new Map<DocumentKey, number>();
        for (const [at, version] of list) {
          put(store, tree, at, version);
          documents.set(at, version);
        }
        expectTree(tree, documents);
        expectTree(new SetTree(store, KEY, leafDocumentsMax), documents);
      }),
      { numRuns: 60 },
    );
  });

  it("[AE3] many changes at once are the same as one after the other", () => {
    fc.assert(
      fc.property(changes, (list) => {
        const [one, many] = [newStore(), newStore()];
        const [tree, other] = [new SetTree(one, KEY, 4), new SetTree(many, KEY, 4)];
        const documents = new Map(list);
        for (const [at, version] of documents) put(one, tree, at, version);
        other.begin();
        many.transaction(() => {
          other.replaceAll([...documents].map(([at, version]) => ({ key: at, digest: digestOf(version) })));
        });
        expectTree(other, documents);
        expect(toHex(tree.root())).toBe(toHex(other.root()));
      }),
      { numRuns: 40 },
    );
  });

  it("[AE3] a rollback restores it, splits included", () => {
    fc.assert(
      fc.property(changes, changes, (kept, undone) => {
        const store = newStore();
        const tree = new SetTree(store, KEY, 2);
        const documents = new Map(kept);
        for (const [at, version] of documents) put(store, tree, at, version);
        const size = tree.size;
        tree.begin();
        expect(() =>
          store.transaction(() => {
            for (const [at, version] of undone) tree.replace(at, digestOf(version));
            throw new Error("no");
          }),
        ).toThrow("no");
        tree.rollback();
        expect(tree.size).toBe(size);
        expectTree(tree, documents);
      }),
      { numRuns: 40 },
    );
  });

  it("an empty one is zeros, and an unknown path holds nothing", () => {
    const tree = new SetTree(newStore(), KEY, 4);
    expect(toHex(tree.root())).toBe(ZEROS);
    expect(tree.items("abc")).toEqual([]);
    expect(tree.children("abc").map(toHex)).toEqual(new Array(16).fill(ZEROS));
    expect(tree.itemOf(documentKey("x"))).toBeUndefined();
  });

  it("only an empty one takes another key", () => {
    const store = newStore();
    const tree = new SetTree(store, KEY, 4);
    tree.rekey(KEY);
    put(store, tree, documentKey("a"), 1);
    expect(() => tree.rekey(KEY)).toThrow(/only an empty set/);
  });
});

describe("a damaged leaf", () => {
  function written(store: MemoryStore, name: string, version: number): DocumentRow {
    return store.transaction(() => {
      const fingerprint = new Uint8Array(16);
      fingerprint[0] = version;
      const row = {
        ...store.createDocument(name, documentKey(name)),
        incarnation: 1,
        fence: new Uint8Array(0),
        fingerprint,
      };
      store.writeDocument(row);
      return row;
    });
  }

  it("[AE4] is made anew from the records of its documents, at start and while running", () => {
    const store = newStore();
    const tree = new SetTree(store, KEY, 4);
    const documents = new Map<DocumentKey, number>();
    for (let i = 1; i <= 40; i++) {
      const row = written(store, `document ${i}`, i);
      put(store, tree, row.key, i);
      documents.set(row.key, i);
    }
    for (const { path } of store.listBuckets(undefined, 1_000)) store.damage.bucket(path);
    expectTree(tree, documents);
    expectTree(new SetTree(store, KEY, 4), documents);
    for (const { items } of store.listBuckets(undefined, 1_000)) expect(items).toBeDefined();
  });

  it("[AE4] with a full disk the replica still starts", () => {
    const store = newStore();
    const row = written(store, "a", 1);
    put(store, new SetTree(store, KEY, 4), row.key, 1);
    store.damage.bucket("");
    store.failNext("full", 1);
    expectTree(new SetTree(store, KEY, 4), new Map([[row.key, 1]]));
  });
});

function newRound(): Round {
  const mark = { gap: 0, doubts: 0 };
  const limits = { sliceDocumentsMin: 1, sliceDocumentsMax: 1 };
  const timing = { now: 0, deadline: 1, phase: "descend", skipBusy: false, theirDocuments: 0, limits } as const;
  return new Round({ id: 1, link: 1, mark, ...timing });
}

describe("comparing two trees", () => {
  it("[AE27] remembers a bounded number of nodes of an answerer who says of each that all below it differ", () => {
    const mine = new SetTree(newStore(), KEY, 4);
    const round = newRound();
    const sums = Array.from({ length: 16 }, () => new Uint8Array(16).fill(1));
    round.begin(mine);
    let most = 0;
    for (let questions = 0; questions < 1_000; questions++) {
      const { paths } = round.ask(NODES_PER_MESSAGE_MAX, mine, () => false);
      round.take(
        paths.map((path) => ({ path, kind: "children", sums })),
        0,
        mine,
      );
      most = Math.max(most, round.paths.length);
    }
    // One question for each digit of a key, and its answer.
    expect(most).toBeLessThan(PATHS_IN_BREADTH_MAX + 16 * 16 * NODES_PER_MESSAGE_MAX);
  });

  /** Runs a round against another tree in place, and returns what it finds. */
  function differing(mine: SetTree, theirs: SetTree, summed = true): { keys: Set<DocumentKey>; questions: number } {
    const round = newRound();
    const answerer = new Responder({ tree: theirs } as ConstructorParameters<typeof Responder>[0]);
    let questions = 0;
    round.paths.push("");
    while (round.paths.length > 0) {
      questions++;
      const question = round.ask(NODES_PER_MESSAGE_MAX, mine, () => false);
      const sums = summed ? question.sums : [];
      const answer = (message: Message): void => {
        if (message.type !== "nodes") throw new Error("not an answer");
        if (summed) expect(message.nodes.length).toBeLessThanOrEqual(NODES_PER_MESSAGE_MAX);
        round.take(message.nodes, message.answered, mine);
      };
      answerer.nodes({ answer } as Link, { type: "nodes-ask", round: 1, paths: question.paths, sums });
      round.compare(mine, Number.POSITIVE_INFINITY);
    }
    return { keys: round.differing, questions };
  }

  it("[AE3] finds exactly what differs, whatever the leaf sizes of the two", () => {
    const version = fc.integer({ min: 0, max: 3 });
    const documents = fc.array(fc.tuple(key, version, version), { maxLength: 100 });
    fc.assert(
      fc.property(documents, fc.constantFrom(2, 5, 32), fc.constantFrom(2, 5, 32), (list, leavesHere, leavesThere) => {
        const [here, there] = [newStore(), newStore()];
        const mine = new SetTree(here, KEY, leavesHere);
        const theirs = new SetTree(there, KEY, leavesThere);
        const expected = new Set<DocumentKey>();
        for (const [at, a, b] of new Map(list.map((one) => [one[0], one])).values()) {
          if (a > 0) put(here, mine, at, a);
          if (b > 0) put(there, theirs, at, b);
          if (a !== b) expected.add(at);
        }
        expect(differing(mine, theirs).keys).toEqual(expected);
        expect(differing(theirs, mine).keys).toEqual(expected);
        expect(differing(mine, theirs, false).keys).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  it("[AE3, AE16] with sums each question goes two levels down, and what one answer does not hold is asked for again", () => {
    const [here, there] = [newStore(), newStore()];
    const items = Array.from({ length: 20_000 }, (_, i) => ({ key: documentKey(`${i}`), digest: digestOf(1) }));
    const [mine, theirs] = [new SetTree(here, KEY, 32), new SetTree(there, KEY, 32)];
    for (const [store, tree] of [
      [here, mine],
      [there, theirs],
    ] as const) {
      for (let from = 0; from < items.length; from += 250) {
        tree.begin();
        store.transaction(() => tree.replaceAll(items.slice(from, from + 250)));
      }
    }
    put(here, mine, items[7]!.key, 2);
    const { keys, questions } = differing(mine, theirs);
    expect([...keys]).toEqual([items[7]!.key]);
    // Leaves lie three levels down.
    expect(questions).toBe(2);
    expect(differing(mine, theirs, false).questions).toBe(4);
    for (const { key: at } of items.slice(0, 5_000)) put(here, mine, at, 3);
    const many = differing(mine, theirs);
    expect(many.keys.size).toBe(5_000);
    // 4,096 leaves, of which nearly all differ.
    expect(many.questions).toBeLessThan(2 * Math.ceil(4_096 / NODES_PER_MESSAGE_MAX));
  });
});

it("what 100,000 documents cost", () => {
  const store = newStore();
  const tree = new SetTree(store, KEY, 32);
  const keys = Array.from({ length: 100_000 }, (_, i) => documentKey(`${i}`));
  const startedAt = performance.now();
  for (const at of keys) put(store, tree, at, 1);
  const insertedAt = performance.now();
  const again = new SetTree(store, KEY, 32);
  const reloadedAt = performance.now();
  expect(toHex(again.root())).toBe(toHex(tree.root()));
  const [insert, reload] = [insertedAt - startedAt, reloadedAt - insertedAt].map(Math.round);
  console.log(`100,000 documents: ${tree.size} nodes, ${insert} ms to insert one by one, ${reload} ms to reload`);
});
