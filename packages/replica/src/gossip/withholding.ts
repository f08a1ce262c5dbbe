/**
 * What of a committed change its own writers are not sent yet: to a browser the echo of its edit is the acknowledgement.
 * Everybody else, and everything else, is shown at once.
 */
import type { StagedChange } from "../catalog/staged-change.ts";
import { Contribution } from "../document/contribution.ts";
import { mergeUpdates } from "../document/merge.ts";
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
}

/** What was written here in this change; undefined when nothing was. What has waited until now may be of `pendingAuthors`. */
export function writtenIn(change: StagedChange, pendingAuthors: Audience["pendingAuthors"]): Written | undefined {
  const written = change.edits.flatMap((edit) => edit.written ?? []);
  const promoted = pendingAuthors.size === 0 ? [] : change.promoted;
  if (written.length === 0 && promoted.length === 0) return undefined;
  const contribution = new Contribution();
  const starts = new Map<number, number>();
  for (const edit of written) {
    contribution.join(edit.contribution);
    for (const [client, start] of edit.starts) starts.set(client, Math.min(start, starts.get(client) ?? start));
  }
  for (const one of promoted) contribution.join(one.contribution);
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
  return own;
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
