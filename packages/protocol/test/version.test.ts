import { digest as sha256 } from "lib0/hash/sha256";
import { encodeUtf8 } from "lib0/string";
import { expect, it } from "vitest";
import { FINGERPRINT_VERSION, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN, toHex } from "../src/index.ts";
import { TYPE_CODES } from "../src/decode-body.ts";
import { GOLDEN } from "./golden.ts";

/** Of each version the first 8 bytes of SHA-256 over the golden bytes in the order of their type codes. */
const WIRE_FORMATS: { readonly [version: number]: string } = {
  1: "1cc944c9f4bffebb",
  2: "45d080cefc6fa26c",
  3: "e8b00543e30b6b4c",
};

it("[HND4] the wire format and its version move together", () => {
  const types = Object.entries(TYPE_CODES).sort(([, a], [, b]) => a - b);
  const golden = types.map(([type]) => GOLDEN[type as keyof typeof GOLDEN]).join("\n");
  expect(toHex(sha256(encodeUtf8(golden)).subarray(0, 8))).toBe(WIRE_FORMATS[PROTOCOL_VERSION]);
  expect(Object.keys(WIRE_FORMATS).at(-1)).toBe(String(PROTOCOL_VERSION));
  expect(types.map(([, code]) => code)).toEqual(types.map((_, i) => i + 1));
});

it("[HND4] this release understands what it speaks", () => {
  expect(PROTOCOL_VERSION_MIN).toBeLessThanOrEqual(PROTOCOL_VERSION);
  expect(FINGERPRINT_VERSION).toBe(1);
});
