/**
 * Cuts updates on struct boundaries and puts the pieces together again, byte for byte.
 */
import * as encoding from "lib0/encoding";
import { encodeDeleteSet, type DeleteSet } from "./delete-set.ts";
import type { Resolution } from "./resolve-sections.ts";
import {
  RUN_CLOCK,
  RUN_FIELDS,
  RUN_INDEX,
  RUN_KIND,
  RUN_OFFSET,
  RUN_SKIP,
  type ScannedSection,
  type ScannedUpdate,
} from "./scan-update.ts";

/** The update's structs with another delete set behind them. */
export function replaceDeleteSet(update: ScannedUpdate, deleteSet: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(update.deleteSetOffset + deleteSet.length);
  bytes.set(update.bytes.subarray(0, update.deleteSetOffset));
  bytes.set(deleteSet, update.deleteSetOffset);
  return bytes;
}

/** The accepted runs, and `deletes`. */
export function encodeAccepted(update: ScannedUpdate, resolution: Resolution, deletes: DeleteSet): Uint8Array {
  const pieces = update.sections.map((section, index) => {
    const from = resolution.firsts[index] as number;
    const to = resolution.ends[index] as number;
    return from < 0 || from >= to ? undefined : cut(section, from, to);
  });
  return encodePieces(update.bytes, pieces, encodeDeleteSet(deletes));
}

/** The runs that have to wait, and `deletes`. */
export function encodeRemainder(update: ScannedUpdate, resolution: Resolution, deletes: DeleteSet): Uint8Array {
  const pieces = update.sections.map((section, index) => {
    let from = resolution.ends[index] as number;
    while (from < section.runs.length && section.runs[from + RUN_KIND] === RUN_SKIP) from += RUN_FIELDS;
    return from >= section.runs.length ? undefined : cut(section, from, section.runs.length);
  });
  return encodePieces(update.bytes, pieces, encodeDeleteSet(deletes));
}

/** Structs of one client that stand together in the bytes of an update. */
export interface Piece {
  readonly client: number;
  /** Clock of the first struct. */
  readonly clock: number;
  readonly structs: number;
  /** The first struct, where it is not the one in the update's bytes. */
  readonly head?: Uint8Array;
  readonly byteStart: number;
  readonly byteEnd: number;
}

/** An update of these pieces, which must come by descending client, and an encoded delete set. */
export function encodePieces(
  bytes: Uint8Array,
  pieces: readonly (Piece | undefined)[],
  deleteSet: Uint8Array,
): Uint8Array {
  const kept = pieces.filter((piece) => piece !== undefined);
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, kept.length);
  for (const piece of kept) {
    encoding.writeVarUint(encoder, piece.structs);
    encoding.writeVarUint(encoder, piece.client);
    encoding.writeVarUint(encoder, piece.clock);
    if (piece.head !== undefined) encoding.writeUint8Array(encoder, piece.head);
    encoding.writeUint8Array(encoder, bytes.subarray(piece.byteStart, piece.byteEnd));
  }
  encoding.writeUint8Array(encoder, deleteSet);
  return encoding.toUint8Array(encoder);
}

function cut(section: ScannedSection, from: number, to: number): Piece {
  const { runs } = section;
  const whole = to >= runs.length;
  return {
    client: section.client,
    clock: runs[from + RUN_CLOCK] as number,
    structs: (whole ? section.structs : (runs[to + RUN_INDEX] as number)) - (runs[from + RUN_INDEX] as number),
    byteStart: runs[from + RUN_OFFSET] as number,
    byteEnd: whole ? section.byteEnd : (runs[to + RUN_OFFSET] as number),
  };
}
