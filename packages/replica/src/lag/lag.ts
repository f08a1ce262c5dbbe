/**
 * How far this replica is behind, without comparing clocks. Writers say *beats* to the followers that take changes from them, many
 * a second; a follower passes on what it heard, with its own state in place of theirs, as soon as it hears it.
 *
 * Lag is kept per writer, as a time on our own clock: we hold everything that writer had committed as of then. It moves only
 * forward, whichever way the content came. So chains add up by themselves, the quickest of several ways counts, and followers
 * that follow each other in a ring deceive nobody.
 *
 * Invariants
 * 1. What is told is never less than the truth, up to half a round trip: it is moved forward only by a beat on a whole link
 *    (`link-lag.ts`), after what was said before it is committed.
 * 2. A beat reads and writes memory only.
 * 3. A follower that hears nothing says nothing: whoever follows it counts on by itself.
 */
import type { Beat, BeatWriter, LagReport, PeerId, Role } from "@yarrow/protocol";
import { BEAT_WRITERS_MAX } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { LinkId } from "../event.ts";
import type { Link } from "../links/link.ts";
import type { Links } from "../links/links.ts";
import { describeReport, since } from "./lag-status.ts";
import type { LagStatus, LinkLagStatus } from "./lag-status.ts";
import type { LagMark } from "./link-lag.ts";
import { countBehind, createStanding, later, NOTHING, touch, worst } from "./standing.ts";
import type { Behind, Standing } from "./standing.ts";

/** Standings of peers that are remembered beyond their links. */
const STANDINGS_MAX = 256;

/** What is behind is not known any more when this many beats are missing. */
const BEATS_MISSING_MAX = 10;
/** A beat that says less news than this, in parts of the interval, is not passed on: there are several ways to a writer. */
const NEWS_SHARE = 0.25;

/** What we hold of one writer. */
interface HeardWriter {
  /** We hold everything it had committed then. */
  asOf: number | undefined;
  heardAt: number;
}

export interface LagParts {
  readonly config: ReplicaConfig;
  readonly links: Links;
  readonly peerId: PeerId;
  readonly role: () => Role;
  /** Something is missing on this link: compare. */
  readonly suspect: (link: LinkId, now: number) => void;
}

export class Lag {
  readonly #parts: LagParts;
  /** Least recently heard first. */
  readonly #writers = new Map<PeerId, HeardWriter>();
  readonly #standings = new Map<PeerId, Standing>();
  /** The writers that counted when any was last heard. */
  #counted: readonly PeerId[] = [];
  #hearing = false;
  #committed = NOTHING;
  #beatDueAt = Number.POSITIVE_INFINITY;
  #beatAt = Number.NEGATIVE_INFINITY;
  /** A beat came that has not been passed on. */
  #heard = false;
  /** As of when we last said that our state is; undefined when we said that we do not know. */
  #toldAsOf: number | undefined;

  constructor(parts: LagParts) {
    this.#parts = parts;
  }

  /** Counts what was committed here. */
  committed({ updates, bytes }: Behind): void {
    this.#committed = { updates: this.#committed.updates + updates, bytes: this.#committed.bytes + bytes };
  }

  /** Says the next beat in this step. */
  hurry(): void {
    this.#beatDueAt = 0;
  }

  /** The other side follows us from here on. What was committed before it said so was not said to it. */
  followed(link: Link): void {
    link.lag.deny();
    this.hurry();
  }

  /** Something that belongs here is missing, and may have come by any link. */
  lost(now: number): void {
    for (const link of this.#parts.links.open()) {
      link.lag.doubt();
      this.#parts.suspect(link.id, now);
    }
  }

  /** Call when what came before the beat is committed. */
  takeBeat(link: Link, beat: Beat, now: number): void {
    if (!link.beatsIn) return;
    link.lag.hear(beat, now);
    this.#heard = true;
    this.#believe(link);
    if (!link.lag.whole) this.#parts.suspect(link.id, now);
  }

  /** The stopwatch of the other side is known, or known better. */
  timed(link: Link): void {
    if (link.beatsIn) this.#believe(link);
  }

  takeReport(link: Link, report: LagReport, now: number): void {
    if (link.beatsOut) link.lag.report = { report, at: now };
  }

  /** We hold everything that the other side held at some time after `mark`. */
  verified(link: Link, mark: LagMark, now: number): void {
    if (link.peerId === undefined) return;
    this.#standing(link.peerId).verifiedAt = now;
    if (!link.beatsIn || link.lag.whole) return;
    link.lag.verified(mark);
    this.#believe(link);
    // Who follows us should not wait for the next beat to hear that we caught up.
    this.hurry();
  }

  /** Says what is due. Call last in a step, behind everything that it says is said. */
  wake(now: number): void {
    const { links, role } = this.#parts;
    const intervalMs = this.#parts.config.beatIntervalMs;
    const followers = links.open().filter((link) => link.beatsOut);
    const originates = role() === "writer";
    const passesOn = !originates && this.#heard && this.#isNews(intervalMs, now);
    if (this.#heard) this.#reportToUpstreams(now);
    if (followers.length === 0) {
      this.#heard = false;
      this.#beatDueAt = Number.POSITIVE_INFINITY;
    } else if (now >= this.#beatDueAt || passesOn) {
      this.#beat(followers, now);
      // A beat that was late does not make the next one late as well.
      const next = Math.max(this.#beatDueAt, now - intervalMs / 2) + intervalMs;
      this.#beatDueAt = originates ? next : Number.POSITIVE_INFINITY;
    } else if (originates) this.#beatDueAt = Math.min(this.#beatDueAt, now + intervalMs);
  }

  nextDeadline(): number {
    return this.#beatDueAt;
  }

  /** How old at most is what this replica holds; undefined while not known. */
  lagMs(now: number): number | undefined {
    if (this.#parts.role() === "writer") return 0;
    return since(this.#asOf(now), now);
  }

  describe(now: number): LagStatus {
    const { role } = this.#parts;
    const counted = role() === "writer" ? [] : this.#count(now);
    const verified = [...this.#standings.values()].map(({ verifiedAt }) => verifiedAt ?? Number.NEGATIVE_INFINITY);
    const behind = this.#behind(now);
    return {
      lagMs: this.lagMs(now),
      updatesBehind: behind?.updates,
      bytesBehind: behind?.bytes,
      verifiedMs: since(Math.max(...verified), now),
      writers: counted.map((peerId) => ({ peerId, lagMs: this.#writerLagMs(peerId, now) })),
    };
  }

  /** Of an open link, or of a peer that is not linked. */
  describeLink(link: Link | undefined, peerId: PeerId | undefined, now: number): LinkLagStatus {
    const standing = peerId === undefined ? undefined : this.#standings.get(peerId);
    const behind = link === undefined ? undefined : this.#behindOn(link, now);
    return {
      lagMs: since(standing?.asOf, now),
      updatesBehind: behind?.updates,
      bytesBehind: behind?.bytes,
      verifiedMs: since(standing?.verifiedAt, now),
      follower: link === undefined ? undefined : describeReport(link.lag, now, this.#parts.config.lagReportMs),
    };
  }

  /** Draws from the last beat of a link what may be drawn. */
  #believe(link: Link): void {
    const heard = link.lag.heard();
    if (heard === undefined || link.peerId === undefined || link.processId === undefined) return;
    const { beat, saidAt } = heard;
    const { whole } = link.lag;
    for (const { peerId, behindMs, silentMs } of beat.writers) {
      if (peerId === this.#parts.peerId) continue;
      const writer = this.#writer(peerId);
      writer.heardAt = Math.max(writer.heardAt, saidAt - silentMs);
      if (whole && behindMs !== undefined) writer.asOf = later(writer.asOf, saidAt - behindMs);
    }
    const standing = this.#standing(link.peerId);
    if (whole) standing.asOf = later(standing.asOf, saidAt - beat.heldMs);
    standing.behind = countBehind(standing, link, link.processId, beat);
  }

  #beat(followers: readonly Link[], now: number): void {
    this.#heard = false;
    this.#beatAt = now;
    this.#toldAsOf = this.#asOf(now);
    const writers = this.#tellWriters(now);
    const behind = this.#behind(now);
    for (const link of followers) {
      // A beat would wait behind all that waits there already.
      if (link.socketCongested) continue;
      const own = link.lag.tell(link.outgoing.waitingBytes > 0, now);
      const late = writers.map((writer) =>
        writer.behindMs === undefined ? writer : { ...writer, behindMs: writer.behindMs + own.heldMs },
      );
      link.send({ type: "beat", ...own, ...this.#committed, behind, writers: late });
    }
  }

  #isNews(intervalMs: number, now: number): boolean {
    const asOf = this.#asOf(now);
    // What was said last would go round in a ring of followers for ever.
    if (this.#hearing && now - this.#beatAt >= intervalMs) return true;
    return asOf !== undefined && asOf - (this.#toldAsOf ?? Number.NEGATIVE_INFINITY) >= intervalMs * NEWS_SHARE;
  }

  /** Where there are too many, those that we are furthest behind are told of. */
  #tellWriters(now: number): BeatWriter[] {
    const { role, peerId } = this.#parts;
    if (role() === "writer") return [{ peerId, behindMs: 0, silentMs: 0 }];
    const told = this.#count(now).map((id) => {
      const lagMs = this.#writerLagMs(id, now);
      const silentMs = Math.max(0, Math.ceil(now - (this.#writers.get(id)?.heardAt ?? now)));
      return { peerId: id, behindMs: lagMs, silentMs };
    });
    if (told.length <= BEAT_WRITERS_MAX) return told;
    const rank = ({ behindMs = Number.POSITIVE_INFINITY }: BeatWriter): number => behindMs;
    return told.sort((a, b) => rank(b) - rank(a)).slice(0, BEAT_WRITERS_MAX);
  }

  #reportToUpstreams(now: number): void {
    const { config, links } = this.#parts;
    for (const link of links.open()) {
      if (!link.beatsIn || now < link.lag.reportDueAt) continue;
      link.lag.reportDueAt = now + config.lagReportMs;
      const lagMs = this.lagMs(now);
      link.send({
        type: "lag-report",
        lagMs,
        behind: this.#behind(now),
      });
    }
  }

  /** We hold everything that was committed then by the writers that count; undefined when that is not known of one, or there is none. */
  #asOf(now: number): number | undefined {
    let asOf: number | undefined;
    for (const peerId of this.#count(now)) {
      const writer = this.#writers.get(peerId)?.asOf;
      if (writer === undefined) return undefined;
      asOf = Math.min(asOf ?? writer, writer);
    }
    return asOf;
  }

  /** The writers that count: those heard lately, or, when none is, those heard last. */
  #count(now: number): readonly PeerId[] {
    const { links, config } = this.#parts;
    const lately = new Set<PeerId>();
    for (const link of links.open()) {
      if (!link.beatsIn) continue;
      for (const { peerId } of link.lag.heard()?.beat.writers ?? []) {
        const writer = this.#writers.get(peerId);
        if (writer !== undefined && now - writer.heardAt < config.linkSilentMs) lately.add(peerId);
      }
    }
    this.#hearing = lately.size > 0;
    if (this.#hearing) this.#counted = [...lately];
    return this.#counted;
  }

  #writerLagMs(peerId: PeerId, now: number): number | undefined {
    return since(this.#writers.get(peerId)?.asOf, now);
  }

  /** What this replica lacks of those it follows, and what they lack themselves. */
  #behind(now: number): Behind | undefined {
    if (this.#parts.role() === "writer") return NOTHING;
    const upstreams = this.#parts.links.open().filter((link) => link.beatsIn);
    const sums = upstreams.map((link) => {
      const here = this.#behindOn(link, now);
      const there = link.lag.heard()?.beat.behind;
      if (here === undefined || there === undefined) return undefined;
      return { updates: here.updates + there.updates, bytes: here.bytes + there.bytes };
    });
    const updates = worst(sums.map((sum) => sum?.updates));
    const bytes = worst(sums.map((sum) => sum?.bytes));
    return updates === undefined || bytes === undefined ? undefined : { updates, bytes };
  }

  #behindOn(link: Link, now: number): Behind | undefined {
    const heard = link.beatsIn ? link.lag.heard() : undefined;
    if (heard === undefined || link.peerId === undefined) return undefined;
    if (now - heard.saidAt > BEATS_MISSING_MAX * this.#parts.config.beatIntervalMs) return undefined;
    return this.#standings.get(link.peerId)?.behind;
  }

  #writer(peerId: PeerId): HeardWriter {
    const writer = this.#writers.get(peerId) ?? { asOf: undefined, heardAt: Number.NEGATIVE_INFINITY };
    return touch(this.#writers, peerId, writer, BEAT_WRITERS_MAX);
  }

  #standing(peerId: PeerId): Standing {
    return touch(this.#standings, peerId, this.#standings.get(peerId) ?? createStanding(), STANDINGS_MAX);
  }
}
