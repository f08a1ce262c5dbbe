/** Finds out of a store what it takes to bring a document back to what it was at an instant. */
import type { Incarnation } from "@yarrow/protocol";
import { readLater, readPast } from "./past.ts";
import type { PastDocument, PastStore } from "./past.ts";
import { revertUpdate } from "./revert.ts";

export type PreparedRevert =
  | Exclude<PastDocument, { readonly row: unknown }>
  /** It was deleted at that instant. */
  | { readonly state: "deleted" }
  /** It says already what it said. */
  | { readonly state: "same" }
  | RevertEdit;

export interface RevertEdit {
  readonly state: "edit";
  readonly update: Uint8Array;
  /** Who writes it holds this of the document: its incarnation now, which may be that of a deletion, and an encoded state vector. */
  readonly incarnation: Incarnation;
  readonly stateVector: Uint8Array;
}

/** `clientId`: random, and never used before. Throws whatever Yjs throws on content that it cannot read. */
export function prepareRevert(store: PastStore, name: string, timeMs: number, clientId: number): PreparedRevert {
  const past = readPast(store, name, timeMs);
  if (past.state === "gone" || past.state === "absent") return past;
  if (past.state === "deleted") return { state: "deleted" };
  const { row, incarnation, parts } = past;
  const same = row.incarnation === incarnation;
  const present = same ? undefined : readPast(store, name, Number.MAX_SAFE_INTEGER);
  const { update, stateVector } = revertUpdate({
    past: parts,
    present: same
      ? { incarnation: "same", parts: readLater(store, past) }
      : { incarnation: "other", parts: present !== undefined && "parts" in present ? present.parts : [] },
    clientId,
  });
  if (update === undefined) return { state: "same" };
  return { state: "edit", update, incarnation: row.incarnation, stateVector };
}
