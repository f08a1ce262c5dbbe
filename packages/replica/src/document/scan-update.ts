/**
 * Checks a Yjs update (encoding V1) from outside in one pass over its bytes, before anything else touches it, and says
 * where its parts lie. Yjs reads structs and integrates them before it looks at the delete set, trusts every count,
 * and can be hung, crashed or made to diverge by crafted bytes; what passes here it reads back whole, and re-encodes
 * to the same meaning.
 *
 * 1. Every number is in its shortest form; client ids below 2^53; clocks up to 2^31; no byte is left over.
 * 2. Sections of structs come by strictly descending client; a client twice in one update would be read differently by
 *    applying and by merging.
 * 3. No struct is empty; none refers to its own client at or after itself.
 * 4. Delete ranges are not empty, ascend, and do not overlap; no client is listed twice.
 * 5. Strings are UTF-8; values nest at most 64 deep; "__proto__" is no key of a value and no root name.
 *
 * It cannot tell that a client id is somebody else's, nor that a conflict is costly to integrate.
 */
import { YarrowError } from "@yarrow/protocol";
import { UpdateReader } from "./update-reader.ts";
import { CLOCK_MAX, UPDATE_LIMITS, type UpdateLimits } from "./update-limits.ts";

/** Fields of one run in {@link ScannedSection.runs}. */
export const RUN_CLOCK = 0;
/** Offset of the run's first struct in the bytes. */
export const RUN_OFFSET = 1;
/** How many structs of the section come before the run. */
export const RUN_INDEX = 2;
export const RUN_KIND = 3;
export const RUN_FIELDS = 4;

/** The run follows from the structs before it. */
const RUN_PLAIN = 0;
/** The run's first struct refers to structs of other clients. */
export const RUN_DEPENDENT = 1;
/** The run is one Skip: clocks that this update leaves out. */
export const RUN_SKIP = 2;

/** Deleted ranges of one client: [start, end, …], ascending, not overlapping, possibly touching. */
export interface ScannedDeletes {
  readonly client: number;
  readonly ranges: number[];
}

/** The structs of one client. */
export interface ScannedSection {
  readonly client: number;
  /** Clock of the first struct, and one past the last. */
  readonly start: number;
  readonly end: number;
  /** Where the structs stand in the bytes. */
  readonly byteStart: number;
  readonly byteEnd: number;
  readonly structs: number;
  /**
   * Stretches of structs that can only be accepted or refused together, {@link RUN_FIELDS} numbers each: a new one
   * begins at the start, at a Skip, after a Skip, and at each struct that refers to another client.
   */
  readonly runs: readonly number[];
}

export interface ScannedUpdate {
  readonly bytes: Uint8Array;
  /** By descending client. */
  readonly sections: readonly ScannedSection[];
  /** The delete set that ends the update, in its order of clients. */
  readonly deletes: readonly ScannedDeletes[];
  /** Ranges of GC structs and deleted content: deleted, whether or not the delete set says so. */
  readonly implied: readonly ScannedDeletes[];
  /** Offset of the delete set in the bytes. */
  readonly deleteSetOffset: number;
}

/**
 * Checks an update and finds its parts. Time and memory are linear in the bytes, which are kept, not copied.
 * Throws YARROW_UPDATE_INVALID with offset and reason, or YARROW_UPDATE_TOO_LARGE.
 */
export function scanUpdate(bytes: Uint8Array, limits: UpdateLimits = UPDATE_LIMITS): ScannedUpdate {
  if (bytes.length > limits.bytesMax) {
    throw new YarrowError("YARROW_UPDATE_TOO_LARGE", `update of ${bytes.length} bytes exceeds ${limits.bytesMax}`);
  }
  const reader = new UpdateReader(bytes, "YARROW_UPDATE_INVALID");
  const sections: ScannedSection[] = [];
  const implied: ScannedDeletes[] = [];
  const count = readClientCount(reader, limits);
  let previous = Number.POSITIVE_INFINITY;
  for (let index = 0; index < count; index++) {
    const section = readSection(reader, previous, implied);
    sections.push(section);
    previous = section.client;
  }
  const deleteSetOffset = reader.offset;
  const deletes = readDeleteSet(reader, limits);
  if (reader.remaining() > 0) reader.fail(`${reader.remaining()} bytes left over`);
  return { bytes, sections, deletes, implied, deleteSetOffset };
}

/** A section takes at least five bytes, a client of the delete set at least four. */
function readClientCount(reader: UpdateReader, limits: UpdateLimits): number {
  const count = reader.readCount(4, "clients");
  if (count > limits.clientsMax) reader.fail(`${count} clients exceed ${limits.clientsMax}`);
  return count;
}

function readSection(reader: UpdateReader, previousClient: number, implied: ScannedDeletes[]): ScannedSection {
  const structs = reader.readCount(2, "structs");
  if (structs === 0) reader.fail("client without structs");
  const client = reader.readClient();
  if (client >= previousClient) reader.fail("clients not in descending order");
  const start = reader.readClock();
  const byteStart = reader.offset;
  const runs: number[] = [];
  let dead: number[] | undefined;
  let clock = start;
  let afterSkip = true;
  for (let index = 0; index < structs; index++) {
    const offset = reader.offset;
    const length = reader.skipStruct(client, clock);
    if (length === 0) reader.fail("struct without length");
    const kind = reader.skipped ? RUN_SKIP : reader.dependent ? RUN_DEPENDENT : RUN_PLAIN;
    if (afterSkip || kind !== RUN_PLAIN) runs.push(clock, offset, index, kind);
    afterSkip = reader.skipped;
    const next = clock + length;
    if (next > CLOCK_MAX) reader.fail("clock too large");
    if (reader.dead) {
      if (dead === undefined) implied.push({ client, ranges: (dead = []) });
      if (dead.at(-1) === clock) dead[dead.length - 1] = next;
      else dead.push(clock, next);
    }
    clock = next;
  }
  return { client, start, end: clock, byteStart, byteEnd: reader.offset, structs, runs };
}

function readDeleteSet(reader: UpdateReader, limits: UpdateLimits): ScannedDeletes[] {
  const deletes: ScannedDeletes[] = [];
  const count = readClientCount(reader, limits);
  // Older versions of Yjs do not sort the clients here, so only a repetition is wrong.
  const seen = count > 1 ? new Set<number>() : undefined;
  for (let index = 0; index < count; index++) {
    const client = reader.readClient();
    if (seen?.has(client)) reader.fail("client given twice in the delete set");
    seen?.add(client);
    const rangeCount = reader.readCount(2, "delete ranges");
    if (rangeCount === 0) reader.fail("client without delete ranges");
    const ranges: number[] = [];
    let previousEnd = 0;
    for (let range = 0; range < rangeCount; range++) {
      const start = reader.readClock();
      const length = reader.readVarUint();
      if (length === 0) reader.fail("delete range without length");
      if (start < previousEnd) reader.fail("delete ranges overlap or descend");
      previousEnd = start + length;
      if (previousEnd > CLOCK_MAX) reader.fail("clock too large");
      ranges.push(start, previousEnd);
    }
    deletes.push({ client, ranges });
  }
  return deletes;
}
