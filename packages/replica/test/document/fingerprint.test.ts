import { expect, test } from "vitest";
import { toHex, type ClusterId, type DocumentKey } from "@yarrow/protocol";
import { fenceDigest } from "../../src/document/fence.ts";
import {
  addDeletes,
  addState,
  createFingerprint,
  createFingerprintKey,
  digestDocument,
  equalFingerprints,
  sumContribution,
  toBytes,
  type Fingerprint,
} from "../../src/document/fingerprint.ts";

const CLUSTER = "000102030405060708090a0b0c0d0e0f" as ClusterId;
const KEY = createFingerprintKey(CLUSTER);
const OTHER_KEY = createFingerprintKey("000102030405060708090a0b0c0d0e1f" as ClusterId);

function print(build: (fingerprint: Fingerprint) => void): string {
  const fingerprint = createFingerprint();
  build(fingerprint);
  return toHex(toBytes(fingerprint));
}

test("[FP2] touching ranges add up to one, in any order and with any detour", () => {
  const whole = print((fp) => addDeletes(fp, KEY, 7, 3, 9));
  const pieces = print((fp) => {
    addDeletes(fp, KEY, 7, 5, 6);
    addDeletes(fp, KEY, 7, 20, 30);
    addDeletes(fp, KEY, 7, 6, 9);
    addDeletes(fp, KEY, 7, 30, 20);
    addDeletes(fp, KEY, 7, 3, 5);
  });
  expect(pieces).toBe(whole);
});

test("[FP2] clocks advance in any number of steps", () => {
  const steps = print((fp) => [0, 1, 5].forEach((from, index) => addState(fp, KEY, 7, from, [1, 5, 9][index]!)));
  expect(steps).toBe(print((fp) => addState(fp, KEY, 7, 0, 9)));
});

test("[FP3] all 53 bits of a client id count, and clocks, deletes and clusters are told apart", () => {
  const prints = [1, 2 ** 31, 2 ** 32 + 1, 2 ** 52 + 1, Number.MAX_SAFE_INTEGER].flatMap((client) => [
    print((fp) => addState(fp, KEY, client, 0, 5)),
    print((fp) => addDeletes(fp, KEY, client, 0, 5)),
    print((fp) => addState(fp, KEY, client, 0, 2 ** 31)),
    print((fp) => addState(fp, OTHER_KEY, client, 0, 5)),
  ]);
  expect(new Set(prints).size).toBe(prints.length);
});

test("[FP4] no lane follows from another: where one collides, the others do not", () => {
  // With 32 bits a lane, some 100,000 values collide about once in each lane; a function of that lane would collide with it.
  const seen = [
    new Map<number, string>(),
    new Map<number, string>(),
    new Map<number, string>(),
    new Map<number, string>(),
  ];
  let collisions = 0;
  for (let client = 1; client <= 150_000; client++) {
    const fingerprint = createFingerprint();
    addState(fingerprint, KEY, client, 0, 1);
    const all = fingerprint.join();
    fingerprint.forEach((value, lane) => {
      const other = seen[lane]!.get(value);
      if (other === undefined) return seen[lane]!.set(value, all);
      collisions++;
      const same = other.split(",").filter((text, index) => Number(text) === fingerprint[index]);
      expect(same).toHaveLength(1);
    });
  }
  expect(collisions).toBeGreaterThan(0);
});

test("[FP5] what a document contributes depends on each of its parts", () => {
  const empty = createFingerprint();
  const content = createFingerprint();
  addState(content, KEY, 7, 0, 9);
  const noFence = fenceDigest(KEY, new Set());
  const digests = [
    digestDocument(KEY, 1, noFence, empty),
    digestDocument(KEY, 3, noFence, empty),
    digestDocument(KEY, 2 ** 32 + 1, noFence, empty),
    digestDocument(KEY, 1, fenceDigest(KEY, new Set([7])), empty),
    digestDocument(KEY, 1, noFence, content),
    digestDocument(KEY, 1, toBytes(content), empty),
    digestDocument(OTHER_KEY, 1, noFence, empty),
  ].map(toHex);
  expect(new Set(digests).size).toBe(digests.length);
});

test("[FP6] two documents cannot exchange their digests unseen", () => {
  const [left, right] = ["0011223344556677", "8899aabbccddeeff"] as DocumentKey[];
  const [one, two] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
  const sum = (first: readonly number[], second: readonly number[]) =>
    first.map((value, lane) => (value + second[lane]!) >>> 0);
  const straight = sum(sumContribution(KEY, left!, one), sumContribution(KEY, right!, two));
  const exchanged = sum(sumContribution(KEY, left!, two), sumContribution(KEY, right!, one));
  expect(straight).not.toEqual(exchanged);
});

test("[FP7] the formulas of fingerprint version 1 stand as they are", () => {
  const fingerprint = createFingerprint();
  addState(fingerprint, KEY, 2 ** 45 + 9, 0, 1000);
  addDeletes(fingerprint, KEY, 7, 3, 2 ** 31);
  const fence = fenceDigest(KEY, new Set([1, 2 ** 40]));
  const digest = digestDocument(KEY, 3, fence, fingerprint);
  expect([toHex(toBytes(fingerprint)), toHex(fence), toHex(digest)]).toMatchInlineSnapshot(`
    [
      "152b20f6695d1100c5839c625427f376",
      "94a1dbb4a1cd51059a3f42d5c7f33e4d",
      "c380cc8eeb2508d008b00c781a848c22",
    ]
  `);
  expect(sumContribution(KEY, "0011223344556677" as DocumentKey, digest)).toMatchInlineSnapshot(`
    [
      1955192083,
      1420702332,
      3038491598,
      2874273981,
    ]
  `);
});

test("equalFingerprints compares all lanes", () => {
  const one = createFingerprint();
  const two = createFingerprint();
  expect(equalFingerprints(one, two)).toBe(true);
  two[3] = 1;
  expect(equalFingerprints(one, two)).toBe(false);
});
