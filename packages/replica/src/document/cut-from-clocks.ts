/**
 * What lies beyond a state vector in an update: whole sections and tails of sections, copied byte for byte. Only a
 * struct that the state vector cuts in two is written anew.
 */
import * as Y from "yjs";
import { ByteReader } from "./byte-reader.ts";
import {
  RUN_CLOCK,
  RUN_FIELDS,
  RUN_INDEX,
  RUN_OFFSET,
  type ScannedSection,
  type ScannedUpdate,
} from "./scan-update.ts";
import { encodePieces, type Piece } from "./split-update.ts";
import { encodeStateVector } from "./state-vector.ts";
import { UpdateReader } from "./update-reader.ts";

/** The structs of the update at or after each client's clock, with the given delete set (encoded) behind them. */
export function cutFromClocks(
  update: ScannedUpdate,
  clocks: ReadonlyMap<number, number>,
  deleteSet: Uint8Array,
): Uint8Array {
  const reader = new UpdateReader(update.bytes, "YARROW_UPDATE_INVALID");
  const pieces = update.sections.map((section) => tailOf(reader, section, clocks.get(section.client) ?? 0));
  return encodePieces(update.bytes, pieces, deleteSet);
}

function tailOf(reader: UpdateReader, section: ScannedSection, clock: number): Piece | undefined {
  const { client, runs } = section;
  if (section.end <= clock) return undefined;
  let at = 0;
  while (at + RUN_FIELDS < runs.length && (runs[at + RUN_FIELDS + RUN_CLOCK] as number) <= clock) at += RUN_FIELDS;
  let index = runs[at + RUN_INDEX] as number;
  let start = runs[at + RUN_CLOCK] as number;
  reader.offset = runs[at + RUN_OFFSET] as number;
  while (index < section.structs) {
    const byteStart = reader.offset;
    const end = start + reader.skipStruct(client, start);
    const structs = section.structs - index;
    // The first struct of an answer is never a Skip, and never one that is known already.
    if (end > clock && !reader.skipped) {
      const { byteEnd } = section;
      if (start >= clock) return { client, clock: start, structs, byteStart, byteEnd };
      const head = cutStruct(updateOf(client, start, reader.bytes.subarray(byteStart, reader.offset)), client, clock);
      return { client, clock, structs, head, byteStart: reader.offset, byteEnd };
    }
    start = end;
    index++;
  }
  return undefined;
}

/** An update of one struct. */
function updateOf(client: number, clock: number, struct: Uint8Array): Uint8Array {
  const piece = { client, clock, structs: 1, byteStart: 0, byteEnd: struct.length };
  return encodePieces(struct, [piece], Uint8Array.of(0));
}

/** The rest of the one struct in an update from `clock` on, as Yjs writes it. */
function cutStruct(whole: Uint8Array, client: number, clock: number): Uint8Array {
  const cut = Y.diffUpdate(whole, encodeStateVector(new Map([[client, clock]])));
  const reader = new ByteReader(cut, "YARROW_UPDATE_INVALID");
  for (const expected of [1, 1, client, clock]) {
    if (reader.readVarUint() !== expected) reader.fail("cut struct begins otherwise than asked");
  }
  return cut.subarray(reader.offset, cut.length - 1);
}
