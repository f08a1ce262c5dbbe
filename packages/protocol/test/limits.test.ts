import { describe, expect, it } from "vitest";
import type { DocumentDifference, Message, VerifyEntry } from "../src/index.ts";
import * as protocol from "../src/index.ts";
import { decodeFrame, decodeMessage, encodeMessage } from "../src/index.ts";
import { counting, HELLO, KEY, PEER, PROCESS, SAMPLES } from "./samples.ts";

const times = <T>(count: number, item: T): T[] => new Array<T>(count).fill(item);
const letters = (count: number): string => "x".repeat(count);
const { broadcast, documents, interest, presence } = SAMPLES;
const difference: DocumentDifference = {
  name: "n",
  incarnation: 1,
  fence: [],
  update: new Uint8Array(0),
  summary: undefined,
};
const entry: VerifyEntry = { key: KEY, name: "n", incarnation: 1, fingerprint: "00".repeat(16), contentDigest: "" };
const JOIN = SAMPLES["forward-join"];
const MEMBER = { ...JOIN.peer, urls: [] };
const state = { clientId: 1, clock: 1, state: "null" };
const summary = { name: "n", incarnation: 1, fence: [], clients: [] };

/** Per limit: a message that reaches it with `n` of what it bounds. */
const nodesAsk: Extract<Message, { type: "nodes-ask" }> = { type: "nodes-ask", round: 1, paths: [], sums: [] };
const EDGES: readonly (readonly [keyof typeof protocol, string, (n: number) => Message])[] = [
  ["NAME_BYTES_MAX", "name of a broadcast", (n) => ({ ...broadcast, name: letters(n) })],
  [
    "NAME_BYTES_MAX",
    "name of a difference",
    (n) => ({ ...documents, documents: [{ ...difference, name: letters(n) }] }),
  ],
  ["NAME_BYTES_MAX", "name of awareness", (n) => ({ ...presence, name: letters(n) })],
  ["NAME_BYTES_MAX", "name left out", (n) => ({ ...documents, omitted: [letters(n)] })],
  ["ADDRESSES_MAX", "own addresses", (n) => ({ ...HELLO, addresses: times(n, "a") })],
  [
    "ADDRESSES_MAX",
    "addresses of one peer",
    (n) => ({ type: "addresses", peers: [{ peerId: PEER, urls: times(n, "a") }] }),
  ],
  ["ADDRESS_PEERS_MAX", "peers told of", (n) => ({ type: "addresses", peers: times(n, { peerId: PEER, urls: [] }) })],
  ["ADDRESS_BYTES_MAX", "bytes of an address", (n) => ({ ...HELLO, addresses: [letters(n)] })],
  ["FENCE_IDS_MAX", "fence of a broadcast", (n) => ({ ...broadcast, fence: times(n, 1) })],
  [
    "FENCE_IDS_MAX",
    "fence of a difference",
    (n) => ({ ...documents, documents: [{ ...difference, fence: times(n, 1) }] }),
  ],
  [
    "FENCE_IDS_MAX",
    "fence of a summary",
    (n) => ({ type: "documents-ask", round: 1, summaries: [{ ...summary, fence: times(n, 1) }], keys: [] }),
  ],
  [
    "SEGMENTS_PER_MESSAGE_MAX",
    "updates of a broadcast",
    (n) => ({ ...broadcast, segments: times(n, { principal: "", update: new Uint8Array(0) }) }),
  ],
  [
    "PRINCIPAL_BYTES_MAX",
    "name of who wrote",
    (n) => ({ ...broadcast, segments: [{ principal: letters(n), update: new Uint8Array(0) }] }),
  ],
  [
    "DOCUMENT_BYTES_MAX",
    "update of a broadcast",
    (n) => ({ ...broadcast, segments: [{ principal: "", update: new Uint8Array(n) }] }),
  ],
  [
    "DOCUMENT_BYTES_MAX",
    "update of a difference",
    (n) => ({ ...documents, documents: [{ ...difference, update: new Uint8Array(n) }] }),
  ],
  [
    "ORIGINS_PER_MESSAGE_MAX",
    "origins of a lazy push",
    (n) => ({ type: "have", origins: times(n, { origin: PROCESS, ranges: [] }) }),
  ],
  [
    "RANGES_PER_ORIGIN_MAX",
    "ranges asked for",
    (n) => ({ type: "graft", origins: [{ origin: PROCESS, ranges: times(n, { from: 1, to: 1 }) }] }),
  ],
  ["INTEREST_KEYS_MAX", "documents looked at", (n) => ({ ...interest, added: times(n, KEY) })],
  ["INTEREST_KEYS_MAX", "documents no longer looked at", (n) => ({ ...interest, removed: times(n, KEY) })],
  ["PRESENCE_STATES_MAX", "awareness states", (n) => ({ ...presence, states: times(n, state) })],
  [
    "PRESENCE_STATE_BYTES_MAX",
    "an awareness state",
    (n) => ({ ...presence, states: [{ ...state, state: letters(n) }] }),
  ],
  ["NODES_PER_MESSAGE_MAX", "nodes asked for", (n) => ({ ...nodesAsk, paths: times(n, "0") })],
  [
    "NODES_PER_MESSAGE_MAX",
    "nodes asked for with sums",
    (n) => ({ ...nodesAsk, paths: times(n, "0"), sums: times(n, undefined) }),
  ],
  [
    "NODES_PER_MESSAGE_MAX",
    "nodes told",
    (n) => ({ ...SAMPLES.nodes, nodes: times(n, { path: "", kind: "items" as const, items: [] }) }),
  ],
  [
    "BATCH_DOCUMENTS_MAX",
    "summaries",
    (n) => ({ type: "documents-ask", round: 1, summaries: times(n, summary), keys: [] }),
  ],
  ["BATCH_DOCUMENTS_MAX", "keys", (n) => ({ type: "documents-ask", round: 1, summaries: [], keys: times(n, KEY) })],
  ["BATCH_DOCUMENTS_MAX", "documents streamed", (n) => ({ ...SAMPLES.stream, documents: times(n, difference) })],
  ["VERIFY_PAGE_MAX", "documents compared", (n) => ({ ...SAMPLES["verify-page"], entries: times(n, entry) })],
  ["VIEW_PEERS_MAX", "members of a shuffle", (n) => ({ ...SAMPLES.shuffle, peers: times(n, MEMBER) })],
  ["VIEW_PEERS_MAX", "neighbours", (n) => ({ type: "disconnect", neighbours: times(n, PEER) })],
  ["VIEW_PEERS_MAX", "members of its answer", (n) => ({ ...SAMPLES["shuffle-reply"], peers: times(n, MEMBER) })],
  ["ADDRESSES_MAX", "addresses of a member", (n) => ({ ...JOIN, peer: { ...MEMBER, urls: times(n, "a") } })],
  ["WALK_MAX", "a walk", (n) => ({ ...JOIN, walk: n })],
  ["WALK_MAX", "the way back", (n) => ({ ...SAMPLES["shuffle-reply"], path: times(n, PEER) })],
  ["LINK_MESSAGE_BYTES_MAX", "bytes announced by a fragment", (n) => ({ ...SAMPLES.fragment, total: n })],
  ["LINK_FRAME_BYTES_MAX", "bytes of a fragment", (n) => ({ ...SAMPLES.fragment, bytes: new Uint8Array(n) })],
];

describe("each limit at its edge", () => {
  it.each(EDGES)("[HND5] %s: %s", (limit, _, messageWith) => {
    const max = protocol[limit] as number;
    expect(decodeMessage(encodeMessage(messageWith(max)))).toBeDefined();
    expect(() => decodeMessage(encodeMessage(messageWith(max + 1)))).toThrow(
      expect.objectContaining({ code: "YARROW_FRAME_INVALID" }),
    );
  });

  it("[HND5] a reply may hold the documents of both lists of a question, and no more", () => {
    const max = 2 * protocol.BATCH_DOCUMENTS_MAX;
    for (const field of ["documents", "omitted"] as const) {
      const of = (n: number): Message => ({
        ...documents,
        [field]: times<unknown>(n, field === "omitted" ? "n" : difference),
      });
      expect(decodeMessage(encodeMessage(of(max)))).toBeDefined();
      expect(() => decodeMessage(encodeMessage(of(max + 1)))).toThrow(/over the limit/);
    }
  });

  it("[HND5] a frame over the limit is refused before it is read", () => {
    const ping = encodeMessage(SAMPLES.ping);
    const frame = (length: number): Uint8Array => {
      const bytes = new Uint8Array(length);
      for (let at = 0; at < length; at += 3) bytes.set([2, ...ping].slice(0, length - at), at);
      return bytes;
    };
    const whole = Math.floor(protocol.LINK_FRAME_BYTES_MAX / 3) * 3;
    expect(decodeFrame(frame(whole)).length).toBe(whole / 3);
    expect(() => decodeFrame(frame(protocol.LINK_FRAME_BYTES_MAX + 1))).toThrow(
      expect.objectContaining({ code: "YARROW_FRAME_TOO_LARGE" }),
    );
  });

  it("[HND5] the bounds agree with each other", () => {
    expect(protocol.LINK_FRAME_BYTES).toBeLessThanOrEqual(protocol.LINK_FRAME_BYTES_MAX);
    expect(protocol.BATCH_BYTES).toBeLessThanOrEqual(protocol.LINK_FRAME_BYTES);
    expect(protocol.LINK_MESSAGE_BYTES_MAX).toBeGreaterThan(protocol.DOCUMENT_BYTES_MAX + protocol.BATCH_BYTES);
  });
});

describe("what no field may say", () => {
  it.each<[string, Message]>([
    ["an empty name", { ...broadcast, name: "" }],
    ["a name with NUL", { ...broadcast, name: "a\0b" }],
    ["a path that is not hex", { ...nodesAsk, paths: ["0g"] }],
    ["a path in capitals", { ...nodesAsk, paths: ["A"] }],
    ["a path longer than a key", { ...nodesAsk, paths: ["0".repeat(17)] }],
    ["sums of some nodes only", { ...nodesAsk, paths: ["", "0"], sums: [undefined] }],
    ["a cursor of the wrong length", { ...SAMPLES["stream-ask"], after: "00" as typeof KEY }],
    ["an end of the wrong length", { ...SAMPLES["stream-ask"], through: "00" as typeof KEY }],
    [
      "a content digest of the wrong length",
      { ...SAMPLES["verify-page"], entries: [{ ...entry, contentDigest: "00" }] },
    ],
  ])("[HND3] %s is refused", (_, message) => {
    expect(() => decodeMessage(encodeMessage(message))).toThrow(
      expect.objectContaining({ code: "YARROW_FRAME_INVALID" }),
    );
  });

  it("[HND3] a flag is 0 or 1", () => {
    const digest = encodeMessage({ type: "digest", root: counting(16), documents: 0, answer: true, lastSequence: 0 });
    digest[digest.length - 2] = 2;
    expect(() => decodeMessage(digest)).toThrow(/flag of value 2/);
  });
});
