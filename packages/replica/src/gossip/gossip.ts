/**
 * Live push: committed changes, awareness and questions about copies travel along the links, each passed on once.
 *
 * Invariants
 * 1. A message is recognised by (origin, sequence), a broadcast of a tree by (origin, ordinal); all of them live in memory alone.
 * 2. A broadcast of a tree goes on once its content is committed here, whatever of it was known before: the peers behind this
 *    one may not have it. One outside of a tree is content that a round brought, and goes on only where it is news. What
 *    cannot be used goes nowhere.
 * 3. A broadcast goes only where changes are taken, and there only to the eager links of its origin; awareness towards those who look. A
 *    question about copies follows its broadcast, and goes to all when it has to be repeated.
 * 4. A congested link gets no live push; it is marked dirty and repaired when drained.
 */
import type { Broadcast, CoverAsk, Message, PeerId, Presence, ProcessId } from "@yarrow/protocol";
import { encodeMessage } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { Effect } from "../effect.ts";
import type { LinkId } from "../event.ts";
import type { Link } from "../links/link.ts";
import type { Links } from "../links/links.ts";
import { Passed } from "./passed.ts";
import type { GossipStatus } from "./plumtree.ts";
import { Plumtree } from "./plumtree.ts";
import type { Interest } from "../presence/interest.ts";
import { Seen } from "./seen.ts";

export class Gossip {
  readonly #links: Links;
  readonly #interest: Interest;
  readonly #seen: Seen;
  readonly #trees: Plumtree;
  readonly #processId: ProcessId;
  readonly #emit: (effect: Effect) => void;
  #sequence = 0;
  #ordinal = 0;
  /** The link on which an origin's last message came first: the way back for acknowledgements. */
  readonly #routes = new Map<ProcessId, LinkId>();
  readonly #routesMax: number;
  readonly #passed = new Passed();

  constructor(options: {
    readonly config: ReplicaConfig;
    readonly links: Links;
    readonly interest: Interest;
    readonly processId: ProcessId;
    readonly emit: (effect: Effect) => void;
    readonly suspect: (link: LinkId, now: number) => void;
  }) {
    this.#links = options.links;
    this.#interest = options.interest;
    this.#seen = new Seen(options.config);
    this.#trees = new Plumtree({ ...options, push: (link, encoded) => this.#push(link, encoded, true) });
    this.#processId = options.processId;
    this.#emit = options.emit;
    this.#routesMax = options.config.originsMax;
  }

  nextSequence(): number {
    return ++this.#sequence;
  }

  /** For a broadcast that everybody passes on. */
  nextOrdinal(): number {
    return ++this.#ordinal;
  }

  /** Sends something of our own, but not to the one link that has it already. */
  originate(message: Broadcast | CoverAsk | Presence, now: number, except?: LinkId): void {
    const { links, bytes } = this.#send(message, now, except);
    if (message.type !== "broadcast" || links === 0) return;
    this.#emit({ type: "observe", fact: { kind: "broadcast-sent", messages: links, bytes } });
  }

  /** Passes somebody else's message on, but not to where it came from. */
  forward(message: Broadcast | CoverAsk | Presence, now: number, from: LinkId): void {
    this.#send(message, now, from);
  }

  /** True when this message has not been here before. Remembers the way back to its origin. */
  isNew(message: Broadcast | CoverAsk | Presence, link: Link, now: number): boolean {
    const { origin, sequence } = message;
    const inTree = message.type === "broadcast" && message.ordinal > 0;
    if (origin === this.#processId && !inTree) return false;
    const unseen = origin !== this.#processId && this.#seen.add(origin, sequence, now);
    // A copy that came by a peer that does not speak of trees says nothing about them.
    const fresh = inTree ? this.#trees.takeBroadcast(message, link, now) : unseen;
    if (fresh) this.#remember(origin, link.id);
    if (fresh && message.type === "cover-ask") this.#passed.asked(origin, message.subject);
    return fresh;
  }

  /** What peers say about broadcasts. */
  takeAbout(link: Link, message: Extract<Message, { type: "have" | "graft" | "prune" | "gone" }>, now: number): void {
    switch (message.type) {
      case "have":
        return this.#trees.takeHave(link, message, now);
      case "graft":
        return this.#trees.takeGraft(link, message, now);
      case "prune":
        return this.#trees.takePrune(link, message.origin);
      case "gone":
        return this.#trees.takeGone(link, message, now);
    }
  }

  /** Sends an acknowledgement one step back towards the origin, once for each time it was asked for. */
  acknowledge(origin: ProcessId, sequence: number, peerId: PeerId): void {
    if (!this.#passed.add(origin, sequence, peerId)) return;
    const route = this.#routes.get(origin);
    const link = route === undefined ? undefined : this.#links.get(route);
    if (link?.state.kind === "open") link.send({ type: "acknowledge", origin, sequence, peerId });
  }

  linkEnded(link: Link, now: number): void {
    for (const [origin, route] of this.#routes) if (route === link.id) this.#routes.delete(origin);
    this.#trees.linkEnded(link, now);
  }

  wake(now: number): void {
    this.#trees.wake(now);
  }

  nextDeadline(): number {
    return this.#trees.nextDeadline();
  }

  status(): GossipStatus {
    return this.#trees.status();
  }

  #send(
    message: Broadcast | CoverAsk | Presence,
    now: number,
    except: LinkId | undefined,
  ): { readonly links: number; readonly bytes: number } {
    const others = this.#links.open().filter((link) => link.id !== except);
    if (others.length === 0) return { links: 0, bytes: 0 };
    const links = this.#choose(others, message);
    const inTree = message.type === "broadcast" && message.ordinal > 0;
    if (links.length === 0 && !inTree) return { links: 0, bytes: 0 };
    const encoded = encodeMessage(message);
    for (const link of links) this.#push(link, encoded, message.type === "broadcast");
    if (inTree) this.#trees.pushed(message, encoded, now);
    return { links: links.length, bytes: encoded.length * links.length };
  }

  #choose(links: readonly Link[], message: Broadcast | CoverAsk | Presence): readonly Link[] {
    const isEager = (link: Link): boolean => this.#trees.isEager(link, message.origin);
    switch (message.type) {
      case "broadcast":
        return links.filter((link) => link.takesOurs && (message.ordinal === 0 || isEager(link)));
      case "cover-ask":
        return links.filter((link) => message.sequence !== message.subject || isEager(link));
      case "presence":
        return this.#interest.choose(links, message);
    }
  }

  #push(link: Link, encoded: Uint8Array, matters: boolean): void {
    if (!link.congested) {
      link.outgoing.push(encoded);
      return;
    }
    if (matters) {
      link.dirty = true;
      link.lag.deny();
    }
    this.#emit({ type: "observe", fact: { kind: "push-dropped", link: link.id } });
  }

  #remember(origin: ProcessId, link: LinkId): void {
    this.#routes.delete(origin);
    this.#routes.set(origin, link);
    if (this.#routes.size <= this.#routesMax) return;
    for (const oldest of this.#routes.keys()) {
      this.#routes.delete(oldest);
      return;
    }
  }
}
