/**
 * Jobs that may take longer than the loop can wait. Pure functions of their input, so the shell runs them in a worker
 * thread and the simulator runs them in place. `doWork` in `document/do-work.ts` performs them.
 */
export type Work = EncodeWork | CompactWork | MergeWork | DigestWork;
export type WorkResult = EncodeResult | CompactResult | MergeResult | DigestResult | WorkFailed;

/** Merge stored updates and encode what a state vector lacks. */
export interface EncodeWork {
  readonly kind: "encode";
  /** Yjs updates, encoding V1, oldest first. */
  readonly parts: readonly Uint8Array[];
  /** Encoded state vector of the one who asks. */
  readonly stateVector: Uint8Array;
  /** The delete set of the answer, encoded as in a Yjs update V1; it comes from the lattice, not from the parts. */
  readonly deleteSet: Uint8Array;
}

export interface EncodeResult {
  readonly kind: "encode";
  readonly update: Uint8Array;
}

/** Merge stored updates into one snapshot. */
export interface CompactWork {
  readonly kind: "compact";
  readonly parts: readonly Uint8Array[];
  readonly deleteSet: Uint8Array;
}

export interface CompactResult {
  readonly kind: "compact";
  readonly snapshot: Uint8Array;
}

/** Merge stored updates and drop nothing: for the past, where what was deleted later is still there. */
export interface MergeWork {
  readonly kind: "merge";
  readonly parts: readonly Uint8Array[];
}

export interface MergeResult {
  readonly kind: "merge";
  readonly update: Uint8Array;
  /** Encoded state vector of the update. */
  readonly stateVector: Uint8Array;
}

/** Digest the content of documents for deep verification. */
export interface DigestWork {
  readonly kind: "digest";
  readonly documents: readonly { readonly parts: readonly Uint8Array[]; readonly deleteSet: Uint8Array }[];
}

export interface DigestResult {
  readonly kind: "digest";
  /** 64 hex digits each; "" where the content could not be read. */
  readonly digests: readonly string[];
}

export interface WorkFailed {
  readonly kind: "failed";
  readonly detail: string;
}
