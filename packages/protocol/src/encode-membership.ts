/** Writes what peers of a view tell each other; `decode-membership.ts` is its mirror image. */
import type { Encoder } from "./encode-fields.ts";
import { list, raw, text, uint } from "./encode-fields.ts";
import type { PeerId } from "./ids.ts";
import type { MemberEntry, MembershipMessage } from "./membership-message.ts";
import { fromHex } from "./reader.ts";

export function encodeMembership(encoder: Encoder, message: MembershipMessage): void {
  switch (message.type) {
    case "neighbour":
      return;
    case "disconnect":
      return list(encoder, message.neighbours, peerId);
    case "forward-join":
      encodeMember(encoder, message.peer);
      return uint(encoder, message.walk);
    case "shuffle":
      uint(encoder, message.walk);
      list(encoder, message.path, peerId);
      return list(encoder, message.peers, encodeMember);
    case "shuffle-reply":
      list(encoder, message.path, peerId);
      return list(encoder, message.peers, encodeMember);
  }
}

function encodeMember(encoder: Encoder, member: MemberEntry): void {
  peerId(encoder, member.peerId);
  uint(encoder, member.role === "writer" ? 0 : 1);
  uint(encoder, member.ageMs);
  list(encoder, member.urls, text);
}

function peerId(encoder: Encoder, id: PeerId): void {
  raw(encoder, fromHex(id));
}
