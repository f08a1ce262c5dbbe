/**
 * What other peers' messages do to this replica's documents: live broadcasts, differences from anti-entropy, awareness, and
 * questions about copies. Stages changes; what must wait for the commit is handed to `later`.
 *
 * The rule of incarnations stands here in one place: lower than ours is dropped and answered with ours, higher ends ours, and
 * only equal ones are merged.
 */
import type {
  Acknowledge,
  Broadcast,
  CoverAsk,
  DocumentDifference,
  Incarnation,
  PeerId,
  Presence,
  ProcessId,
  Segment,
} from "@yarrow/protocol";
import { isAlive, YarrowError } from "@yarrow/protocol";
import type { Catalog } from "./catalog/catalog.ts";
import type { StagedChange } from "./catalog/staged-change.ts";
import type { ReplicaConfig } from "./config.ts";
import { decodeContribution } from "./document/contribution.ts";
import type { Effect, Fact } from "./effect.ts";
import type { Confirmations } from "./gossip/confirmations.ts";
import type { CopyRequests } from "./gossip/copies.ts";
import type { Gossip } from "./gossip/gossip.ts";
import type { Isolation } from "./isolation.ts";
import type { Link } from "./links/link.ts";
import type { MergeRecords } from "./merge-records.ts";
import type { SegmentSource } from "./store.ts";

export interface ReplicationParts {
  readonly config: ReplicaConfig;
  readonly catalog: Catalog;
  readonly gossip: Gossip;
  readonly merges: MergeRecords;
  readonly copies: CopyRequests;
  readonly confirmations: Confirmations;
  readonly isolation: Isolation;
  readonly processId: ProcessId;
  readonly peerId: PeerId;
  readonly emit: (effect: Effect) => void;
  /** Runs when this batch is committed. */
  readonly later: (task: (now: number) => void) => void;
}

/** `unusable`: nobody can do anything with it. */
type Offered = "changed" | "unchanged" | "unusable";

interface RemoteChange {
  readonly name: string;
  readonly incarnation: Incarnation;
  readonly fence: readonly number[];
}

export class Replication {
  readonly #parts: ReplicationParts;

  constructor(parts: ReplicationParts) {
    this.#parts = parts;
  }

  broadcast(link: Link, message: Broadcast, now: number): void {
    const { gossip } = this.#parts;
    const fresh = gossip.isNew(message, link, now);
    let bytes = 0;
    for (const segment of message.segments) bytes += segment.update.length;
    link.lag.pushed.updates += message.segments.length;
    link.lag.pushed.bytes += bytes;
    // What it waits here is in what it takes to the next peer: both count from when a step began.
    const ageMs = message.ageMs + Math.round(link.lag.transitMs ?? (link.rttMs ?? 0) / 2);
    this.#observe({ kind: "broadcast-received", duplicate: !fresh, bytes, ageMs });
    if (!fresh) return;
    if (message.incarnation === 0) return;
    this.#parts.isolation.guard(message.name, now, () => this.#take(link, message, ageMs, now));
  }

  #take(link: Link, message: Broadcast, ageMs: number, now: number): void {
    const { catalog, gossip } = this.#parts;
    const entry = catalog.entry(message.name, now);
    if (message.incarnation < entry.incarnation) {
      this.#answerWithOurs(link, message.name);
      if (message.ordinal === 0) return;
      return this.#parts.later((then) => gossip.forward({ ...message, ageMs }, then, link.id));
    }
    const staged = catalog.staged(entry);
    let changed = this.#meet(staged, message);
    const usable: Segment[] = [];
    for (const segment of message.segments) {
      const outcome = this.#offer(link, staged, segment.update, segment.principal, "broadcast");
      changed ||= outcome === "changed";
      if (outcome !== "unusable") usable.push(segment);
    }
    if (!changed && message.ordinal === 0) return;
    const segments = usable.length === message.segments.length ? message.segments : usable;
    staged.forwards.push({ link: link.id, message: { ...message, segments, ageMs } });
  }

  /** Stages the differences of one anti-entropy message. Returns how many documents they changed. */
  differences(link: Link, documents: readonly DocumentDifference[], push: boolean, now: number): number {
    const { config, merges, isolation } = this.#parts;
    let changed = 0;
    let bytes = 0;
    let received = 0;
    for (const difference of documents) bytes += difference.update.length;
    const pushed = push && bytes <= config.repairPushBytesMax;
    for (const difference of documents) {
      isolation.guard(difference.name, now, () => {
        if (!this.#merge(link, difference, pushed, push, now)) return;
        changed++;
        received += difference.update.length;
      });
    }
    merges.received(link, changed, received, now);
    return changed;
  }

  /** Stages one difference. `pushed`: it is passed on as live push. Returns true when it changed anything. */
  #merge(link: Link, difference: DocumentDifference, pushed: boolean, push: boolean, now: number): boolean {
    const { catalog } = this.#parts;
    const entry = catalog.entry(difference.name, now);
    if (difference.incarnation < entry.incarnation || difference.incarnation === 0) return false;
    const staged = catalog.staged(entry);
    let advanced = this.#meet(staged, difference);
    // A document that came alive with more content than is pushed is told of by a digest, not as an empty one.
    if (staged.moved && (pushed || (push && !entry.alive))) staged.announce = true;
    if (difference.update.length > 0) {
      advanced = this.#offer(link, staged, difference.update, "", "repair") === "changed" || advanced;
    }
    if (!advanced) return false;
    staged.repairs.add(link.id);
    if (pushed && difference.update.length > 0) {
      staged.publish.push({ principal: "", update: difference.update });
    } else if (!staged.announce) staged.unpushed = true;
    return true;
  }

  presence(link: Link, message: Presence, now: number): void {
    const { gossip, emit } = this.#parts;
    if (!gossip.isNew(message, link, now)) return;
    emit({ type: "presence", name: message.name, origin: message.origin, states: message.states });
    gossip.forward(message, now, link.id);
  }

  coverAsk(link: Link, message: CoverAsk, now: number): void {
    const { gossip } = this.#parts;
    if (!gossip.isNew(message, link, now)) return;
    // Behind what this batch passes on: the question must not overtake the update it is about.
    this.#parts.later((then) => {
      gossip.forward(message, then, link.id);
      this.#answerCoverAsk(message, then);
    });
  }

  acknowledge(message: Acknowledge, now: number): void {
    const { gossip, copies, confirmations, processId } = this.#parts;
    if (message.origin === processId) {
      copies.acknowledged(message.sequence, message.peerId);
      confirmations.acknowledged(message.sequence, message.peerId, now);
    } else gossip.acknowledge(message.origin, message.sequence, message.peerId);
  }

  /** Tells one link the incarnation we have; anti-entropy brings the content. */
  #answerWithOurs(link: Link, name: string): void {
    const { catalog, gossip, processId } = this.#parts;
    if (!link.takesOurs) return;
    this.#parts.later((now) => {
      const { incarnation, fence } = catalog.entry(name, now);
      const sequence = gossip.nextSequence();
      link.send({
        type: "broadcast",
        origin: processId,
        sequence,
        name,
        incarnation,
        fence: [...fence],
        segments: [],
        ageMs: 0,
        ordinal: 0,
      });
    });
  }

  /** Brings incarnation and fence together. Returns true when ours moved or grew. */
  #meet(staged: StagedChange, theirs: RemoteChange): boolean {
    const { catalog } = this.#parts;
    const { entry } = staged;
    if (theirs.incarnation > entry.incarnation) {
      catalog.move(staged, theirs.incarnation, theirs.fence);
      return true;
    }
    const { size } = entry.fence;
    catalog.joinFence(staged, theirs.fence);
    return entry.fence.size > size;
  }

  /** What an update did here. Bad bytes hurt nothing but themselves. */
  #offer(link: Link, staged: StagedChange, update: Uint8Array, principal: string, source: SegmentSource): Offered {
    const { catalog } = this.#parts;
    const { name } = staged.entry;
    if (!isAlive(staged.entry.incarnation)) return "unchanged";
    try {
      const { outcome } = catalog.offer(staged, catalog.scan(update, source), principal, source);
      return outcome === "known" ? "unchanged" : "changed";
    } catch (error) {
      if (!(error instanceof YarrowError)) throw error;
      if (error.code === "YARROW_PENDING_FULL") {
        link.dirty = true;
        link.lag.doubt();
      }
      this.#observe({ kind: "refused-update", name, code: error.code, detail: error.message });
      return error.code === "YARROW_PENDING_FULL" ? "unchanged" : "unusable";
    }
  }

  #answerCoverAsk(message: CoverAsk, now: number): void {
    const { catalog, gossip, peerId } = this.#parts;
    const entry = catalog.entry(message.name, now);
    let covered = entry.incarnation > message.incarnation;
    if (entry.incarnation === message.incarnation) {
      try {
        covered = entry.lattice.covers(decodeContribution(message.contribution));
      } catch (error) {
        if (!(error instanceof YarrowError)) throw error;
      }
    }
    if (covered) gossip.acknowledge(message.origin, message.subject, peerId);
  }

  #observe(fact: Fact): void {
    this.#parts.emit({ type: "observe", fact });
  }
}
