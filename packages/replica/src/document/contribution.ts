/**
 * What one accepted update, or a batch of them, brought to a document: how far each client's clock reaches, and which
 * ranges are deleted. A replica whose lattice covers it holds the update, however it came there.
 *
 * Encoding, shared with the lattice: count of clients, then by ascending client the difference to the client before
 * and the clock; count of clients with deletes, then by ascending client that difference, the count of ranges, and per
 * range the distance from the range before (from 0) and its length. All variable-length numbers; equal content, equal
 * bytes.
 */
import * as encoding from "lib0/encoding";
import type { YarrowErrorCode } from "@yarrow/protocol";
import { ByteReader } from "./byte-reader.ts";
import { addRanges, type DeleteSet } from "./delete-set.ts";
import { Ranges } from "./ranges.ts";
import { CLIENT_ID_MAX, CLOCK_MAX } from "./update-limits.ts";

export class Contribution {
  /** One past the last clock, by client. */
  readonly clocks = new Map<number, number>();
  readonly deletes = new Map<number, Ranges>();

  /** Takes in what the other brought as well. */
  join(other: Contribution): void {
    for (const [client, clock] of other.clocks) {
      if (clock > (this.clocks.get(client) ?? 0)) this.clocks.set(client, clock);
    }
    for (const [client, ranges] of other.deletes) addRanges(this.deletes, client, ranges);
  }
}

export function encodeContribution(contribution: Contribution): Uint8Array {
  return encodeClocksAndDeletes(contribution.clocks, contribution.deletes);
}

/** Throws YARROW_FRAME_INVALID for bytes that `encodeContribution` does not write. */
export function decodeContribution(bytes: Uint8Array): Contribution {
  const contribution = new Contribution();
  decodeClocksAndDeletes(bytes, "YARROW_FRAME_INVALID", contribution.clocks, contribution.deletes);
  return contribution;
}

export function encodeClocksAndDeletes(clocks: ReadonlyMap<number, number>, deletes: DeleteSet): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeVarUint(encoder, clocks.size);
  let previous = 0;
  for (const [client, clock] of ascending(clocks)) {
    encoding.writeVarUint(encoder, client - previous);
    encoding.writeVarUint(encoder, clock);
    previous = client;
  }
  encoding.writeVarUint(encoder, deletes.size);
  previous = 0;
  for (const [client, ranges] of ascending(deletes)) {
    encoding.writeVarUint(encoder, client - previous);
    writeRanges(encoder, ranges);
    previous = client;
  }
  return encoding.toUint8Array(encoder);
}

export function decodeClocksAndDeletes(
  bytes: Uint8Array,
  code: YarrowErrorCode,
  clocks: Map<number, number>,
  deletes: Map<number, Ranges>,
): void {
  const reader = new ByteReader(bytes, code);
  readAscending(reader, 2, (client) => {
    const clock = reader.readClock();
    if (clock === 0) reader.fail("client without clock");
    clocks.set(client, clock);
  });
  readAscending(reader, 4, (client) => deletes.set(client, readRanges(reader)));
  if (reader.remaining() > 0) reader.fail(`${reader.remaining()} bytes left over`);
}

function ascending<T>(byClient: ReadonlyMap<number, T>): [number, T][] {
  return [...byClient].sort(([left], [right]) => left - right);
}

function readAscending(reader: ByteReader, bytesEach: number, read: (client: number) => void): void {
  const count = reader.readCount(bytesEach, "clients");
  let previous = 0;
  for (let index = 0; index < count; index++) {
    const step = reader.readVarUint();
    if (step === 0 && index > 0) reader.fail("client given twice");
    previous += step;
    if (previous > CLIENT_ID_MAX) reader.fail("client id too large");
    read(previous);
  }
}

function writeRanges(encoder: encoding.Encoder, ranges: Ranges): void {
  const flat = ranges.view();
  encoding.writeVarUint(encoder, flat.length / 2);
  let previous = 0;
  for (let index = 0; index < flat.length; index += 2) {
    const start = flat[index] as number;
    const end = flat[index + 1] as number;
    encoding.writeVarUint(encoder, start - previous);
    encoding.writeVarUint(encoder, end - start);
    previous = end;
  }
}

function readRanges(reader: ByteReader): Ranges {
  const count = reader.readCount(2, "ranges");
  if (count === 0) reader.fail("client without ranges");
  const flat: number[] = [];
  let clock = 0;
  for (let index = 0; index < count; index++) {
    const distance = reader.readVarUint();
    const length = reader.readVarUint();
    if (length === 0 || (distance === 0 && index > 0)) reader.fail("ranges that touch or are empty");
    const start = clock + distance;
    clock = start + length;
    if (clock > CLOCK_MAX) reader.fail("clock too large");
    flat.push(start, clock);
  }
  return Ranges.from(flat);
}
