/**
 * Takes an update into a document's lattice: the largest part of it that can be integrated is accepted, and only the
 * rest has to wait. Bytes are cut on struct boundaries; nothing is decoded into a Y.Doc.
 *
 * Invariants
 * 1. A run of structs is accepted when its clock is at or below the client's clock, and all it refers to (origins,
 *    parent) lies below the clocks of those clients; clocks advance as runs are accepted.
 * 2. A deleted range is accepted as far as it lies below its client's clock afterwards.
 * 3. Whatever was accepted as GC or deleted content also stands in the delete set of the accepted bytes: merging may
 *    later keep another form of those structs, and the lattice must be derivable from what is stored.
 *    But known deletes are left out where they are many: a stock client sends all it has whenever it connects.
 * 4. No struct is accepted a second time: whoever is shown what was accepted is not shown again, in the name of another writer,
 *    what may not have been acknowledged yet.
 * 5. Accepted part and remainder are updates that `scanUpdate` accepts; absorbing again changes nothing.
 */
import { cutFromClocks } from "./cut-from-clocks.ts";
import { addRanges, encodeDeleteSet } from "./delete-set.ts";
import { Contribution } from "./contribution.ts";
import type { Lattice } from "./lattice.ts";
import { Ranges } from "./ranges.ts";
import { resolveSections, type Resolution } from "./resolve-sections.ts";
import { scanUpdate, type ScannedDeletes, type ScannedUpdate } from "./scan-update.ts";
import { encodeAccepted, encodeRemainder, replaceDeleteSet } from "./split-update.ts";
import { MERGED_LIMITS } from "./update-limits.ts";

/** Smaller delete sets are passed on as they are. */
const TRIMMED_BYTES_MIN = 512;

export interface Absorbed {
  /** What to store and pass on: a valid update. Undefined when nothing of the update was new. */
  readonly accepted: Uint8Array | undefined;
  /** What has to wait: a valid update. Undefined when nothing has to. */
  readonly remainder: Uint8Array | undefined;
  /** True when the lattice grew. */
  readonly advanced: boolean;
  /** All of the update that the lattice now covers, new or not. */
  readonly contribution: Contribution;
}

/**
 * Advances the lattice by what is ready in the update. Linear in the update; `accepted` may be the update's own bytes.
 */
export function absorb(lattice: Lattice, update: ScannedUpdate): Absorbed {
  const resolution = resolveSections(lattice.stateVector, update);
  const contribution = new Contribution();
  for (let index = 0; index < update.sections.length; index++) {
    const clock = resolution.acceptedEnds[index] as number;
    if (clock > 0) contribution.clocks.set((update.sections[index] as { client: number }).client, clock);
  }
  const waiting = new Map<number, Ranges>();
  const clockOf = (client: number) => resolution.clocks.get(client) ?? lattice.stateVector.get(client) ?? 0;
  acceptDeletes(update.deletes, clockOf, contribution.deletes, waiting);
  const explicit = countsAll(contribution.deletes, update.implied);
  if (!explicit) acceptDeletes(update.implied, clockOf, contribution.deletes, undefined);
  const trimmed = deletesWorthKeeping(lattice, update, contribution, clockOf);
  const repeated = repeatedClocks(lattice, update);
  const advanced = lattice.join(contribution);
  const unchanged = waiting.size === 0 && explicit && trimmed === undefined;
  const deletes = unchanged ? undefined : (trimmed ?? contribution.deletes);
  return {
    accepted: advanced
      ? withoutRepeated(encodeWhatIsAccepted(update, resolution, contribution, deletes), repeated)
      : undefined,
    remainder: encodeWhatWaits(update, resolution, waiting),
    advanced,
    contribution,
  };
}

/** All that an update holds, ready or not. */
export function contributionOf(update: ScannedUpdate): Contribution {
  const contribution = new Contribution();
  for (const { client, end } of update.sections) {
    contribution.clocks.set(client, Math.max(end, contribution.clocks.get(client) ?? 0));
  }
  for (const { client, ranges } of [...update.deletes, ...update.implied]) {
    addRanges(contribution.deletes, client, Ranges.from(ranges));
  }
  return contribution;
}

function acceptDeletes(
  scanned: readonly ScannedDeletes[],
  clockOf: (client: number) => number,
  accepted: Map<number, Ranges>,
  waiting: Map<number, Ranges> | undefined,
): void {
  for (const { client, ranges } of scanned) {
    const { below, above } = Ranges.from(ranges).split(clockOf(client));
    addRanges(accepted, client, below);
    if (waiting !== undefined) addRanges(waiting, client, above);
  }
}

function countsAll(deletes: ReadonlyMap<number, Ranges>, implied: readonly ScannedDeletes[]): boolean {
  return implied.every(({ client, ranges }) => deletes.get(client)?.containsAll(Ranges.from(ranges)) === true);
}

/**
 * Of a large delete set, what the lattice does not know yet and what the structs imply; undefined when that would not
 * be much less than all of it.
 */
function deletesWorthKeeping(
  lattice: Lattice,
  update: ScannedUpdate,
  contribution: Contribution,
  clockOf: (client: number) => number,
): Map<number, Ranges> | undefined {
  if (update.bytes.length - update.deleteSetOffset < TRIMMED_BYTES_MIN) return undefined;
  const kept = new Map<number, Ranges>();
  let before = 0;
  let after = 0;
  for (const [client, ranges] of contribution.deletes) {
    const known = lattice.deletes.get(client);
    if (known === undefined) kept.set(client, ranges);
    else addRanges(kept, client, Ranges.from(ranges.minus(known)));
    before += ranges.size;
  }
  acceptDeletes(update.implied, clockOf, kept, undefined);
  for (const ranges of kept.values()) after += ranges.size;
  return 2 * after < before ? kept : undefined;
}

/** `deletes` undefined = the update's own delete set is as it should be. */
function encodeWhatIsAccepted(
  update: ScannedUpdate,
  resolution: Resolution,
  contribution: Contribution,
  deletes: ReadonlyMap<number, Ranges> | undefined,
): Uint8Array {
  if (!resolution.complete) return encodeAccepted(update, resolution, deletes ?? contribution.deletes);
  return deletes === undefined ? update.bytes : replaceDeleteSet(update, encodeDeleteSet(deletes));
}

/** How far the lattice is already, where the update begins before that. */
function repeatedClocks(lattice: Lattice, update: ScannedUpdate): Map<number, number> {
  const repeated = new Map<number, number>();
  for (const { client, start } of update.sections) {
    const clock = lattice.stateVector.get(client) ?? 0;
    if (start < clock) repeated.set(client, clock);
  }
  return repeated;
}

function withoutRepeated(accepted: Uint8Array, repeated: ReadonlyMap<number, number>): Uint8Array {
  if (repeated.size === 0) return accepted;
  const scanned = scanUpdate(accepted, MERGED_LIMITS);
  return cutFromClocks(scanned, repeated, accepted.subarray(scanned.deleteSetOffset));
}

function encodeWhatWaits(
  update: ScannedUpdate,
  resolution: Resolution,
  waiting: ReadonlyMap<number, Ranges>,
): Uint8Array | undefined {
  if (resolution.blocked === 0 && waiting.size === 0) return undefined;
  return encodeRemainder(update, resolution, waiting);
}
