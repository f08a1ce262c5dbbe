/** Reads the body of each message; `encode-body.ts` is its mirror image. Everything is checked against `limits.ts`. */
import { appended, cursor, flag, hexBlob, list, maybe, name, path, url, varUint } from "./decode-fields.ts";
import { decodeMembership, decodeWish } from "./decode-membership.ts";
import { decodePresence } from "./decode-presence.ts";
import type { ClusterId, DocumentKey, PeerId, ProcessId } from "./ids.ts";
import {
  ADDRESSES_MAX,
  ADDRESS_PEERS_MAX,
  BATCH_DOCUMENTS_MAX,
  BEAT_WRITERS_MAX,
  DOCUMENT_BYTES_MAX,
  FENCE_IDS_MAX,
  LINK_FRAME_BYTES_MAX,
  LINK_MESSAGE_BYTES_MAX,
  NODES_PER_MESSAGE_MAX,
  NONCE_BYTES,
  ORIGINS_PER_MESSAGE_MAX,
  PRINCIPAL_BYTES_MAX,
  PUBLIC_KEY_BYTES,
  RANGES_PER_ORIGIN_MAX,
  SEGMENTS_PER_MESSAGE_MAX,
  SIGNATURE_BYTES,
  VERIFY_PAGE_MAX,
} from "./limits.ts";
import type { Beat, DocumentDifference, DocumentSummary, Message, NodeContent } from "./message.ts";
import type { Reader } from "./reader.ts";
import type { OrdinalRange } from "./tree-message.ts";

/** The type byte of each message. Never renumber: append. */
export const TYPE_CODES: { readonly [T in Message["type"]]: number } = {
  hello: 1,
  refuse: 2,
  ping: 3,
  pong: 4,
  addresses: 5,
  broadcast: 6,
  acknowledge: 7,
  "cover-ask": 8,
  presence: 9,
  digest: 10,
  "nodes-ask": 11,
  nodes: 12,
  "documents-ask": 13,
  documents: 14,
  "stream-ask": 15,
  stream: 16,
  "documents-taken": 17,
  fragment: 18,
  "fragment-taken": 19,
  "verify-ask": 20,
  "verify-page": 21,
  proof: 22,
  follow: 23,
  beat: 24,
  "lag-report": 25,
  recall: 26,
  neighbour: 27,
  disconnect: 28,
  "forward-join": 29,
  shuffle: 30,
  "shuffle-reply": 31,
  have: 32,
  graft: 33,
  prune: 34,
  gone: 35,
  interest: 36,
};

const NONE = new Uint8Array();

const TYPES = new Map(Object.entries(TYPE_CODES).map(([type, code]) => [code, type as Message["type"]]));

/** Returns undefined for a type this release does not know. */
export function decodeBody(code: number, reader: Reader): Message | undefined {
  const type = TYPES.get(code);
  return type === undefined
    ? undefined
    : (decodeLink(type, reader) ??
        decodeLive(type, reader) ??
        decodePresence(type, reader) ??
        decodeLag(type, reader) ??
        decodeMembership(type, reader) ??
        decodeRepair(type, reader) ??
        decodeVerify(type, reader));
}

function decodeLink(type: Message["type"], reader: Reader): Message | undefined {
  switch (type) {
    case "hello":
      return decodeHello(reader);
    case "proof":
      return { type, signature: reader.take(SIGNATURE_BYTES).slice() };
    case "follow":
      return { type };
    case "refuse":
      return { type, code: reader.text(64), detail: reader.text(1024) };
    case "recall":
      return { type, sequence: reader.varUint() };
    case "ping":
      return { type, sequence: reader.varUint() };
    case "pong":
      return { type, sequence: reader.varUint(), stopwatchMs: appended(reader) };
    case "addresses":
      return {
        type,
        peers: list(reader, 17, ADDRESS_PEERS_MAX, () => ({
          peerId: reader.hex(16) as PeerId,
          urls: list(reader, 1, ADDRESSES_MAX, url),
        })),
      };
    default:
      return undefined;
  }
}

function decodeHello(reader: Reader): Message {
  const hello = {
    type: "hello",
    protocolMin: reader.varUint(),
    protocolMax: reader.varUint(),
    fingerprintVersion: reader.varUint(),
    features: reader.varUint(),
    clusterId: flag(reader) ? (reader.hex(16) as ClusterId) : undefined,
    peerId: reader.hex(16) as PeerId,
    processId: reader.hex(8) as ProcessId,
    role: flag(reader) ? "follower" : "writer",
    addresses: list(reader, 1, ADDRESSES_MAX, url),
  } as const;
  // A sender of version 1 ends here.
  if (hello.protocolMax < 2) {
    return { ...hello, follows: false, lastSequence: 0, publicKey: NONE, nonce: NONE, wish: "keep" };
  }
  return {
    ...hello,
    follows: flag(reader),
    lastSequence: reader.varUint(),
    publicKey: nothingOr(reader, PUBLIC_KEY_BYTES),
    nonce: nothingOr(reader, NONCE_BYTES),
    wish: hello.protocolMax < 3 ? "keep" : decodeWish(reader),
  };
}

/** Length-prefixed bytes of one size, or none. */
function nothingOr(reader: Reader, length: number): Uint8Array {
  const bytes = reader.blob(length);
  if (bytes.length !== 0 && bytes.length !== length) reader.fail(`${bytes.length} bytes instead of ${length}`);
  return bytes.slice();
}

function decodeLive(type: Message["type"], reader: Reader): Message | undefined {
  switch (type) {
    case "broadcast":
      return {
        type,
        origin: reader.hex(8) as ProcessId,
        sequence: reader.varUint(),
        name: name(reader),
        incarnation: reader.varUint(),
        fence: list(reader, 1, FENCE_IDS_MAX, varUint),
        segments: list(reader, 2, SEGMENTS_PER_MESSAGE_MAX, () => ({
          principal: reader.text(PRINCIPAL_BYTES_MAX),
          update: reader.blob(DOCUMENT_BYTES_MAX),
        })),
        ageMs: appended(reader),
        ordinal: appended(reader),
      };
    case "have":
    case "graft":
    case "gone":
      return {
        type,
        origins: list(reader, 9, ORIGINS_PER_MESSAGE_MAX, () => ({
          origin: reader.hex(8) as ProcessId,
          ranges: list(reader, 2, RANGES_PER_ORIGIN_MAX, ordinalRange),
        })),
      };
    case "prune":
      return { type, origin: reader.hex(8) as ProcessId };
    case "acknowledge":
      return {
        type,
        origin: reader.hex(8) as ProcessId,
        sequence: reader.varUint(),
        peerId: reader.hex(16) as PeerId,
      };
    case "cover-ask":
      return {
        type,
        origin: reader.hex(8) as ProcessId,
        sequence: reader.varUint(),
        subject: reader.varUint(),
        name: name(reader),
        incarnation: reader.varUint(),
        contribution: reader.blob(DOCUMENT_BYTES_MAX),
      };
    default:
      return undefined;
  }
}

function decodeLag(type: Message["type"], reader: Reader): Message | undefined {
  switch (type) {
    case "beat":
      return {
        type,
        stopwatchMs: reader.varUint(),
        gap: reader.varUint(),
        heldMs: reader.varUint(),
        updates: reader.varUint(),
        bytes: reader.varUint(),
        behind: decodeBehind(reader),
        writers: list(reader, 18, BEAT_WRITERS_MAX, () => ({
          peerId: reader.hex(16) as PeerId,
          behindMs: maybe(reader),
          silentMs: reader.varUint(),
        })),
      };
    case "lag-report":
      return { type, lagMs: maybe(reader), behind: decodeBehind(reader) };
    default:
      return undefined;
  }
}

function decodeBehind(reader: Reader): Beat["behind"] {
  const updates = maybe(reader);
  return updates === undefined ? undefined : { updates, bytes: reader.varUint() };
}

function decodeRepair(type: Message["type"], reader: Reader): Message | undefined {
  switch (type) {
    case "digest":
      return {
        type,
        root: reader.take(16),
        documents: reader.varUint(),
        answer: flag(reader),
        lastSequence: appended(reader),
      };
    case "nodes-ask":
      return decodeNodesAsk(reader);
    case "nodes":
      return {
        type,
        round: reader.varUint(),
        nodes: list(reader, 3, NODES_PER_MESSAGE_MAX, decodeNode),
        answered: appended(reader),
      };
    case "documents-ask":
      return {
        type,
        round: reader.varUint(),
        summaries: list(reader, 4, BATCH_DOCUMENTS_MAX, decodeSummary),
        keys: list(reader, 8, BATCH_DOCUMENTS_MAX, () => reader.hex(8) as DocumentKey),
      };
    case "documents":
      return {
        type,
        round: reader.varUint(),
        reply: flag(reader),
        documents: list(reader, 5, BATCH_DOCUMENTS_MAX * 2, decodeDifference),
        omitted: list(reader, 1, BATCH_DOCUMENTS_MAX * 2, name),
      };
    case "stream-ask":
      return {
        type,
        round: reader.varUint(),
        after: cursor(reader),
        through: reader.remaining > 0 ? cursor(reader) : "",
      };
    case "stream":
      return {
        type,
        round: reader.varUint(),
        documents: list(reader, 5, BATCH_DOCUMENTS_MAX, decodeDifference),
        next: cursor(reader),
      };
    case "documents-taken":
      return { type, round: reader.varUint(), root: reader.take(16) };
    case "fragment":
      return {
        type,
        transfer: reader.varUint(),
        total: reader.count(0, LINK_MESSAGE_BYTES_MAX),
        bytes: reader.blob(LINK_FRAME_BYTES_MAX),
      };
    case "fragment-taken":
      return { type, transfer: reader.varUint() };
    default:
      return undefined;
  }
}

function decodeVerify(type: Message["type"], reader: Reader): Message | undefined {
  switch (type) {
    case "verify-ask":
      return { type, request: reader.varUint(), deep: flag(reader), after: cursor(reader) };
    case "verify-page":
      return {
        type,
        request: reader.varUint(),
        root: reader.take(16),
        entries: list(reader, 27, VERIFY_PAGE_MAX, () => ({
          key: reader.hex(8) as DocumentKey,
          name: name(reader),
          incarnation: reader.varUint(),
          fingerprint: reader.hex(16),
          contentDigest: hexBlob(reader, 32),
        })),
        next: cursor(reader),
      };
    default:
      return undefined;
  }
}

function decodeNodesAsk(reader: Reader): Message {
  const round = reader.varUint();
  const paths = list(reader, 1, NODES_PER_MESSAGE_MAX, path);
  const sums = reader.remaining > 0 ? list(reader, 1, paths.length, maybeSums) : [];
  if (sums.length !== 0 && sums.length !== paths.length) reader.fail(`sums of ${sums.length} of ${paths.length} nodes`);
  return { type: "nodes-ask", round, paths, sums };
}

function maybeSums(reader: Reader): Uint8Array[] | undefined {
  return flag(reader) ? sumsOf(reader) : undefined;
}

/** Of the 16 children of a node. */
function sumsOf(reader: Reader): Uint8Array[] {
  return Array.from({ length: 16 }, () => reader.take(16));
}

function decodeNode(reader: Reader): NodeContent {
  const at = path(reader);
  if (!flag(reader)) {
    return { path: at, kind: "children", sums: sumsOf(reader) };
  }
  const items = list(reader, 24, LINK_MESSAGE_BYTES_MAX, () => ({
    key: reader.hex(8) as DocumentKey,
    digest: reader.take(16),
  }));
  return { path: at, kind: "items", items };
}

function decodeSummary(reader: Reader): DocumentSummary {
  return {
    name: name(reader),
    incarnation: reader.varUint(),
    fence: list(reader, 1, FENCE_IDS_MAX, varUint),
    clients: list(reader, 3, LINK_MESSAGE_BYTES_MAX, () => ({
      client: reader.varUint(),
      clock: reader.varUint(),
      deletes: reader.varUint(),
    })),
  };
}

function decodeDifference(reader: Reader): DocumentDifference {
  return {
    name: name(reader),
    incarnation: reader.varUint(),
    fence: list(reader, 1, FENCE_IDS_MAX, varUint),
    update: reader.blob(DOCUMENT_BYTES_MAX),
    summary: flag(reader) ? decodeSummary(reader) : undefined,
  };
}

function ordinalRange(reader: Reader): OrdinalRange {
  const from = reader.varUint();
  const to = from + reader.varUint();
  if (from === 0 || !Number.isSafeInteger(to)) reader.fail("no range of ordinals");
  return { from, to };
}
