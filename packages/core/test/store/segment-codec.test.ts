import { expect, test } from "vitest";
import type { LogSegment } from "@yarrow/replica";
import { plain } from "../../../replica/test/store-samples.ts";
import { decodeSegments, encodeSegments } from "../../src/store/segment-codec.ts";

const SEGMENTS: readonly LogSegment[] = [
  { source: "local", principal: "", update: new Uint8Array(0) },
  { source: "broadcast", principal: "\u{1f33f} ada", update: new Uint8Array(127).fill(1) },
  { source: "repair", principal: "é".repeat(200), update: new Uint8Array(128).fill(2) },
  { source: "local", principal: "x", update: new Uint8Array(3_000_000).fill(3) },
];

test("[STO7] segments come back from their bytes", () => {
  for (let count = 0; count <= SEGMENTS.length; count++) {
    const segments = SEGMENTS.slice(0, count);
    expect(plain(decodeSegments(encodeSegments(segments)))).toEqual(plain(segments));
  }
  expect(encodeSegments([])).toHaveLength(0);
});

test("[STO7] the bytes of a row are pinned: a change of them is a change of the schema", () => {
  const segments: LogSegment[] = [
    { source: "local", principal: "", update: Uint8Array.of(0, 0) },
    { source: "repair", principal: "ada", update: new Uint8Array(130).fill(0xee) },
  ];
  expect(encodeSegments(segments).toString("hex")).toBe(`000002000002036164618201${"ee".repeat(130)}`);
});

test("[STO9] bytes that end too early or name no source are no segments", () => {
  const bytes = encodeSegments(SEGMENTS.slice(1, 3));
  const whole = [0, 1 + 1 + 8 + 1 + 127, bytes.length];
  for (let length = 0; length <= bytes.length; length++) {
    expect(decodeSegments(bytes.subarray(0, length)) !== undefined).toBe(whole.includes(length));
  }
  expect(decodeSegments(Uint8Array.of(3, 0, 0))).toBeUndefined();
  expect(decodeSegments(Uint8Array.of(0, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0))).toBeUndefined();
});
