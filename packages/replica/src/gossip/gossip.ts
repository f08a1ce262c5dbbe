/**
 * Live push: every committed change goes to every link at once, each peer passes on what was new to it, and ids keep it from
 * going round in circles. Only speed hangs on this; what gets lost is found by anti-entropy.
 *
 * Invariants
 * 1. Nothing is sent before it is committed here.
 * 2. A message is passed on with its original id, and only when it changed something here.
 * 3. Changes go only to those who take them from this side; questions and awareness go to all.
 * 4. A congested link gets no live push; it is marked dirty and repaired when drained.
 *
 * Eager push to all links suits the full mesh of up to a dozen peers. A tree per origin (Plumtree) takes the place of
 * `#eagerLinks` in larger clusters.
 */
import type { Broadcast, CoverAsk, Message, PeerId, Presence, ProcessId } from "@yarrow/protocol";
import { encodeMessage } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { Effect } from "../effect.ts";
import type { LinkId } from "../event.ts";
import type { Link } from "../links/link.ts";
import type { Links } from "../links/links.ts";
import { Seen } from "./seen.ts";

export class Gossip {
  readonly #links: Links;
  readonly #seen: Seen;
  readonly #processId: ProcessId;
  readonly #emit: (effect: Effect) => void;
  #sequence = 0;
  /** The link on which an origin's last message came first: the way back for acknowledgements. */
  readonly #routes = new Map<ProcessId, LinkId>();
  readonly #routesMax: number;

  constructor(options: {
    readonly config: ReplicaConfig;
    readonly links: Links;
    readonly processId: ProcessId;
    readonly emit: (effect: Effect) => void;
  }) {
    this.#links = options.links;
    this.#seen = new Seen(options.config);
    this.#processId = options.processId;
    this.#emit = options.emit;
    this.#routesMax = options.config.originsMax;
  }

  nextSequence(): number {
    return ++this.#sequence;
  }

  /** Sends something of our own to all links, but for one that has it already. */
  originate(message: Broadcast | CoverAsk | Presence, except?: LinkId): void {
    const links = this.#eagerLinks(message, except);
    if (links.length === 0) return;
    const encoded = encodeMessage(message);
    for (const link of links) this.#push(link, encoded, message.type === "broadcast");
    if (message.type === "broadcast") {
      this.#emit({
        type: "observe",
        fact: { kind: "broadcast-sent", messages: links.length, bytes: encoded.length * links.length },
      });
    }
  }

  /** Passes somebody else's message on to every link but the one it came from. */
  forward(message: Broadcast | CoverAsk | Presence, from: LinkId): void {
    const links = this.#eagerLinks(message, from);
    if (links.length === 0) return;
    const encoded = encodeMessage(message);
    for (const link of links) this.#push(link, encoded, message.type === "broadcast");
  }

  /** True when this message has not been here before. Remembers the way back to its origin. */
  isNew(message: { readonly origin: ProcessId; readonly sequence: number }, from: LinkId, now: number): boolean {
    if (message.origin === this.#processId) return false;
    const fresh = this.#seen.add(message.origin, message.sequence, now);
    if (fresh) this.#remember(message.origin, from);
    return fresh;
  }

  /** Sends an acknowledgement one step back towards the origin. */
  acknowledge(origin: ProcessId, sequence: number, peerId: PeerId): void {
    const route = this.#routes.get(origin);
    const link = route === undefined ? undefined : this.#links.get(route);
    if (link?.state.kind === "open") link.send({ type: "acknowledge", origin, sequence, peerId });
  }

  linkEnded(link: Link): void {
    for (const [origin, route] of this.#routes) if (route === link.id) this.#routes.delete(origin);
  }

  #eagerLinks({ type }: Message, except: LinkId | undefined): Link[] {
    return this.#links.open().filter((link) => link.id !== except && (type !== "broadcast" || link.takesOurs));
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
