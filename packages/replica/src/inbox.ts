/**
 * Where each message of another peer goes. Messages that change documents are staged at once; what reads documents, or answers
 * from them, waits until this batch is committed.
 */
import type { DocumentDifference, Message, Stream } from "@yarrow/protocol";
import { assert, BATCH_DOCUMENTS_MAX } from "@yarrow/protocol";
import type { Gossip } from "./gossip/gossip.ts";
import type { Link } from "./links/link.ts";
import type { Parts } from "./parts.ts";

/** A step that takes in streamed documents and is longer than the first takes in half as many the next time; shorter than the second, twice. */
const STEP_LONG_MS = 50;
const STEP_SHORT_MS = 20;
/** Fewer are not taken in at once however long it takes: each step is a commit. */
const PORTION_DOCUMENTS_MIN = 32;
/** Batches of one link that wait: one that is taken in, the one asked for meanwhile, and a late one of a round that was given up. */
const BATCHES_PER_LINK_MAX = 3;

/** A batch of a stream that has come. */
interface Streamed {
  readonly link: Link;
  readonly message: Stream;
  /** How many of its documents are taken in, and how many of those changed. */
  taken: number;
  changed: number;
  /** The batch after it is asked for, or there is none. */
  askedOn: boolean;
}

export class Inbox {
  readonly #parts: Parts;
  readonly #later: (task: (now: number) => void) => void;
  /** Oldest first. */
  readonly #streamed: Streamed[] = [];
  /** Streamed documents that a step takes in. */
  #portion = BATCH_DOCUMENTS_MAX;
  /** When the last step began, if it took some in. */
  #tookAt: number | undefined;

  constructor(parts: Parts, later: (task: (now: number) => void) => void) {
    this.#parts = parts;
    this.#later = later;
  }

  /** Something that was received waits for the next step, or that step is to tell how long this one took. */
  get waiting(): boolean {
    return this.#streamed.length > 0 || this.#tookAt !== undefined;
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
        return this.#queue(link, message, now);
      default:
        return this.#later((then) => this.#question(link, message, then));
    }
  }

  /**
   * Takes in what was received from streams, while the other side prepares the next batch: a portion in each step, so that others are
   * served in between on a slow machine too.
   */
  takeStreamed(now: number): void {
    this.#measure(now);
    for (let room = this.#portion; room > 0 && this.#streamed.length > 0;) {
      const streamed = this.#streamed[0]!;
      const documents = streamed.message.documents.slice(streamed.taken, streamed.taken + room);
      room -= documents.length;
      this.#tookAt = now;
      this.#takeSome(streamed, documents, now);
      if (streamed.taken === streamed.message.documents.length) this.#streamed.shift();
    }
  }

  #queue(link: Link, message: Stream, now: number): void {
    const waiting = this.#streamed.filter((streamed) => streamed.link === link).length;
    // No more was asked for. What is left out here a round finds again.
    if (waiting >= BATCHES_PER_LINK_MAX) return;
    const streamed: Streamed = { link, message, taken: 0, changed: 0, askedOn: false };
    this.#streamed.push(streamed);
    if (waiting === 0) this.#askOn(streamed, now);
  }

  /**
   * Asks for the batch after this one. Not while another of the link is taken in: who sends faster than a step takes in would be asked for
   * ever more.
   */
  #askOn(streamed: Streamed, now: number): void {
    if (streamed.askedOn) return;
    streamed.askedOn = true;
    this.#parts.reconciler.askOn(streamed.link, streamed.message, now);
  }

  #takeSome(streamed: Streamed, documents: readonly DocumentDifference[], now: number): void {
    const { replication, reconciler, catalog } = this.#parts;
    const { link, message } = streamed;
    this.#askOn(streamed, now);
    const names = documents.map(({ name }) => name);
    catalog.meet(names, now);
    streamed.taken += documents.length;
    streamed.changed += replication.differences(link, documents, false, now);
    const last = streamed.taken === message.documents.length;
    this.#later((then) => {
      // Nobody asked for these: an empty replica is filled without its cache.
      for (const name of names) catalog.evictUnused(name);
      if (!last) return;
      reconciler.takeStream(link, message, streamed.changed, then);
      const next = this.#streamed.find((other) => other.link === link);
      if (next !== undefined) this.#askOn(next, then);
    });
  }

  #measure(now: number): void {
    if (this.#tookAt === undefined) return;
    const ms = now - this.#tookAt;
    this.#tookAt = undefined;
    if (ms > STEP_LONG_MS) this.#portion = Math.max(PORTION_DOCUMENTS_MIN, this.#portion >> 1);
    else if (ms < STEP_SHORT_MS) this.#portion = Math.min(BATCH_DOCUMENTS_MAX, this.#portion * 2);
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

/** Its answer may be large. */
function isCostly({ type }: Message): boolean {
  return type === "nodes-ask" || type === "documents-ask" || type === "stream-ask" || type === "verify-ask";
}

/** What moves content, an incarnation or a fence. */
function isChange(message: Message): boolean {
  return message.type === "broadcast" || message.type === "documents" || message.type === "stream";
}
