import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromHex, Reader, toHex } from "../src/index.ts";

const INVALID = expect.objectContaining({ code: "YARROW_FRAME_INVALID" });

function read<T>(hex: string, take: (reader: Reader) => T): T {
  return take(new Reader(fromHex(hex)));
}

describe("numbers", () => {
  it.each([
    ["00", 0],
    ["7f", 127],
    ["8001", 128],
    ["ffffffff0f", 2 ** 32 - 1],
    ["ffffffffffffff0f", Number.MAX_SAFE_INTEGER],
  ])("%s is %d", (hex, value) => {
    expect(read(hex, (reader) => reader.varUint())).toBe(value);
  });

  it.each([
    ["8000", "zero in two bytes"],
    ["ff8000", "127 in three bytes"],
    ["ffffffffffffff10", "2^53"],
    ["ffffffffffffffff01", "nine bytes"],
    ["80", "a number cut off"],
    ["", "nothing"],
  ])("[HND3] %s, %s, is refused", (hex) => {
    expect(() => read(hex, (reader) => reader.varUint())).toThrow(INVALID);
  });
});

describe("lengths", () => {
  it("[HND3] a count that the rest cannot hold is refused before anything is read", () => {
    expect(read("02aabb", (reader) => reader.count(1))).toBe(2);
    expect(() => read("03aabb", (reader) => reader.count(1))).toThrow(INVALID);
    expect(() => read("ffffffffffffff0f", (reader) => reader.count(8))).toThrow(INVALID);
  });

  it("[HND3] a blob over its limit or its end is refused", () => {
    expect(read("02aabb", (reader) => toHex(reader.blob(2)))).toBe("aabb");
    expect(() => read("02aabb", (reader) => reader.blob(1))).toThrow(INVALID);
    expect(() => read("03aabb", (reader) => reader.blob(9))).toThrow(INVALID);
  });

  it.each(["c3", "c0af", "eda080", "f4908080", "ff"])("[HND3] text %s is not UTF-8", (hex) => {
    const length = (hex.length / 2).toString(16).padStart(2, "0");
    expect(() => read(length + hex, (reader) => reader.text(8))).toThrow(INVALID);
  });

  it("what is left over is refused where nothing may be", () => {
    expect(() => read("00", (reader) => reader.finish())).toThrow(INVALID);
    read("", (reader) => reader.finish());
  });
});

it("hex goes there and back", () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      expect(fromHex(toHex(bytes))).toEqual(bytes);
    }),
  );
});
