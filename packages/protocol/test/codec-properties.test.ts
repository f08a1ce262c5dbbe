import * as fc from "fast-check";
import { expect, it } from "vitest";
import type { ClusterId, DocumentKey, Message, PeerId, ProcessId } from "../src/index.ts";
import { decodeFrame, decodeMessage, encodeFrame, encodeMessage, YarrowError } from "../src/index.ts";

const uint = fc.maxSafeNat();
const flag = fc.boolean();
const hex = <T extends string>(bytes: number): fc.Arbitrary<T> =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 2 * bytes, maxLength: 2 * bytes }) as never;
const sum = fc.uint8Array({ minLength: 16, maxLength: 16 });
const bytesOrNone = (length: number): fc.Arbitrary<Uint8Array> =>
  fc.oneof(fc.constant(new Uint8Array()), fc.uint8Array({ minLength: length, maxLength: length }));
const blob = fc.uint8Array({ maxLength: 40 });
const text = fc.string({ unit: "grapheme", maxLength: 12 });
const name = fc
  .string({ unit: "grapheme-composite", minLength: 1, maxLength: 12 })
  .filter((value) => !value.includes("\0"));
const url = fc.constantFrom("ws://a:1", "wss://b.example", "x");
const peerId = hex<PeerId>(16);
const processId = hex<ProcessId>(8);
const key = hex<DocumentKey>(8);
const cursor = fc.oneof(fc.constant("" as const), key);
const path = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), maxLength: 16 });
const list = <T>(item: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(item, { maxLength: 4 });
const origin = { origin: processId, sequence: uint };
const document = { name, incarnation: uint, fence: list(uint) };
const summary = fc.record({ ...document, clients: list(fc.record({ client: uint, clock: uint, deletes: uint })) });
const difference = fc.record({ ...document, update: blob, summary: fc.option(summary, { nil: undefined }) });
const ordinalRange = fc.tuple(fc.integer({ min: 1 }), fc.nat()).map(([from, length]) => ({ from, to: from + length }));
const originRanges = fc.record({ origin: processId, ranges: list(ordinalRange) });
const item = fc.record({ key, digest: sum });
const sums = fc.array(sum, { minLength: 16, maxLength: 16 });
const node = fc.oneof(
  fc.record({ path, kind: fc.constant("children" as const), sums }),
  fc.record({ path, kind: fc.constant("items" as const), items: list(item) }),
);
const entry = fc.record({
  key,
  name,
  incarnation: uint,
  fingerprint: hex(16),
  contentDigest: fc.oneof(fc.constant(""), hex(32)),
});

/** Written as one more than it is. */
const known = fc.option(fc.nat(), { nil: undefined });
const behind = fc.option(fc.record({ updates: fc.nat(), bytes: uint }), { nil: undefined });

const walk = fc.nat(16);
const member = fc.record({ peerId, role: fc.constantFrom("writer", "follower"), ageMs: uint, urls: list(url) });

const FIELDS: { readonly [T in Message["type"]]: { readonly [field: string]: fc.Arbitrary<unknown> } } = {
  hello: {
    protocolMin: uint,
    // What later versions added is not read from a sender of an earlier one.
    protocolMax: fc.maxSafeNat().filter((version) => version >= 3),
    fingerprintVersion: uint,
    features: uint,
    clusterId: fc.option(hex<ClusterId>(16), { nil: undefined }),
    peerId,
    processId,
    role: fc.constantFrom("writer", "follower"),
    addresses: list(url),
    follows: flag,
    lastSequence: uint,
    publicKey: bytesOrNone(32),
    nonce: bytesOrNone(16),
    wish: fc.constantFrom("low", "high", "join", "keep"),
  },
  proof: { signature: fc.uint8Array({ minLength: 64, maxLength: 64 }) },
  follow: {},
  refuse: { code: text, detail: text },
  ping: { sequence: uint },
  pong: { sequence: uint, stopwatchMs: uint },
  addresses: { peers: list(fc.record({ peerId, urls: list(url) })) },
  broadcast: {
    ...origin,
    ...document,
    segments: list(fc.record({ principal: text, update: blob })),
    ageMs: uint,
    ordinal: uint,
  },
  have: { origins: list(originRanges) },
  graft: { origins: list(originRanges) },
  gone: { origins: list(originRanges) },
  prune: { origin: origin.origin },
  acknowledge: { ...origin, peerId },
  "cover-ask": { ...origin, subject: uint, name, incarnation: uint, contribution: blob },
  presence: { ...origin, name, states: list(fc.record({ clientId: uint, clock: uint, state: text })) },
  digest: { root: sum, documents: uint, answer: flag, lastSequence: uint },
  "nodes-ask": {
    round: uint,
    paths: fc.tuple(path, path),
    sums: fc.oneof(fc.constant([]), fc.tuple(sums, fc.constant(undefined))),
  },
  nodes: { round: uint, nodes: list(node), answered: uint },
  "documents-ask": { round: uint, summaries: list(summary), keys: list(key) },
  documents: { round: uint, reply: flag, documents: list(difference), omitted: list(name) },
  "stream-ask": { round: uint, after: cursor, through: cursor },
  stream: { round: uint, documents: list(difference), next: cursor },
  "documents-taken": { round: uint, root: sum },
  fragment: { transfer: uint, total: fc.nat(32 * 1024 * 1024), bytes: blob },
  "fragment-taken": { transfer: uint },
  "verify-ask": { request: uint, deep: flag, after: cursor },
  "verify-page": { request: uint, root: sum, entries: list(entry), next: cursor },
  beat: {
    stopwatchMs: uint,
    gap: uint,
    heldMs: uint,
    updates: uint,
    bytes: uint,
    behind,
    writers: list(fc.record({ peerId, behindMs: known, silentMs: uint })),
  },
  "lag-report": { lagMs: known, behind },
  recall: { sequence: uint },
  interest: {
    origin: origin.origin,
    version: uint,
    base: uint,
    everything: flag,
    added: list(key),
    removed: list(key),
  },
  neighbour: {},
  disconnect: { neighbours: list(peerId) },
  "forward-join": { peer: member, walk },
  shuffle: { walk, path: list(peerId), peers: list(member) },
  "shuffle-reply": { path: list(peerId), peers: list(member) },
};

const anyMessage = fc.oneof(
  ...Object.entries(FIELDS).map(([type, fields]) => fc.record({ type: fc.constant(type), ...fields })),
) as fc.Arbitrary<Message>;

it("[HND1] whatever can be said is understood as it was said", () => {
  fc.assert(
    fc.property(fc.array(anyMessage, { minLength: 1, maxLength: 5 }), (messages) => {
      expect(decodeFrame(encodeFrame(messages.map(encodeMessage)))).toEqual(messages);
    }),
    { numRuns: 500 },
  );
});

it("[HND1] one message has one encoding", () => {
  fc.assert(
    fc.property(anyMessage, (message) => {
      const bytes = encodeMessage(message);
      expect(encodeMessage(decodeMessage(bytes) as Message)).toEqual(bytes);
    }),
    { numRuns: 300 },
  );
});

it("[HND3] spoiled bytes are refused or say something else, and never do worse", () => {
  const spoiled = fc.tuple(anyMessage, fc.nat(), fc.integer({ min: 1, max: 255 })).map(([message, at, by]) => {
    const bytes = encodeMessage(message);
    bytes[at % bytes.length]! ^= by;
    return bytes;
  });
  fc.assert(
    fc.property(fc.oneof(spoiled, fc.uint8Array({ minLength: 1 })), (bytes) => {
      try {
        decodeFrame(encodeFrame([bytes]));
      } catch (error) {
        expect(error).toBeInstanceOf(YarrowError);
        expect(error).toMatchObject({ code: "YARROW_FRAME_INVALID" });
      }
    }),
    { numRuns: 2_000 },
  );
});
