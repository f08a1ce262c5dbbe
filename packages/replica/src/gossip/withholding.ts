/**
 * What of a committed change its own writers are not sent yet: to a browser the echo of its edit is the acknowledgement.
 * Everybody else, and everything else, is shown at once.
 */
import type { StagedChange } from "../catalog/staged-change.ts";
import { contributionOf } from "../document/absorb.ts";
import { Contribution } from "../document/contribution.ts";
import { mergeUpdates } from "../document/merge.ts";
import { scanUpdate } from "../document/scan-update.ts";
import type { ScannedUpdate } from "../document/scan-update.ts";
import { MERGED_LIMITS } from "../document/update-limits.ts";
import type { Deferral } from "../effect.ts";
import type { SubscriberId } from "../event.ts";
import type { LogSegment } from "../store.ts";
import type { Wrote, Written } from "./account.ts";

/**
 * Writers of one batch of one document that each get the rest of it merged for them. Beyond that all of them get the whole
 * batch when it is confirmed: merging a frame for each would cost the square of their number.
 */
const SPLIT_WRITERS_MAX = 8;

export interface Audience {
  /** Still attached. */
  isPresent(id: SubscriberId): boolean;
  /** A browser session, and no embedded handle. */
  takesEcho(id: SubscriberId): boolean;
  /** Sessions of which something may wait in the document for what it refers to. */
  readonly pendingAuthors: ReadonlySet<SubscriberId>;
  /**
   * How far sessions were ahead of this peer when they attached. What they hold may still come another way than from them: from
   * a connection that they have lost, from another peer, or from what has waited here.
   */
  readonly claims: ReadonlyMap<SubscriberId, ReadonlyMap<number, number>>;
}

/** What of this change somebody here may be the author of; undefined when nothing is. */
export function writtenIn(change: StagedChange, { pendingAuthors, claims }: Audience): Written | undefined {
  const written = change.edits.flatMap((edit) => edit.written ?? []);
  const promoted = pendingAuthors.size === 0 ? [] : change.promoted;
  const claimed = claimedSegments(change, claims).map(({ scanned }) => scanned);
  if (written.length === 0 && promoted.length === 0 && claimed.length === 0) return undefined;
  const contribution = new Contribution();
  const starts = new Map<number, number>();
  for (const edit of written) {
    contribution.join(edit.contribution);
    for (const [client, start] of edit.starts) starts.set(client, Math.min(start, starts.get(client) ?? start));
  }
  for (const one of promoted) contribution.join(one.contribution);
  for (const scanned of claimed) contribution.join(contributionOf(scanned));
  return { contribution, starts, edits: written.length };
}

/** Who waits, for what, and what they are sent meanwhile. `merged`: the whole change, as everybody else gets it. */
export function withhold(
  change: StagedChange,
  audience: Audience,
  merged: Uint8Array | undefined,
): { readonly wrote: Map<SubscriberId, Wrote>; readonly deferred: Deferral[] } {
  const wrote = new Map<SubscriberId, Wrote>();
  const ownBySubscriber = ownSegments(change, audience);
  for (const { subscriber, outcome, update, written } of change.edits) {
    if (written === undefined || !audience.isPresent(subscriber)) continue;
    const mine = wroteBy(wrote, subscriber);
    mine.edits++;
    if (outcome === "echo" && written.whole && audience.takesEcho(subscriber)) addUpdate(mine, update);
  }
  const whole = ownBySubscriber.size > SPLIT_WRITERS_MAX ? merged : undefined;
  const deferred = [...ownBySubscriber].map(([subscriber, own]): Deferral => {
    const mine = wroteBy(wrote, subscriber);
    if (whole !== undefined) addUpdate(mine, whole);
    else for (const segment of own) addUpdate(mine, segment.update);
    const others = whole === undefined ? change.segments.filter((segment) => !own.has(segment)) : [];
    return { subscriber, others: others.length === 0 ? undefined : mergeUpdates(others.map(({ update }) => update)) };
  });
  return { wrote, deferred };
}

/** The part of the change that each session wrote itself, where it wrote any. */
function ownSegments(change: StagedChange, audience: Audience): Map<SubscriberId, Set<LogSegment>> {
  const present = new Set(change.segments);
  const own = new Map<SubscriberId, Set<LogSegment>>();
  const add = (subscriber: SubscriberId, segment: LogSegment): void => {
    // What died earlier in this batch is no longer part of it.
    if (!present.has(segment) || !audience.isPresent(subscriber) || !audience.takesEcho(subscriber)) return;
    const known = own.get(subscriber);
    if (known === undefined) own.set(subscriber, new Set([segment]));
    else known.add(segment);
  };
  for (const { subscriber, written } of change.edits) if (written?.own !== undefined) add(subscriber, written.own);
  for (const { segment } of change.promoted) for (const author of audience.pendingAuthors) add(author, segment);
  for (const { segment, claimants } of claimedSegments(change, audience.claims)) {
    for (const claimant of claimants) add(claimant, segment);
  }
  return own;
}

/** Segments that bring nothing but what some session has held since before they came. */
function claimedSegments(
  { segments }: StagedChange,
  claims: Audience["claims"],
): { readonly segment: LogSegment; readonly scanned: ScannedUpdate; readonly claimants: SubscriberId[] }[] {
  if (claims.size === 0) return [];
  return segments.flatMap((segment) => {
    const scanned = scanUpdate(segment.update, MERGED_LIMITS);
    if (scanned.sections.length === 0) return [];
    const claimants = [...claims].flatMap(([subscriber, ahead]) =>
      scanned.sections.every(({ client, end }) => end <= (ahead.get(client) ?? 0)) ? [subscriber] : [],
    );
    return claimants.length === 0 ? [] : [{ segment, scanned, claimants }];
  });
}

function wroteBy(all: Map<SubscriberId, Wrote>, subscriber: SubscriberId): Wrote {
  let wrote = all.get(subscriber);
  if (wrote === undefined) all.set(subscriber, (wrote = { edits: 0, updates: [], bytes: 0, takes: 1 }));
  return wrote;
}

function addUpdate(wrote: Wrote, update: Uint8Array): void {
  wrote.updates.push(update);
  wrote.bytes += update.length;
}
