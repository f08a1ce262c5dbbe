import { digest as sha256 } from "lib0/hash/sha256";
import { encodeUtf8 } from "lib0/string";
import { describe, expect, it } from "vitest";
import { decodeMessage, encodeMessage, fromHex, toHex } from "../src/index.ts";
import { TYPE_CODES } from "../src/decode-body.ts";
import { GOLDEN_2 } from "./golden-version-2.ts";

const codeOf = (type: string): number => TYPE_CODES[type as keyof typeof TYPE_CODES];
const TYPES = Object.keys(GOLDEN_2).sort((a, b) => codeOf(a) - codeOf(b));

describe("the release before", () => {
  it("[HND24] said what its hash pins, and nothing of it has another number now", () => {
    const golden = TYPES.map((type) => GOLDEN_2[type]).join("\n");
    expect(toHex(sha256(encodeUtf8(golden)).subarray(0, 8))).toBe("45d080cefc6fa26c");
    expect(TYPES.map(codeOf)).toEqual(TYPES.map((_, i) => i + 1));
  });

  it.each(TYPES)("[HND24] %s is understood as it was said, and begins with the same bytes today", (type) => {
    const golden = GOLDEN_2[type]!;
    const message = decodeMessage(fromHex(golden));
    expect(message?.type).toBe(type);
    // Whoever reads as version 2 did finds all it knows, and ignores the rest.
    expect(toHex(encodeMessage(message!)).slice(0, golden.length)).toBe(golden);
  });
});
