import { expect, test } from "vitest";
import type { YarrowErrorCode } from "@yarrow/protocol";
import { decodeFence, encodeFence, fenceDigest } from "../../src/document/fence.ts";
import { createFingerprintKey } from "../../src/document/fingerprint.ts";
import { checkName, clusterIdOf, documentKey } from "../../src/document/keys.ts";
import { decodeStateVector, encodeStateVector } from "../../src/document/state-vector.ts";

const withCode = (code: YarrowErrorCode) => expect.objectContaining({ code });

test.each([
  ["a", "plain"],
  ["notes/today", "with a slash"],
  ["%2e%2e", "with a percent sign"],
  ["../..?x#y", "that looks like a path"],
  ["\u0001\u007f", "with control characters"],
  ["é".repeat(128), "of 256 bytes"],
  ["😀".repeat(64), "of 256 bytes beyond the basic plane"],
])("[DOC8] takes the name %j, %s", (name) => {
  expect(() => checkName(name)).not.toThrow();
});

test.each([
  ["", "is empty"],
  ["a\0b", "contains NUL"],
  ["\ud800", "not well-formed"],
  ["a\udc00b", "not well-formed"],
  ["a".repeat(257), "exceeds 256 bytes"],
  [`${"é".repeat(128)}a`, "exceeds 256 bytes"],
])("[DOC8] refuses the name %j: %s", (name, reason) => {
  expect(() => checkName(name)).toThrow(withCode("YARROW_NAME_INVALID"));
  expect(() => checkName(name)).toThrow(reason);
});

test("[DOC9] keys are the beginnings of SHA-256", () => {
  // printf abc | sha256sum; printf 'yarrow cluster\0abc' | sha256sum
  expect(documentKey("abc")).toBe("ba7816bf8f01cfea");
  expect(clusterIdOf("abc")).toBe("1a20882ce7ed5c063557dc4cbb6fb9d2");
});

test("[DOC10] a fence keeps its ids, in fewer bytes than they take, and no ids are no bytes", () => {
  const fence = new Set([2 ** 53 - 1, 5, 0, 2 ** 40]);
  expect(decodeFence(encodeFence(fence))).toEqual(fence);
  expect(encodeFence(new Set())).toHaveLength(0);
  expect(encodeFence(new Set([5, 7]))).toEqual(Uint8Array.of(5, 2));
});

test.each([
  [Uint8Array.of(5, 0), "twice"],
  [Uint8Array.of(0x80), "ends too early"],
  [Uint8Array.of(0x80, 0x00), "shortest form"],
  [Uint8Array.of(1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f), "too large"],
])("[DOC10] refuses the fence %j: %s", (bytes, reason) => {
  expect(() => decodeFence(bytes)).toThrow(withCode("YARROW_FRAME_INVALID"));
  expect(() => decodeFence(bytes)).toThrow(reason);
});

test("[DOC10] the digest of a fence does not depend on order, and is zero for none", () => {
  const key = createFingerprintKey(clusterIdOf("test"));
  expect(fenceDigest(key, new Set([1, 2 ** 40, 9]))).toEqual(fenceDigest(key, new Set([9, 1, 2 ** 40])));
  expect(fenceDigest(key, new Set([1]))).not.toEqual(fenceDigest(key, new Set([2])));
  expect(fenceDigest(key, new Set())).toEqual(new Uint8Array(16));
});

test("[DOC11] state vectors are written by descending client and read in any order", () => {
  const clocks = new Map([
    [3, 9],
    [2 ** 45, 1],
  ]);
  expect(decodeStateVector(encodeStateVector(clocks))).toEqual(clocks);
  expect(
    encodeStateVector(
      new Map([
        [1, 2],
        [3, 4],
      ]),
    ),
  ).toEqual(Uint8Array.of(2, 3, 4, 1, 2));
  expect(decodeStateVector(Uint8Array.of(2, 1, 2, 3, 4))).toEqual(
    new Map([
      [1, 2],
      [3, 4],
    ]),
  );
  expect(decodeStateVector(Uint8Array.of(1, 5, 0))).toEqual(new Map());
});

test.each([
  [Uint8Array.of(), "ends too early"],
  [Uint8Array.of(9, 1, 1), "more clients announced"],
  [Uint8Array.of(2, 1, 1, 1, 2), "twice"],
  [Uint8Array.of(1, 1, 1, 0), "left over"],
  [Uint8Array.of(1, 1, 0x81, 0x80, 0x80, 0x80, 0x08), "clock too large"],
  [Uint8Array.of(1, 0x81, 0x00, 1), "shortest form"],
])("[DOC11] refuses the state vector %j: %s", (bytes, reason) => {
  expect(() => decodeStateVector(bytes)).toThrow(withCode("YARROW_FRAME_INVALID"));
  expect(() => decodeStateVector(bytes)).toThrow(reason);
});
