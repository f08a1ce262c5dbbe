/** The body of each message, field by field; `decode-body.ts` is its mirror image. */
import { WISHES } from "./decode-membership.ts";
import type { Encoder } from "./encode-fields.ts";
import { blob, list, maybe, raw, text, uint } from "./encode-fields.ts";
import { encodeMembership } from "./encode-membership.ts";
import { encodePresence } from "./encode-presence.ts";
import type { MembershipMessage } from "./membership-message.ts";
import type {
  Beat,
  DocumentDifference,
  DocumentSummary,
  Hello,
  Message,
  NodeContent,
  NodesAsk,
  VerifyEntry,
} from "./message.ts";
import { fromHex } from "./reader.ts";
import type { TreeMessage } from "./tree-message.ts";

export function encodeBody(encoder: Encoder, message: Message): void {
  switch (message.type) {
    case "hello":
      return encodeHello(encoder, message);
    case "proof":
      return raw(encoder, message.signature);
    case "follow":
      return;
    case "refuse":
      text(encoder, message.code);
      return text(encoder, message.detail);
    case "recall":
    case "ping":
      return uint(encoder, message.sequence);
    case "pong":
      uint(encoder, message.sequence);
      return uint(encoder, message.stopwatchMs);
    case "addresses":
      return list(encoder, message.peers, (_, peer) => {
        raw(encoder, fromHex(peer.peerId));
        list(encoder, peer.urls, text);
      });
    case "broadcast":
      raw(encoder, fromHex(message.origin));
      uint(encoder, message.sequence);
      text(encoder, message.name);
      uint(encoder, message.incarnation);
      list(encoder, message.fence, uint);
      list(encoder, message.segments, (_, segment) => {
        text(encoder, segment.principal);
        blob(encoder, segment.update);
      });
      uint(encoder, message.ageMs);
      return uint(encoder, message.ordinal);
    case "have":
    case "graft":
    case "gone":
    case "prune":
      return encodeTree(encoder, message);
    case "acknowledge":
      raw(encoder, fromHex(message.origin));
      uint(encoder, message.sequence);
      return raw(encoder, fromHex(message.peerId));
    case "cover-ask":
      raw(encoder, fromHex(message.origin));
      uint(encoder, message.sequence);
      uint(encoder, message.subject);
      text(encoder, message.name);
      uint(encoder, message.incarnation);
      return blob(encoder, message.contribution);
    case "presence":
    case "interest":
      return encodePresence(encoder, message);
    case "neighbour":
    case "disconnect":
    case "forward-join":
    case "shuffle":
    case "shuffle-reply":
      return encodeMembership(encoder, message);
    default:
      return encodeRepair(encoder, message);
  }
}

function encodeTree(encoder: Encoder, message: TreeMessage): void {
  if (message.type === "prune") return raw(encoder, fromHex(message.origin));
  list(encoder, message.origins, (_, { origin, ranges }) => {
    raw(encoder, fromHex(origin));
    list(encoder, ranges, (__, { from, to }) => {
      uint(encoder, from);
      uint(encoder, to - from);
    });
  });
}

function encodeHello(encoder: Encoder, hello: Hello): void {
  uint(encoder, hello.protocolMin);
  uint(encoder, hello.protocolMax);
  uint(encoder, hello.fingerprintVersion);
  uint(encoder, hello.features);
  uint(encoder, hello.clusterId === undefined ? 0 : 1);
  if (hello.clusterId !== undefined) raw(encoder, fromHex(hello.clusterId));
  raw(encoder, fromHex(hello.peerId));
  raw(encoder, fromHex(hello.processId));
  uint(encoder, hello.role === "writer" ? 0 : 1);
  list(encoder, hello.addresses, text);
  uint(encoder, hello.follows ? 1 : 0);
  uint(encoder, hello.lastSequence);
  blob(encoder, hello.publicKey);
  blob(encoder, hello.nonce);
  uint(encoder, WISHES.indexOf(hello.wish));
}

type RepairMessage = Exclude<
  Message,
  {
    type:
      | "hello"
      | "proof"
      | "follow"
      | "refuse"
      | "recall"
      | "ping"
      | "pong"
      | "addresses"
      | "broadcast"
      | "acknowledge"
      | "cover-ask"
      | "presence"
      | TreeMessage["type"]
      | "interest"
      | MembershipMessage["type"];
  }
>;

function encodeRepair(encoder: Encoder, message: RepairMessage): void {
  switch (message.type) {
    case "digest":
      raw(encoder, message.root);
      uint(encoder, message.documents);
      uint(encoder, message.answer ? 1 : 0);
      return uint(encoder, message.lastSequence);
    case "nodes-ask":
      uint(encoder, message.round);
      list(encoder, message.paths, text);
      return list(encoder, message.sums, encodeSums);
    case "nodes":
      uint(encoder, message.round);
      list(encoder, message.nodes, encodeNode);
      return uint(encoder, message.answered);
    case "documents-ask":
      uint(encoder, message.round);
      list(encoder, message.summaries, encodeSummary);
      return list(encoder, message.keys, (_, key) => raw(encoder, fromHex(key)));
    case "documents":
      uint(encoder, message.round);
      uint(encoder, message.reply ? 1 : 0);
      list(encoder, message.documents, encodeDifference);
      return list(encoder, message.omitted, text);
    case "stream-ask":
      uint(encoder, message.round);
      blob(encoder, fromHex(message.after));
      return blob(encoder, fromHex(message.through));
    case "stream":
      uint(encoder, message.round);
      list(encoder, message.documents, encodeDifference);
      return blob(encoder, fromHex(message.next));
    case "documents-taken":
      uint(encoder, message.round);
      return raw(encoder, message.root);
    case "fragment":
      uint(encoder, message.transfer);
      uint(encoder, message.total);
      return blob(encoder, message.bytes);
    case "fragment-taken":
      return uint(encoder, message.transfer);
    case "verify-ask":
      uint(encoder, message.request);
      uint(encoder, message.deep ? 1 : 0);
      return blob(encoder, fromHex(message.after));
    case "beat":
      uint(encoder, message.stopwatchMs);
      uint(encoder, message.gap);
      uint(encoder, message.heldMs);
      uint(encoder, message.updates);
      uint(encoder, message.bytes);
      encodeBehind(encoder, message.behind);
      return list(encoder, message.writers, (_, writer) => {
        raw(encoder, fromHex(writer.peerId));
        maybe(encoder, writer.behindMs);
        uint(encoder, writer.silentMs);
      });
    case "lag-report":
      maybe(encoder, message.lagMs);
      return encodeBehind(encoder, message.behind);
    case "verify-page":
      uint(encoder, message.request);
      raw(encoder, message.root);
      list(encoder, message.entries, encodeEntry);
      return blob(encoder, fromHex(message.next));
  }
}

function encodeEntry(encoder: Encoder, entry: VerifyEntry): void {
  raw(encoder, fromHex(entry.key));
  text(encoder, entry.name);
  uint(encoder, entry.incarnation);
  raw(encoder, fromHex(entry.fingerprint));
  blob(encoder, fromHex(entry.contentDigest));
}

function encodeSums(encoder: Encoder, sums: NodesAsk["sums"][number]): void {
  uint(encoder, sums === undefined ? 0 : 1);
  for (const sum of sums ?? []) raw(encoder, sum);
}

function encodeNode(encoder: Encoder, content: NodeContent): void {
  text(encoder, content.path);
  if (content.kind === "children") {
    uint(encoder, 0);
    for (const sum of content.sums) raw(encoder, sum);
    return;
  }
  uint(encoder, 1);
  list(encoder, content.items, (_, item) => {
    raw(encoder, fromHex(item.key));
    raw(encoder, item.digest);
  });
}

function encodeSummary(encoder: Encoder, summary: DocumentSummary): void {
  text(encoder, summary.name);
  uint(encoder, summary.incarnation);
  list(encoder, summary.fence, uint);
  list(encoder, summary.clients, (_, entry) => {
    uint(encoder, entry.client);
    uint(encoder, entry.clock);
    uint(encoder, entry.deletes);
  });
}

function encodeDifference(encoder: Encoder, difference: DocumentDifference): void {
  text(encoder, difference.name);
  uint(encoder, difference.incarnation);
  list(encoder, difference.fence, uint);
  blob(encoder, difference.update);
  uint(encoder, difference.summary === undefined ? 0 : 1);
  if (difference.summary !== undefined) encodeSummary(encoder, difference.summary);
}

function encodeBehind(encoder: Encoder, behind: Beat["behind"]): void {
  maybe(encoder, behind?.updates);
  if (behind !== undefined) uint(encoder, behind.bytes);
}
