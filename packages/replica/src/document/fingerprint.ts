/**
 * Sixteen bytes that say what a document holds, kept up to date with every change.
 *
 * Formulas (fingerprint version 1). `H(K, words)` is HalfSipHash-1-3 over 32-bit words, little-endian, with 32 bits of
 * output; `lane` is 0 to 3; all sums and differences are modulo 2^32.
 *
 *   k0 … k7  = SHA-256("yarrow fingerprint" 00 ‖ the 16 bytes of the cluster id), as eight little-endian words
 *   K(lane)  = (k[2 lane], k[2 lane + 1]): no lane follows from another
 *   g(lane, tag, client, clock) = H(K(lane), [tag · 2^24 + ⌊client / 2^32⌋, client mod 2^32, clock])
 *
 *   fingerprint[lane] = Σ over clients of the state vector   g(lane, 1, client, clock) − g(lane, 1, client, 0)
 *                     + Σ over ranges of the delete set      g(lane, 2, client, end) − g(lane, 2, client, start)
 *   fence[lane]       = Σ over fenced clients                g(lane, 3, client, 0)
 *   document[lane]    = H(K(lane), [4 · 2^24 + ⌊incarnation / 2^32⌋, incarnation mod 2^32, fence[0 … 3],
 *                                   fingerprint[0 … 3]])
 *   sum[lane]         = H(K(lane), [5 · 2^24, the 8 bytes of the document key as 2 words, document[0 … 3]])
 *
 * In bytes, lanes stand in order, each little-endian. The sums of a range telescope: [a, b) and [b, c) add up to [a,
 * c), so the fingerprint is a function of the sets alone, however they were put together. The last two are not
 * additive: they bind their inputs, so that fingerprints of two documents cannot be exchanged unseen.
 *
 * A member of the cluster knows the key and could construct a collision; the fingerprint guards against accident and
 * against browsers, not against members.
 */
import { digest as sha256 } from "lib0/hash/sha256";
import * as encoding from "lib0/encoding";
import { assert, fromHex, type ClusterId, type DocumentKey, type Incarnation } from "@yarrow/protocol";
import { halfSipHash } from "./half-sip-hash.ts";

const FINGERPRINT_BYTES = 16;

const LANES = 4;
const STATE = 1;
const DELETES = 2;
const FENCE = 3;
const DOCUMENT = 4;
const SUM = 5;

/** Eight 32-bit words, two for each lane. */
export type FingerprintKey = Uint32Array;

/** Four lanes; changed in place. */
export type Fingerprint = Uint32Array;

/** What one document adds to the sums of the set tree above it. */
export type SumContribution = readonly [number, number, number, number];

const words = new Uint32Array(10);

/** The key of every fingerprint in a cluster. */
export function createFingerprintKey(clusterId: ClusterId): FingerprintKey {
  assert(/^[0-9a-f]{32}$/.test(clusterId), "a cluster id is 32 lowercase hex digits");
  const encoder = encoding.createEncoder();
  for (const character of "yarrow fingerprint\0") encoding.writeUint8(encoder, character.charCodeAt(0));
  encoding.writeUint8Array(encoder, fromHex(clusterId));
  return wordsOf(sha256(encoding.toUint8Array(encoder)));
}

export function createFingerprint(): Fingerprint {
  return new Uint32Array(LANES);
}

/** Moves a client's clock from one value to another (either may be larger: it also takes back). */
export function addState(
  fingerprint: Fingerprint,
  key: FingerprintKey,
  client: number,
  from: number,
  to: number,
): void {
  addTelescoped(fingerprint, key, STATE, client, from, to);
}

/** Adds the deleted range [start, end); with the bounds exchanged it takes the range back. */
export function addDeletes(
  fingerprint: Fingerprint,
  key: FingerprintKey,
  client: number,
  start: number,
  end: number,
): void {
  addTelescoped(fingerprint, key, DELETES, client, start, end);
}

/** The digest of a set of dead client ids, independent of their order; sixteen zero bytes for the empty set. */
export function digestFence(key: FingerprintKey, clients: Iterable<number>): Uint8Array {
  const lanes = createFingerprint();
  for (const client of clients) {
    setPoint(FENCE, client, 0);
    for (let lane = 0; lane < LANES; lane++) lanes[lane] = (lanes[lane] as number) + hashLane(key, lane, 3);
  }
  return toBytes(lanes);
}

/** What a document contributes to the set tree: 16 bytes over incarnation, fence digest (16 bytes) and fingerprint. */
export function digestDocument(
  key: FingerprintKey,
  incarnation: Incarnation,
  fenceDigest: Uint8Array,
  fingerprint: Fingerprint,
): Uint8Array {
  assert(fenceDigest.length === FINGERPRINT_BYTES, "a fence digest has 16 bytes");
  setPoint(DOCUMENT, incarnation, 0);
  setWords(2, fenceDigest);
  words.set(fingerprint, 6);
  const lanes = createFingerprint();
  for (let lane = 0; lane < LANES; lane++) lanes[lane] = hashLane(key, lane, 10);
  return toBytes(lanes);
}

/** The numbers that a document adds to every node of the set tree above it. */
export function sumContribution(key: FingerprintKey, documentKey: DocumentKey, digest: Uint8Array): SumContribution {
  assert(digest.length === FINGERPRINT_BYTES, "digests have 16 bytes");
  words[0] = SUM * 2 ** 24;
  for (let at = 0; at < 2; at++) words[1 + at] = wordOfHex(documentKey, 8 * at);
  setWords(3, digest);
  return [hashLane(key, 0, 7), hashLane(key, 1, 7), hashLane(key, 2, 7), hashLane(key, 3, 7)];
}

/** The same of a document whose key and digest stand in `bytes` one behind the other, added to or taken from `sum`, as signed numbers. */
export function addPackedContribution(
  sum: [number, number, number, number],
  key: FingerprintKey,
  bytes: Uint8Array,
  at: number,
  sign: 1 | -1,
): void {
  words[0] = SUM * 2 ** 24;
  for (let index = 0; index < 6; index++) words[1 + index] = wordAt(bytes, at + 4 * index);
  for (let lane = 0; lane < LANES; lane++) {
    sum[lane] = ((sum[lane] as number) + sign * hashLane(key, lane, 7)) | 0;
  }
}

/** 16 bytes, a fresh copy. */
export function toBytes(fingerprint: Fingerprint): Uint8Array {
  const bytes = new Uint8Array(FINGERPRINT_BYTES);
  for (let index = 0; index < FINGERPRINT_BYTES; index++) {
    bytes[index] = (fingerprint[index >> 2] as number) >>> (8 * (index & 3));
  }
  return bytes;
}

/** The inverse of `toBytes`. */
export function fromBytes(bytes: Uint8Array): Fingerprint {
  assert(bytes.length === FINGERPRINT_BYTES, "fingerprints have 16 bytes");
  const fingerprint = createFingerprint();
  for (let index = 0; index < FINGERPRINT_BYTES; index++) {
    fingerprint[index >> 2] = (fingerprint[index >> 2] as number) | ((bytes[index] as number) << (8 * (index & 3)));
  }
  return fingerprint;
}

export function equalFingerprints(left: Fingerprint, right: Fingerprint): boolean {
  return left.every((lane, index) => lane === right[index]);
}

function addTelescoped(
  fingerprint: Fingerprint,
  key: FingerprintKey,
  tag: number,
  client: number,
  from: number,
  to: number,
): void {
  setPoint(tag, client, to);
  for (let lane = 0; lane < LANES; lane++) fingerprint[lane] = (fingerprint[lane] as number) + hashLane(key, lane, 3);
  words[2] = from;
  for (let lane = 0; lane < LANES; lane++) fingerprint[lane] = (fingerprint[lane] as number) - hashLane(key, lane, 3);
}

function setPoint(tag: number, client: number, clock: number): void {
  words[0] = tag * 2 ** 24 + Math.floor(client / 2 ** 32);
  words[1] = client % 2 ** 32;
  words[2] = clock;
}

function setWords(at: number, bytes: Uint8Array): void {
  for (let index = 0; index < bytes.length; index += 4) words[at + index / 4] = wordAt(bytes, index);
}

/** Four bytes, little-endian. */
function wordAt(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24)) >>>
    0
  );
}

/** Four bytes that stand as eight hex digits, little-endian. */
function wordOfHex(hex: string, at: number): number {
  const big = Number.parseInt(hex.slice(at, at + 8), 16);
  return (((big & 0xff) << 24) | ((big & 0xff00) << 8) | ((big >>> 8) & 0xff00) | (big >>> 24)) >>> 0;
}

function hashLane(key: FingerprintKey, lane: number, count: number): number {
  return halfSipHash(key[2 * lane] as number, key[2 * lane + 1] as number, words, count);
}

function wordsOf(bytes: Uint8Array): Uint32Array {
  const result = new Uint32Array(bytes.length / 4);
  for (let index = 0; index < result.length; index++) result[index] = wordAt(bytes, 4 * index);
  return result;
}
