/** One message of every type, for tests that hold all of them to something. */
import type { ClusterId, DocumentKey, DocumentSummary, MemberEntry, Message, PeerId, ProcessId } from "../src/index.ts";

const CLUSTER = "c0c1c2c3c4c5c6c7c8c9cacbcccdcecf" as ClusterId;
export const PEER = "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf" as PeerId;
export const PROCESS = "b0b1b2b3b4b5b6b7" as ProcessId;
export const KEY = "0123456789abcdef" as DocumentKey;

/** Bytes that count up from `first`. */
export function counting(length: number, first = 0): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => (first + i) & 0xff);
}

const update = Uint8Array.of(0, 0);
const summary: DocumentSummary = {
  name: "né",
  incarnation: 3,
  fence: [7, 300],
  clients: [{ client: 5, clock: 128, deletes: 0xffff_ffff }],
};

export const HELLO: Extract<Message, { type: "hello" }> = {
  type: "hello",
  protocolMin: 1,
  protocolMax: 3,
  fingerprintVersion: 1,
  features: 0,
  clusterId: CLUSTER,
  peerId: PEER,
  processId: PROCESS,
  role: "follower",
  addresses: ["ws://a:1"],
  follows: true,
  lastSequence: 300,
  publicKey: counting(32),
  nonce: counting(16, 0x40),
  wish: "join",
};

const MEMBER: MemberEntry = { peerId: PEER, role: "follower", ageMs: 300, urls: ["ws://a:1"] };

export const SAMPLES: { readonly [T in Message["type"]]: Extract<Message, { type: T }> } = {
  hello: HELLO,
  proof: { type: "proof", signature: counting(64, 0x80) },
  follow: { type: "follow" },
  refuse: { type: "refuse", code: "YARROW_LINK_SELF", detail: "me" },
  ping: { type: "ping", sequence: 1 },
  pong: { type: "pong", sequence: 300, stopwatchMs: 128 },
  addresses: { type: "addresses", peers: [{ peerId: PEER, urls: ["ws://a:1", "wss://b"] }] },
  broadcast: {
    type: "broadcast",
    origin: PROCESS,
    sequence: 9,
    name: "n",
    incarnation: 1,
    fence: [],
    segments: [{ principal: "ann", update }],
    ageMs: 130,
    ordinal: 7,
  },
  have: {
    type: "have",
    origins: [
      {
        origin: PROCESS,
        ranges: [
          { from: 1, to: 1 },
          { from: 300, to: 305 },
        ],
      },
    ],
  },
  graft: { type: "graft", origins: [{ origin: PROCESS, ranges: [] }] },
  prune: { type: "prune", origin: PROCESS },
  gone: { type: "gone", origins: [{ origin: PROCESS, ranges: [{ from: 9, to: 9 }] }] },
  acknowledge: { type: "acknowledge", origin: PROCESS, sequence: 9, peerId: PEER },
  "cover-ask": {
    type: "cover-ask",
    origin: PROCESS,
    sequence: 10,
    subject: 9,
    name: "n",
    incarnation: 1,
    contribution: Uint8Array.of(1, 2),
  },
  presence: {
    type: "presence",
    origin: PROCESS,
    sequence: 11,
    name: "n",
    states: [{ clientId: 4_294_967_295, clock: 2, state: "null" }],
  },
  digest: { type: "digest", root: counting(16), documents: 1_000, answer: true, lastSequence: 300 },
  recall: { type: "recall", sequence: 70_000 },
  "nodes-ask": {
    type: "nodes-ask",
    round: 1,
    paths: ["", "0f"],
    sums: [undefined, Array.from({ length: 16 }, (_, i) => counting(16, 16 * i))],
  },
  nodes: {
    type: "nodes",
    round: 1,
    nodes: [
      { path: "0", kind: "children", sums: Array.from({ length: 16 }, (_, i) => counting(16, 16 * i)) },
      { path: "1", kind: "items", items: [{ key: KEY, digest: counting(16) }] },
    ],
    answered: 2,
  },
  "documents-ask": { type: "documents-ask", round: 2, summaries: [summary], keys: [KEY] },
  documents: {
    type: "documents",
    round: 2,
    reply: true,
    documents: [
      { name: "n", incarnation: 2, fence: [5], update: new Uint8Array(0), summary: undefined },
      { name: "né", incarnation: 3, fence: [], update, summary },
    ],
    omitted: ["m"],
  },
  "stream-ask": { type: "stream-ask", round: 3, after: "", through: KEY },
  stream: {
    type: "stream",
    round: 3,
    documents: [{ name: "n", incarnation: 1, fence: [], update, summary: undefined }],
    next: KEY,
  },
  "documents-taken": { type: "documents-taken", round: 2, root: counting(16) },
  fragment: { type: "fragment", transfer: 1, total: 600_000, bytes: Uint8Array.of(1, 2, 3) },
  "fragment-taken": { type: "fragment-taken", transfer: 1 },
  "verify-ask": { type: "verify-ask", request: 4, deep: true, after: KEY },
  "verify-page": {
    type: "verify-page",
    request: 4,
    root: counting(16),
    entries: [
      {
        key: KEY,
        name: "n",
        incarnation: 1,
        fingerprint: "000102030405060708090a0b0c0d0e0f",
        contentDigest: "ff".repeat(32),
      },
    ],
    next: "",
  },
  beat: {
    type: "beat",
    stopwatchMs: 5_000,
    gap: 1,
    heldMs: 0,
    updates: 200,
    bytes: 9_000,
    behind: { updates: 3, bytes: 300 },
    writers: [
      { peerId: PEER, behindMs: 127, silentMs: 12 },
      { peerId: PEER, behindMs: undefined, silentMs: 0 },
    ],
  },
  "lag-report": { type: "lag-report", lagMs: 41, behind: undefined },
  interest: {
    type: "interest",
    origin: PROCESS,
    version: 7,
    base: 6,
    everything: false,
    added: [KEY],
    removed: [KEY, KEY],
  },
  neighbour: { type: "neighbour" },
  disconnect: { type: "disconnect", neighbours: [PEER] },
  "forward-join": { type: "forward-join", peer: MEMBER, walk: 6 },
  shuffle: { type: "shuffle", walk: 5, path: [PEER], peers: [MEMBER, { ...MEMBER, role: "writer", urls: [] }] },
  "shuffle-reply": { type: "shuffle-reply", path: [PEER], peers: [MEMBER] },
};
