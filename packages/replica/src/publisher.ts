/** Tells other peers what was committed here: by live push at once, and by digests when it is quiet and at intervals. */
import type { ProcessId, Role } from "@yarrow/protocol";
import { assert, SEGMENTS_PER_MESSAGE_MAX } from "@yarrow/protocol";
import type { Reconciler } from "./anti-entropy/reconciler.ts";
import type { Catalog } from "./catalog/catalog.ts";
import type { StagedChange } from "./catalog/staged-change.ts";
import type { ReplicaConfig } from "./config.ts";
import type { AnnouncePresence, LinkId } from "./event.ts";
import type { Gossip } from "./gossip/gossip.ts";
import type { Lag } from "./lag/lag.ts";
import type { Link } from "./links/link.ts";
import type { Links } from "./links/links.ts";

export interface PublisherParts {
  readonly config: ReplicaConfig;
  readonly gossip: Gossip;
  readonly links: Links;
  readonly reconciler: Reconciler;
  readonly lag: Lag;
  readonly processId: ProcessId;
  readonly role: () => Role;
}

export class Publisher {
  readonly #parts: PublisherParts;
  #settleAt = Number.POSITIVE_INFINITY;
  #digestAt = Number.POSITIVE_INFINITY;
  /** Documents with waiting updates, and when the other peers are asked for what is missing. */
  readonly #waiting = new Map<string, number>();

  constructor(parts: PublisherParts) {
    this.#parts = parts;
  }

  committed(change: StagedChange, now: number): void {
    const { gossip, config, processId, role } = this.#parts;
    assert(role() === "writer" || !isOriginated(change), "a follower originates nothing");
    const { entry, publish, moved } = change;
    const except = onlyRepairedBy(change);
    // What only rounds brought is news to few, and goes on only where it is.
    const written = isOriginated(change);
    if (change.unpushed) this.#deny(except);
    for (let from = 0; from < publish.length || (from === 0 && change.announce); from += SEGMENTS_PER_MESSAGE_MAX) {
      const segments = publish.slice(from, from + SEGMENTS_PER_MESSAGE_MAX);
      const message = {
        type: "broadcast",
        origin: processId,
        sequence: gossip.nextSequence(),
        name: entry.name,
        incarnation: entry.incarnation,
        fence: moved ? [...entry.fence] : [],
        segments,
        ageMs: 0,
        ordinal: written ? gossip.nextOrdinal() : 0,
      } as const;
      gossip.originate(message, now, except);
    }
    this.passOn(change, now);
    if (change.addedPending.length > 0 && !this.#waiting.has(entry.name)) {
      this.#waiting.set(entry.name, now + config.pendingRepairMs);
    }
    this.#settleAt = now + config.digestSettleMs;
  }

  /** What others broadcast goes on as it came. */
  passOn({ forwards }: StagedChange, now: number): void {
    for (const { link, message } of forwards) this.#parts.gossip.forward(message, now, link);
  }

  /** What links sent was not kept: ask for it again, later. */
  failed(change: StagedChange, now: number): void {
    const links = new Set<LinkId>([...change.repairs, ...change.forwards.map(({ link }) => link)]);
    for (const link of links) {
      this.#parts.links.get(link)?.lag.doubt();
      this.#parts.reconciler.uncommitted(link, now + this.#parts.config.roundBackoffMinMs);
    }
  }

  presence({ name, states }: AnnouncePresence, now: number): void {
    const { gossip, processId } = this.#parts;
    gossip.originate({ type: "presence", origin: processId, sequence: gossip.nextSequence(), name, states }, now);
  }

  congestion(id: LinkId, congested: boolean, now: number): void {
    const link = this.#parts.links.get(id);
    if (link === undefined) return;
    link.socketCongested = congested;
    this.drained(link, now);
  }

  /** What was dropped while the link was congested is repaired when it is no more. */
  drained(link: Link, now: number): void {
    if (link.congested || !link.dirty) return;
    link.dirty = false;
    this.#parts.lag.hurry();
    this.#parts.reconciler.suspect(link.id, now);
  }

  /** Call when nothing is staged. */
  wake(now: number, catalog: Catalog): void {
    const { config, links, reconciler } = this.#parts;
    if (now >= this.#settleAt) {
      this.#settleAt = Number.POSITIVE_INFINITY;
      for (const link of links.open()) reconciler.sendDigest(link, false);
    }
    if (now >= this.#digestAt) {
      for (const link of links.open()) reconciler.sendDigest(link, true);
    }
    if (links.open().length === 0) this.#digestAt = Number.POSITIVE_INFINITY;
    else if (now >= this.#digestAt || this.#digestAt === Number.POSITIVE_INFINITY) {
      this.#digestAt = now + config.digestIntervalMs;
    }
    for (const [name, dueAt] of this.#waiting) {
      if (now < dueAt) continue;
      this.#waiting.delete(name);
      if (catalog.entry(name, now).pending.length === 0) continue;
      this.#parts.lag.lost(now);
    }
  }

  /** Content came that is not pushed on: those who take changes from us must ask for it. */
  #deny(except: LinkId | undefined): void {
    for (const link of this.#parts.links.open()) if (link.takesOurs && link.id !== except) link.lag.deny();
  }

  nextDeadline(): number {
    // All wait equally long, so the first is the earliest.
    const [firstWaiting = Number.POSITIVE_INFINITY] = this.#waiting.values();
    return Math.min(this.#settleAt, this.#digestAt, firstWaiting);
  }
}

/** True when a writer or a deletion of this very replica is part of a change. */
function isOriginated({ edits, deletions }: StagedChange): boolean {
  return deletions.length > 0 || edits.some(({ outcome }) => outcome !== "echo");
}

/** The one link whose repair is all that a change holds: it need not be told. */
function onlyRepairedBy({ edits, deletions, repairs }: StagedChange): LinkId | undefined {
  if (edits.length > 0 || deletions.length > 0 || repairs.size !== 1) return undefined;
  const [link] = repairs;
  return link;
}
