/**
 * Where each message of another peer goes. Messages that change documents are staged at once; what reads documents, or answers
 * from them, waits until this batch is committed.
 */
import type { Message, Stream } from "@yarrow/protocol";
import { assert } from "@yarrow/protocol";
import type { Gossip } from "./gossip/gossip.ts";
import type { Link } from "./links/link.ts";
import type { Parts } from "./parts.ts";

export class Inbox {
  readonly #parts: Parts;
  readonly #later: (task: (now: number) => void) => void;
  /** Batches of a stream that came in the last step. */
  #streamed: { readonly link: Link; readonly message: Stream }[] = [];

  constructor(parts: Parts, later: (task: (now: number) => void) => void) {
    this.#parts = parts;
    this.#later = later;
  }

  /** Something that was received waits for the next step. */
  get waiting(): boolean {
    return this.#streamed.length > 0;
  }

  take(link: Link, message: Message, now: number): void {
    const { membership, replication, reconciler, tree, links, interest } = this.#parts;
    if (isChange(message) && !link.feedsUs) {
      const detail = `this ${link.own.role} takes no ${message.type} from a ${link.hello?.role ?? "stranger"} it does not follow`;
      return links.refuse(link, "YARROW_NOT_A_WRITER", detail, now);
    }
    switch (message.type) {
      case "addresses":
      case "disconnect":
      case "forward-join":
      case "shuffle":
      case "shuffle-reply":
        return membership.take(link, message, now);
      case "broadcast":
        return replication.broadcast(link, message, now);
      case "acknowledge":
        return replication.acknowledge(message, now);
      case "cover-ask":
        return replication.coverAsk(link, message, now);
      case "presence":
        return replication.presence(link, message, now);
      case "have":
      case "graft":
      case "prune":
      case "gone":
        return this.#later((then) => this.#aboutBroadcasts(link, message, then));
      case "interest":
        return interest.take(link, message, now);
      case "documents": {
        const changed = replication.differences(link, message.documents, true, now);
        return this.#later((then) => {
          if (message.reply) reconciler.takeDocuments(link, message, changed, then);
          else link.send({ type: "documents-taken", round: message.round, root: tree.root() });
        });
      }
      case "stream":
        reconciler.askOn(link, message, now);
        return void this.#streamed.push({ link, message });
      default:
        return this.#later((then) => this.#question(link, message, then));
    }
  }

  /** Takes in what the last step received from a stream, while the other side prepares the next batch. */
  takeStreamed(now: number): void {
    const { replication, reconciler, catalog } = this.#parts;
    const streamed = this.#streamed;
    this.#streamed = [];
    for (const { link, message } of streamed) {
      catalog.meet(message.documents.map(nameOf), now);
      const changed = replication.differences(link, message.documents, false, now);
      this.#later((then) => {
        // Nobody asked for these: an empty replica is filled without its cache.
        for (const { name } of message.documents) catalog.evictUnused(name);
        reconciler.takeStream(link, message, changed, then);
      });
    }
  }

  /** Behind what this batch brings, which may be what was told of or asked for. */
  #aboutBroadcasts(link: Link, message: Parameters<Gossip["takeAbout"]>[1], now: number): void {
    if (link.state.kind === "open") this.#parts.gossip.takeAbout(link, message, now);
  }

  #question(link: Link, message: Message, now: number): void {
    const { reconciler, responder, verifier, lag, standings } = this.#parts;
    if (link.state.kind !== "open" || (isCostly(message) && !link.takesAnswers)) return;
    switch (message.type) {
      case "beat":
        return lag.takeBeat(link, message, now);
      case "lag-report":
        return lag.takeReport(link, message, now);
      case "recall":
        return standings.recalled(link, message.sequence);
      case "digest":
        standings.told(link, message.lastSequence, now);
        return reconciler.takeDigest(link, message, now);
      case "nodes":
        return reconciler.takeNodes(link, message, now);
      case "documents-taken":
        return reconciler.takeTaken(link, message, now);
      case "nodes-ask":
        return responder.nodes(link, message);
      case "documents-ask":
        return responder.documents(link, message, now);
      case "stream-ask":
        return responder.stream(link, message, now);
      case "verify-ask":
        return verifier.answer(link, message, now);
      case "verify-page":
        return verifier.takePage(link, message, now);
      default:
        return assert(false, `message ${message.type} is handled by the links`);
    }
  }
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

/** Its answer may be large. */
function isCostly({ type }: Message): boolean {
  return type === "nodes-ask" || type === "documents-ask" || type === "stream-ask" || type === "verify-ask";
}

/** What moves content, an incarnation or a fence. */
function isChange(message: Message): boolean {
  return message.type === "broadcast" || message.type === "documents" || message.type === "stream";
}
