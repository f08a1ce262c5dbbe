/** Yjs updates, encoding V1, that were made by hand: well-formed and costly, or crafted to hang, silence or divide whoever applies them. */
import * as Y from "yjs";
import { varUint } from "./raw-clients.ts";

export const hex = (digits: string): Uint8Array => Buffer.from(digits, "hex");

/** An honest update with structs of two clients and a delete set. */
export function sampleUpdate(): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("body").insert(0, "some text that is there");
  doc.getText("body").delete(3, 5);
  const other = new Y.Doc();
  Y.applyUpdate(other, Y.encodeStateAsUpdate(doc));
  other.getText("body").insert(2, "more");
  return Y.encodeStateAsUpdate(other);
}

/** One array element of JSON that is nested so deep. ContentJSON, as Yjs before 13.5 wrote it. */
export function deepJson(depth: number): Uint8Array {
  const json = "[".repeat(depth) + "]".repeat(depth);
  // One section, one struct, client 1, clock 0; ContentJSON in root "t"; one value; no deletes.
  return Buffer.concat([hex("0101010002010174"), Uint8Array.of(1), varUint(json.length), Buffer.from(json), hex("00")]);
}

/**
 * A string of so many characters, and then as many items of one character each that all compete for places in it: Yjs compares
 * each with those before it, seconds of work for a few kilobytes.
 */
export function quadraticUpdate(items: number): Uint8Array {
  const parts = [Uint8Array.of(1), varUint(items + 1), hex("0100"), hex("04010174"), varUint(items)];
  parts.push(Buffer.from("x".repeat(items)));
  for (let at = 0; at < items; at++) parts.push(hex("4401"), varUint(at), hex("0161"));
  return Buffer.concat([...parts, Uint8Array.of(0)]);
}

/** Updates that no honest client makes. */
export const CRAFTED_UPDATES: readonly (readonly [string, Uint8Array])[] = [
  ["a count of 2^25 clients in 7 bytes", hex("01ffffff0f0100")],
  [
    "an update of encoding V2 that claims 20 million structs",
    hex("0000010100000100010000000541fed9c4090180dac4090000"),
  ],
  ["an update whose delete set is cut off", hex("0101090004010174014105")],
  [
    "an item that refers to its own future",
    hex("03011400040101740143030a00040101740178840a63015904010174017a01050004010174014c00"),
  ],
  ["an update that silences Yjs", hex("0102b91300070101780301704000c0440001780177017900")],
  ["a struct of no length", hex("01010700000000")],
  ["a clock beyond 2^31", hex("0101070000ffffffffffffff0f00")],
  ["a client that is listed twice", hex("02010900040101740141010901840900014200")],
  ["a key __proto__ in a value", hex("0101010008010161017602095f5f70726f746f5f5f760107697341646d696e7801787d0100")],
  ["JSON nested 4,500 deep", deepJson(4_500)],
];
