/** Reads what peers of a view tell each other, since version 3. */
import { flag, list, url } from "./decode-fields.ts";
import type { PeerId } from "./ids.ts";
import { ADDRESSES_MAX, VIEW_PEERS_MAX, WALK_MAX } from "./limits.ts";
import type { MemberEntry, MembershipMessage, Wish } from "./membership-message.ts";
import type { Message } from "./message.ts";
import type { Reader } from "./reader.ts";

/** Each is said as its place in this list. Never reorder: append. */
export const WISHES: readonly Wish[] = ["low", "high", "join", "keep"];

export function decodeMembership(type: Message["type"], reader: Reader): MembershipMessage | undefined {
  switch (type) {
    case "neighbour":
      return { type };
    case "disconnect":
      return { type, neighbours: list(reader, 16, VIEW_PEERS_MAX, peerId) };
    case "forward-join":
      return { type, peer: decodeMember(reader), walk: reader.count(0, WALK_MAX) };
    case "shuffle":
      return { type, walk: reader.count(0, WALK_MAX), path: decodePath(reader), peers: decodeMembers(reader) };
    case "shuffle-reply":
      return { type, path: decodePath(reader), peers: decodeMembers(reader) };
    default:
      return undefined;
  }
}

export function decodeWish(reader: Reader): Wish {
  const value = reader.varUint();
  return WISHES[value] ?? reader.fail(`wish of value ${value}`);
}

function decodeMembers(reader: Reader): MemberEntry[] {
  return list(reader, 19, VIEW_PEERS_MAX, decodeMember);
}

function decodeMember(reader: Reader): MemberEntry {
  return {
    peerId: peerId(reader),
    role: flag(reader) ? "follower" : "writer",
    ageMs: reader.varUint(),
    urls: list(reader, 1, ADDRESSES_MAX, url),
  };
}

function decodePath(reader: Reader): PeerId[] {
  return list(reader, 16, WALK_MAX, peerId);
}

function peerId(reader: Reader): PeerId {
  return reader.hex(16) as PeerId;
}
