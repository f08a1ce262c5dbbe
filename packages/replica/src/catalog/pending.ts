/**
 * Updates that wait for what they refer to, in one document.
 *
 * Invariants
 * 1. When a batch has been staged, nothing waits that could be taken in.
 * 2. They are few, and looked at a few times: beyond either limit they become one update. Within one update it takes linear time to
 *    find what can be taken in, whatever refers to whatever; among many, a client that sends its updates backwards would have
 *    each of them looked at once for every other.
 */
import { equalBytes, YarrowError } from "@yarrow/protocol";
import { absorb } from "../document/absorb.ts";
import { mergeWaiting } from "../document/merge.ts";
import { scanUpdate } from "../document/scan-update.ts";
import { MERGED_LIMITS } from "../document/update-limits.ts";
import type { LogSegment } from "../store.ts";
import type { Entry, PendingSegment } from "./entry.ts";
import type { StagedChange } from "./staged-change.ts";

/** Waiting updates of one document. Each is read again whenever the document changes. */
const PENDING_UPDATES_MAX = 100;

/** Passes over what waits, each of which took something in. Updates in their order need one. */
const PASSES_MAX = 3;

/** Lets an update wait. Returns false when exactly this one waits already. Throws YARROW_PENDING_FULL. */
export function keepPending(staged: StagedChange, segment: LogSegment, bytesMax: number): boolean {
  const { entry } = staged;
  if (waits(entry.pending, segment.update)) return false;
  if (entry.pendingBytes + segment.update.length > bytesMax) {
    throw new YarrowError(
      "YARROW_PENDING_FULL",
      `document ${JSON.stringify(entry.name)} holds ${entry.pendingBytes} bytes that wait for missing updates; ` +
        `the limit is ${bytesMax}`,
    );
  }
  if (entry.pending.length >= PENDING_UPDATES_MAX) replacePending(staged, [joined(entry)]);
  replacePending(staged, [...entry.pending, { id: undefined, segment }]);
  return true;
}

/** Takes in what no longer has to wait, until nothing moves any more. Returns true when anything was taken in. */
export function promotePending(staged: StagedChange): boolean {
  const { entry } = staged;
  const before = staged.segments.length;
  for (let pass = 0, moved = true; moved && entry.pending.length > 0; pass++) {
    if (pass === PASSES_MAX && entry.pending.length > 1) replacePending(staged, [joined(entry)]);
    moved = promoteOnce(staged);
  }
  return staged.segments.length > before;
}

function promoteOnce(staged: StagedChange): boolean {
  const { entry, segments } = staged;
  const before = segments.length;
  const kept: PendingSegment[] = [];
  let changed = false;
  for (const pending of entry.pending) {
    const scanned = scanUpdate(pending.segment.update, MERGED_LIMITS);
    const { accepted, remainder, contribution } = absorb(entry.lattice, scanned);
    if (accepted === undefined && remainder !== undefined) {
      kept.push(pending);
      continue;
    }
    changed = true;
    if (accepted !== undefined) {
      const segment = { ...pending.segment, update: accepted };
      segments.push(segment);
      staged.promoted.push({ segment, contribution });
    }
    if (remainder === undefined || waits(kept, remainder)) continue;
    kept.push({ id: undefined, segment: { ...pending.segment, update: remainder } });
  }
  if (changed) replacePending(staged, kept);
  return segments.length > before;
}

/** All that wait as one. Who wrote it is known only where all are of one writer. */
function joined({ pending }: Entry): PendingSegment {
  const [first, ...others] = pending.map(({ segment }) => segment);
  const alike = others.every(({ principal, source }) => principal === first!.principal && source === first!.source);
  const update = mergeWaiting(pending.map(({ segment }) => segment.update));
  const { principal, source } = alike ? first! : { principal: "", source: "repair" as const };
  return { id: undefined, segment: { principal, source, update } };
}

function replacePending(staged: StagedChange, next: readonly PendingSegment[]): void {
  const { entry } = staged;
  const kept = new Set(next);
  for (const pending of entry.pending) {
    if (pending.id !== undefined && !kept.has(pending)) staged.removedPending.push(pending.id);
  }
  entry.pending = [...next];
  entry.pendingBytes = next.reduce((bytes, { segment }) => bytes + segment.update.length, 0);
  staged.addedPending = next.flatMap(({ id, segment }) => (id === undefined ? [segment] : []));
}

function waits(pending: readonly PendingSegment[], update: Uint8Array): boolean {
  return pending.some(({ segment }) => equalBytes(segment.update, update));
}
