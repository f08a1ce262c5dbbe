/** What one replica says of a document so that another can tell what it lacks, and the answer to it. */
import type { DocumentDifference, DocumentSummary } from "@yarrow/protocol";
import { isAlive } from "@yarrow/protocol";
import type { Encoder } from "../catalog/encoder.ts";
import type { Entry } from "../catalog/entry.ts";
import { encodeStateVector } from "../document/state-vector.ts";

const NOTHING = new Uint8Array(0);
const SUMMARY_BYTES = 64;
const CLIENT_BYTES = 16;
const FENCED_BYTES = 8;
/** A Yjs update with no structs and no deletions. */
const EMPTY_UPDATE_BYTES = 2;

export function summarise(entry: Entry): DocumentSummary {
  const clients = entry.lattice.clientIds().map((client) => ({
    client,
    clock: entry.lattice.stateVector.get(client) ?? 0,
    deletes: entry.lattice.clientDeleteDigest(client),
  }));
  return { name: entry.name, incarnation: entry.incarnation, fence: [...entry.fence].sort(byNumber), clients };
}

/** Bytes that a summary takes in a message, roughly: three numbers a client, one a dead id. */
export function summaryBytes(summary: DocumentSummary): number {
  return SUMMARY_BYTES + summary.clients.length * CLIENT_BYTES + summary.fence.length * FENCED_BYTES;
}

/** The summary of a document that a replica has never heard of. */
export function nothingOf(name: string): DocumentSummary {
  return { name, incarnation: 0, fence: [], clients: [] };
}

/**
 * What the one who summarised lacks of a document and, where we lack something too, our own summary.
 * `done` is called with undefined when the content cannot be encoded.
 */
export function differenceFor(
  entry: Entry,
  theirs: DocumentSummary,
  encoder: Encoder,
  done: (difference: DocumentDifference | undefined) => void,
): void {
  const { incarnation } = entry;
  const summary = lacks(entry, theirs) ? summarise(entry) : undefined;
  const fence = differingFence(entry, theirs);
  const difference = (update: Uint8Array): DocumentDifference => ({
    name: entry.name,
    incarnation,
    fence,
    update,
    summary,
  });
  if (!isAlive(incarnation) || theirs.incarnation > incarnation) return done(difference(NOTHING));
  const clients = theirs.incarnation === incarnation ? theirs.clients : [];
  const known = new Map(clients.map((client) => [client.client, client]));
  const stateVector = new Map(clients.filter((client) => client.clock > 0).map(({ client, clock }) => [client, clock]));
  const deleteSet = entry.lattice.encodeDeleteSet(
    (client) => entry.lattice.clientDeleteDigest(client) !== (known.get(client)?.deletes ?? 0),
  );
  encoder.difference(entry, encodeStateVector(stateVector), deleteSet, (update) => {
    if (update === undefined) return done(undefined);
    done(difference(update.length <= EMPTY_UPDATE_BYTES ? NOTHING : update));
  });
}

/** True when the other side holds something that we do not. */
function lacks(entry: Entry, theirs: DocumentSummary): boolean {
  if (theirs.incarnation !== entry.incarnation) return theirs.incarnation > entry.incarnation;
  if (theirs.fence.some((client) => !entry.fence.has(client))) return true;
  return theirs.clients.some(
    ({ client, clock, deletes }) =>
      clock > (entry.lattice.stateVector.get(client) ?? 0) ||
      (deletes !== 0 && deletes !== entry.lattice.clientDeleteDigest(client)),
  );
}

/** Our dead ids, where the other side does not have the same ones. */
function differingFence(entry: Entry, theirs: DocumentSummary): readonly number[] {
  const theirFence = new Set(theirs.fence);
  return [...entry.fence].filter((client) => !theirFence.has(client)).sort(byNumber);
}

/** True for an answer that says only that the other side has no more than we. */
export function isNothing({ update, fence, summary }: DocumentDifference): boolean {
  return update.length === 0 && fence.length === 0 && summary === undefined;
}

function byNumber(a: number, b: number): number {
  return a - b;
}
