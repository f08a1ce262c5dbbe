/**
 * Takes an update into a document's lattice: the largest part of it that can be integrated is accepted, and only the rest
 * has to wait. Bytes are cut on struct boundaries; nothing is decoded into a Y.Doc.
 *
 * Invariants
 * 1. A run of structs is accepted when its clock is at or below the client's clock, and all it refers to (origins, parent)
 *    lies below the clocks of those clients; clocks advance as runs are accepted.
 * 2. A deleted range is accepted as far as it lies below its client's clock afterwards.
 * 3. Whatever was accepted as GC or deleted content also stands in the delete set of the accepted bytes: merging may later
 *    keep another form of those structs, and the lattice must be derivable from what is stored.
 * 4. Accepted part and remainder are updates that `scanUpdate` accepts; absorbing again changes nothing.
 */
import { addRanges, encodeDeleteSet } from "./delete-set.ts";
import { Contribution, type Lattice } from "./lattice.ts";
import { Ranges } from "./ranges.ts";
import { resolveSections, type Resolution } from "./resolve-sections.ts";
import type { ScannedDeletes, ScannedUpdate } from "./scan-update.ts";
import { encodeAccepted, encodeRemainder, replaceDeleteSet } from "./split-update.ts";

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

/** Advances the lattice by what is ready in the update. Linear in the update; `accepted` may be the update's own bytes. */
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
  const explicit = update.implied.length > 0 && countsAll(contribution.deletes, update.implied);
  if (!explicit) acceptDeletes(update.implied, clockOf, contribution.deletes, undefined);
  const advanced = lattice.join(contribution);
  return {
    accepted: advanced ? encodeWhatIsAccepted(update, resolution, contribution, waiting, explicit) : undefined,
    remainder: encodeWhatWaits(update, resolution, waiting),
    advanced,
    contribution,
  };
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

function encodeWhatIsAccepted(
  update: ScannedUpdate,
  resolution: Resolution,
  contribution: Contribution,
  waiting: ReadonlyMap<number, Ranges>,
  explicit: boolean,
): Uint8Array {
  if (!resolution.complete) return encodeAccepted(update, resolution, contribution.deletes);
  if (waiting.size === 0 && (explicit || update.implied.length === 0)) return update.bytes;
  return replaceDeleteSet(update, encodeDeleteSet(contribution.deletes));
}

function encodeWhatWaits(
  update: ScannedUpdate,
  resolution: Resolution,
  waiting: ReadonlyMap<number, Ranges>,
): Uint8Array | undefined {
  if (resolution.blocked === 0 && waiting.size === 0) return undefined;
  return encodeRemainder(update, resolution, waiting);
}
