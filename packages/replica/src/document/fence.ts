/**
 * The fence of a document: ids of clients that wrote in incarnations which have since been deleted. It only grows.
 *
 * Encoding: ids ascending, each as the variable-length difference to the one before (the first to 0). No ids, no bytes.
 */
import * as encoding from "lib0/encoding";
import { FENCE_IDS_MAX } from "@yarrow/protocol";
import { ByteReader } from "./byte-reader.ts";
import { digestFence, type FingerprintKey } from "./fingerprint.ts";
import { CLIENT_ID_MAX } from "./update-limits.ts";

export function encodeFence(fence: ReadonlySet<number>): Uint8Array {
  // As with nearly every document of every commit: an encoder would cost more than the rest of its row.
  if (fence.size === 0) return new Uint8Array(0);
  const encoder = encoding.createEncoder();
  let previous = 0;
  for (const client of [...fence].sort((left, right) => left - right)) {
    encoding.writeVarUint(encoder, client - previous);
    previous = client;
  }
  return encoding.toUint8Array(encoder);
}

/** Throws YARROW_FRAME_INVALID for anything that `encodeFence` does not write, or more than `FENCE_IDS_MAX` ids. */
export function decodeFence(bytes: Uint8Array): Set<number> {
  const reader = new ByteReader(bytes, "YARROW_FRAME_INVALID");
  const fence = new Set<number>();
  let previous = 0;
  while (reader.remaining() > 0) {
    const step = reader.readVarUint();
    if (step === 0 && fence.size > 0) reader.fail("fenced id given twice");
    previous += step;
    if (previous > CLIENT_ID_MAX) reader.fail("client id too large");
    fence.add(previous);
    if (fence.size > FENCE_IDS_MAX) reader.fail(`more than ${FENCE_IDS_MAX} fenced ids`);
  }
  return fence;
}

/** 16 bytes over the set, independent of order; zeros for the empty set. */
export function fenceDigest(key: FingerprintKey, fence: ReadonlySet<number>): Uint8Array {
  return digestFence(key, fence);
}
