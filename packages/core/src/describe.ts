/** Reads a stored document in full, for people and other programs. Runs in the worker thread: it builds a whole Y.Doc. */
import { contentDigest, doWork, readRoots } from "@yarrow/replica/content";
import type { WorkFailed } from "@yarrow/replica";
import type { RootContent } from "./peer-api.ts";

export interface DescribeWork {
  readonly kind: "describe";
  /** Yjs updates, encoding V1, oldest first. */
  readonly parts: readonly Uint8Array[];
  /** Encoded as in a Yjs update V1. */
  readonly deleteSet: Uint8Array;
  /** What one root is taken for, whatever its content looks like. */
  readonly as: { readonly root: string; readonly kind: RootContent["kind"] } | undefined;
}

export interface DescribeResult {
  readonly kind: "describe";
  readonly roots: Readonly<Record<string, RootContent>>;
  /** 64 hex digits. */
  readonly contentDigest: string;
  /** All of it as one Yjs update, encoding V1. */
  readonly update: Uint8Array;
}

/** The state vector of one who has nothing. */
const EMPTY_STATE_VECTOR = Uint8Array.of(0);

/** Throws whatever Yjs throws on content that it cannot read. */
export function describe({ parts, deleteSet, as }: DescribeWork): DescribeResult | WorkFailed {
  const encoded = doWork({ kind: "encode", parts, stateVector: EMPTY_STATE_VECTOR, deleteSet });
  if (encoded.kind === "failed") return encoded;
  if (encoded.kind !== "encode") return { kind: "failed", detail: `unexpected ${encoded.kind} result` };
  return {
    kind: "describe",
    // Records without a prototype do not survive the way between threads, nor do they need to.
    roots: { ...readRoots(parts, deleteSet, as) },
    contentDigest: contentDigest(parts, deleteSet),
    update: encoded.update,
  };
}
