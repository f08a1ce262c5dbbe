import { expect, test } from "vitest";
import * as Y from "yjs";
import { toHex, type YarrowErrorCode } from "@yarrow/protocol";
import { absorb } from "../../src/document/absorb.ts";
import { compactUpdates } from "../../src/document/compact.ts";
import { contentDigest } from "../../src/document/content-digest.ts";
import { createFingerprintKey, toBytes } from "../../src/document/fingerprint.ts";
import { clusterIdOf } from "../../src/document/keys.ts";
import { Contribution, decodeContribution, encodeContribution } from "../../src/document/contribution.ts";
import { Lattice } from "../../src/document/lattice.ts";
import { encodeDifference, mergeUpdates } from "../../src/document/merge.ts";
import { Ranges } from "../../src/document/ranges.ts";
import { scanUpdate } from "../../src/document/scan-update.ts";
import { createRandom, editRandomly, randomClientId, visibleContent, type Random } from "./random-edits.ts";

const KEY = createFingerprintKey(clusterIdOf("test"));
const withCode = (code: YarrowErrorCode) => expect.objectContaining({ code });

function contributionOf(clocks: readonly [number, number][], deletes: readonly [number, readonly number[]][] = []) {
  const contribution = new Contribution();
  for (const [client, clock] of clocks) contribution.clocks.set(client, clock);
  for (const [client, ranges] of deletes) contribution.deletes.set(client, Ranges.from(ranges));
  return contribution;
}

test("[FP8] a lattice grows by what is new and by nothing else", () => {
  const lattice = new Lattice(KEY);
  expect(lattice.join(contributionOf([[1, 5]], [[1, [1, 3]]]))).toBe(true);
  const before = [...lattice.fingerprint];
  expect(lattice.join(contributionOf([[1, 4]], [[1, [1, 2]]]))).toBe(false);
  expect([...lattice.fingerprint]).toEqual(before);
  expect(lattice.join(contributionOf([], [[1, [2, 4]]]))).toBe(true);
  expect(lattice.deletes.get(1)?.view()).toEqual([1, 4]);
  expect([...lattice.fingerprint]).toEqual([...lattice.recomputeFingerprint()]);
});

test("[FP8] it covers what it holds, clock by clock and range by range", () => {
  const lattice = new Lattice(KEY);
  lattice.join(contributionOf([[1, 5]], [[1, [1, 3]]]));
  expect(lattice.covers(contributionOf([[1, 5]], [[1, [2, 3]]]))).toBe(true);
  expect(lattice.covers(contributionOf([[1, 6]]))).toBe(false);
  expect(lattice.covers(contributionOf([[2, 1]]))).toBe(false);
  expect(lattice.covers(contributionOf([], [[1, [2, 4]]]))).toBe(false);
  expect(lattice.covers(contributionOf([], [[2, [0, 1]]]))).toBe(false);
});

test("[DOC16] a lattice comes back from its bytes, and equal lattices have equal bytes", () => {
  const lattice = new Lattice(KEY);
  lattice.join(
    contributionOf(
      [
        [2 ** 45, 9],
        [1, 2 ** 31],
      ],
      [
        [2 ** 45, [0, 1, 4, 5]],
        [7, [3, 4]],
      ],
    ),
  );
  const other = new Lattice(KEY);
  other.join(
    contributionOf(
      [[1, 7]],
      [
        [7, [3, 4]],
        [2 ** 45, [4, 5]],
      ],
    ),
  );
  other.join(
    contributionOf(
      [
        [1, 2 ** 31],
        [2 ** 45, 9],
      ],
      [[2 ** 45, [0, 1]]],
    ),
  );
  expect(other.encode()).toEqual(lattice.encode());
  const decoded = Lattice.decode(lattice.encode(), KEY);
  expect(decoded.encode()).toEqual(lattice.encode());
  expect(decoded.fingerprint).toEqual(lattice.fingerprint);
  expect(decoded.byteSize).toBe(lattice.byteSize);
  expect([1, 7, 2 ** 45, 8].map((client) => decoded.clientDeleteDigest(client))).toEqual(
    [1, 7, 2 ** 45, 8].map((client) => lattice.clientDeleteDigest(client)),
  );
});

test("[DOC17] the delete digest of a client is 0 only when it has no deletes, and tells them apart", () => {
  const lattice = new Lattice(KEY);
  lattice.join(
    contributionOf(
      [[1, 9]],
      [
        [2, [0, 3]],
        [3, [0, 3]],
        [4, [0, 4]],
      ],
    ),
  );
  const digests = [1, 2, 3, 4].map((client) => lattice.clientDeleteDigest(client));
  expect(digests[0]).toBe(0);
  expect(new Set(digests).size).toBe(4);
});

test.each([
  ["nothing", Uint8Array.of()],
  ["clients twice", Uint8Array.of(2, 1, 1, 0, 1, 0)],
  ["clock 0", Uint8Array.of(1, 1, 0, 0)],
  ["a client without ranges", Uint8Array.of(0, 1, 1, 0)],
  ["an empty range", Uint8Array.of(0, 1, 1, 1, 0, 0)],
  ["ranges that touch", Uint8Array.of(0, 1, 1, 2, 0, 1, 0, 1)],
  ["bytes left over", Uint8Array.of(0, 0, 0)],
])("[DOC16] refuses a contribution with %s", (_, bytes) => {
  expect(() => decodeContribution(bytes)).toThrow(withCode("YARROW_FRAME_INVALID"));
  expect(() => Lattice.decode(bytes, KEY)).toThrow(withCode("YARROW_STORE_CORRUPT"));
});

test("[DOC16] contributions join, and come back from their bytes", () => {
  const contribution = contributionOf([[1, 5]], [[1, [1, 3]]]);
  contribution.join(
    contributionOf(
      [
        [1, 3],
        [2, 8],
      ],
      [
        [1, [3, 4]],
        [9, [0, 1]],
      ],
    ),
  );
  const expected = contributionOf(
    [
      [1, 5],
      [2, 8],
    ],
    [
      [1, [1, 4]],
      [9, [0, 1]],
    ],
  );
  expect(encodeContribution(contribution)).toEqual(encodeContribution(expected));
  expect(encodeContribution(decodeContribution(encodeContribution(expected)))).toEqual(encodeContribution(expected));
});

/** A replica in miniature: lattice, log, pending, and for some a live Y.Doc that a user edits. */
class Site {
  readonly lattice = new Lattice(KEY);
  log: Uint8Array[] = [];
  pending: Uint8Array[] = [];
  readonly live: Y.Doc | undefined;

  constructor(live: Y.Doc | undefined) {
    this.live = live;
  }

  receive(update: Uint8Array): void {
    const { accepted, remainder } = absorb(this.lattice, scanUpdate(update));
    if (remainder !== undefined) this.pending.push(remainder);
    if (accepted === undefined) return;
    this.log.push(accepted);
    if (this.live !== undefined) Y.applyUpdate(this.live, accepted, "network");
    const waiting = this.pending;
    this.pending = [];
    for (const one of waiting) this.receive(one);
  }

  compact(): void {
    if (this.log.length > 1) this.log = [compactUpdates(this.log, this.lattice.encodeDeleteSet())];
  }

  /** What another lattice lacks: structs beyond its clocks, and deletes of the clients where they differ. */
  differenceFor(other: Lattice): Uint8Array {
    const differs = (client: number) => this.lattice.clientDeleteDigest(client) !== other.clientDeleteDigest(client);
    return encodeDifference(this.log, other.encodeStateVector(), this.lattice.encodeDeleteSet(differs));
  }

  digest(): string {
    return contentDigest(this.log, this.lattice.encodeDeleteSet());
  }
}

/** Three edited documents and one that only stores; updates lost, repeated, reordered, compacted in between. */
function scatter(random: Random): Site[] {
  const network: Uint8Array[] = [];
  const sites = [0, 1, 2, 3].map((index) => {
    if (index === 3) return new Site(undefined);
    const doc = new Y.Doc({ gc: index !== 1 });
    doc.clientID = randomClientId(random);
    const site = new Site(doc);
    doc.on("update", (update: Uint8Array, origin: unknown) => {
      if (origin === "network") return;
      site.receive(update);
      network.push(update);
    });
    return site;
  });
  for (let step = 0; step < 35; step++) {
    const { live } = sites[random.below(3)]!;
    live!.transact(() => {
      for (let edits = 1 + random.below(3); edits > 0; edits--) editRandomly(live!, random);
    });
    for (let deliveries = 0; deliveries < 3; deliveries++) {
      if (random.chance(0.5) && network.length > 0) random.pick(sites).receive(random.pick(network));
    }
    if (random.chance(0.15)) random.pick(sites).compact();
  }
  return sites;
}

test("[FP9] after lossy, repeated, reordered delivery, pairwise repair makes fingerprints and content equal", () => {
  let sweeps = 0;
  for (let seed = 1; seed <= 40; seed++) {
    const random = createRandom(seed * 31);
    const sites = scatter(random);
    const prints = () => new Set(sites.map((site) => toHex(toBytes(site.lattice.fingerprint))));
    for (let sweep = 0; sweep < 4 && prints().size > 1; sweep++) {
      sweeps++;
      for (const left of sites) {
        for (const right of sites) {
          if (left === right) continue;
          const update = left.differenceFor(right.lattice);
          right.receive(update);
        }
      }
    }
    expect(prints().size, `seed ${seed}`).toBe(1);
    for (const site of sites) {
      expect([...site.lattice.fingerprint], `seed ${seed}`).toEqual([...site.lattice.recomputeFingerprint()]);
      expect(site.pending, `seed ${seed}`).toEqual([]);
    }
    expect(new Set(sites.map((site) => site.digest())).size, `seed ${seed}`).toBe(1);
    expect(sites[0]!.digest()).toMatch(/^[0-9a-f]{64}$/);
    const contents = sites.slice(0, 3).map((site) => visibleContent(site.live!));
    expect(contents[1], `seed ${seed}`).toEqual(contents[0]);
    expect(contents[2], `seed ${seed}`).toEqual(contents[0]);
    const stored = new Y.Doc();
    Y.applyUpdate(stored, mergeUpdates(sites[3]!.log));
    expect(visibleContent(stored), `seed ${seed}`).toEqual(contents[0]);
  }
  expect(sweeps).toBeGreaterThan(30);
});
