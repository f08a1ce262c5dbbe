/**
 * What somebody wrote, in a form that can be handed to any other peer: "do you hold this yet?"
 *
 *     token = version byte, cluster id (16), incarnation, name, contribution, check (4)
 *
 * Numbers and texts as on the wire; the check is the beginning of SHA-256 over what stands before it. It holds what was
 * written, not where: a peer that was put back to an older state, or heard of it by another way, answers rightly.
 */
import * as encoding from "lib0/encoding";
import { digest as sha256 } from "lib0/hash/sha256";
import type { ClusterId, Incarnation } from "@yarrow/protocol";
import { fromHex, NAME_BYTES_MAX, Reader, toHex, YarrowError } from "@yarrow/protocol";
import { Contribution, decodeContribution, encodeContribution } from "../document/contribution.ts";
import { Ranges } from "../document/ranges.ts";

const VERSION = 1;
const CHECK_BYTES = 4;

/** The bytes of a token; half as much again as text. A few hundred separate deletions fit. */
export const TOKEN_BYTES_MAX = 4096;

export interface Token {
  readonly clusterId: ClusterId;
  readonly name: string;
  readonly incarnation: Incarnation;
  readonly contribution: Contribution;
}

/** At most TOKEN_BYTES_MAX bytes: of more deletions than fit, those of the earliest content are left out. */
export function encodeToken(token: Token): Uint8Array {
  let { contribution } = token;
  for (;;) {
    const bytes = encodeWhole({ ...token, contribution });
    if (bytes.length <= TOKEN_BYTES_MAX) return bytes;
    contribution = halve(contribution);
  }
}

/** Throws YARROW_TOKEN_INVALID. */
export function decodeToken(bytes: Uint8Array): Token {
  if (bytes.length > TOKEN_BYTES_MAX) throw invalid(`it has ${bytes.length} bytes, of at most ${TOKEN_BYTES_MAX}`);
  const body = bytes.subarray(0, Math.max(0, bytes.length - CHECK_BYTES));
  if (toHex(check(body)) !== toHex(bytes.subarray(body.length))) throw invalid("it was cut short or changed");
  try {
    const reader = new Reader(body);
    const version = reader.byte();
    if (version !== VERSION) throw invalid(`it is of version ${version}; this release knows ${VERSION}`);
    const clusterId = reader.hex(16) as ClusterId;
    const incarnation = reader.varUint();
    const name = reader.text(NAME_BYTES_MAX);
    const contribution = decodeContribution(reader.blob(TOKEN_BYTES_MAX));
    reader.finish();
    return { clusterId, name, incarnation, contribution };
  } catch (error) {
    if (error instanceof YarrowError && error.code === "YARROW_FRAME_INVALID") throw invalid(error.message);
    throw error;
  }
}

function encodeWhole({ clusterId, name, incarnation, contribution }: Token): Uint8Array {
  const encoder = encoding.createEncoder();
  encoding.writeUint8(encoder, VERSION);
  encoding.writeUint8Array(encoder, fromHex(clusterId));
  encoding.writeVarUint(encoder, incarnation);
  encoding.writeVarString(encoder, name);
  encoding.writeVarUint8Array(encoder, encodeContribution(contribution));
  encoding.writeUint8Array(encoder, check(encoding.toUint8Array(encoder)));
  return encoding.toUint8Array(encoder);
}

/** Leaves out half of the deleted ranges, and, when there are none, half of the clients. */
function halve({ clocks, deletes }: Contribution): Contribution {
  const half = new Contribution();
  const kept = deletes.size > 0 ? [...clocks] : [...clocks].slice(clocks.size >> 1);
  for (const [client, clock] of kept) half.clocks.set(client, clock);
  const clients = [...deletes].filter(([, ranges]) => ranges.size > 1 || deletes.size === 1);
  for (const [client, ranges] of clients.length > 0 ? clients : [...deletes].slice(deletes.size >> 1)) {
    const flat = [...ranges.view()];
    const from = 2 * Math.ceil(flat.length / 4);
    if (from < flat.length) half.deletes.set(client, Ranges.from(flat.slice(from)));
  }
  return half;
}

function check(bytes: Uint8Array): Uint8Array {
  return sha256(bytes).subarray(0, CHECK_BYTES);
}

function invalid(detail: string): YarrowError {
  return new YarrowError("YARROW_TOKEN_INVALID", `not a token: ${detail}`, {
    hint: "Pass a token on as `saved` returned it.",
  });
}
