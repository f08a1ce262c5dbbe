/**
 * What a document holds, as a join-semilattice: the clock each client has reached, and the ranges deleted. Two
 * replicas with equal lattices hold the same document. It advances with each accepted update, before any merging, and
 * needs no Y.Doc.
 *
 * Invariants
 * 1. It only grows: clocks by maximum, ranges by union.
 * 2. No client stands at clock 0, and no client has an empty set of ranges.
 * 3. The fingerprint equals a recomputation from the two sets at any time.
 */
import { Contribution, decodeClocksAndDeletes, encodeClocksAndDeletes } from "./contribution.ts";
import { encodeDeleteSet } from "./delete-set.ts";
import { addDeletes, addState, createFingerprint, type Fingerprint, type FingerprintKey } from "./fingerprint.ts";
import { Ranges } from "./ranges.ts";
import { encodeStateVector } from "./state-vector.ts";

// What a cache should count for the parts of a lattice; measured on Node 24, rounded up.
const LATTICE_BYTES = 400;
const CLIENT_BYTES = 56;
const DELETED_CLIENT_BYTES = 200;
const RANGE_BYTES = 20;

/** Used within one call. */
const scratch: Fingerprint = createFingerprint();

export class Lattice {
  readonly key: FingerprintKey;
  readonly stateVector = new Map<number, number>();
  readonly deletes = new Map<number, Ranges>();
  readonly fingerprint: Fingerprint = createFingerprint();
  /** Running lane 0 of each client's deletes: what a peer compares before it sends a client's ranges. */
  readonly #deleteDigests = new Map<number, number>();
  #rangeCount = 0;

  constructor(key: FingerprintKey) {
    this.key = key;
  }

  /** Throws YARROW_STORE_CORRUPT for bytes that `encode` does not write. */
  static decode(bytes: Uint8Array, key: FingerprintKey): Lattice {
    const stored = new Contribution();
    decodeClocksAndDeletes(bytes, "YARROW_STORE_CORRUPT", stored.clocks, stored.deletes);
    const lattice = new Lattice(key);
    lattice.join(stored);
    return lattice;
  }

  /** See contribution.ts. Deterministic: equal lattices, equal bytes. */
  encode(): Uint8Array {
    return encodeClocksAndDeletes(this.stateVector, this.deletes);
  }

  /** In Yjs's encoding. */
  encodeStateVector(): Uint8Array {
    return encodeStateVector(this.stateVector);
  }

  /** As at the end of a Yjs update; `filter` picks clients. */
  encodeDeleteSet(filter?: (client: number) => boolean): Uint8Array {
    return encodeDeleteSet(this.deletes, filter);
  }

  /** Rough size in memory, in bytes. O(1). */
  get byteSize(): number {
    const clients = this.stateVector.size * CLIENT_BYTES + this.deletes.size * DELETED_CLIENT_BYTES;
    return LATTICE_BYTES + clients + this.#rangeCount * RANGE_BYTES;
  }

  /** Everyone who ever wrote in the document, in no particular order. */
  clientIds(): number[] {
    return [...this.stateVector.keys()];
  }

  /** 32 bits over a client's deleted ranges; 0 when it has none. O(1). */
  clientDeleteDigest(client: number): number {
    const digest = this.#deleteDigests.get(client);
    if (digest === undefined) return 0;
    return digest === 0 ? 1 : digest;
  }

  /** Takes in a contribution and says whether it brought anything new. */
  join(contribution: Contribution): boolean {
    let advanced = false;
    for (const [client, clock] of contribution.clocks) {
      const before = this.stateVector.get(client) ?? 0;
      if (clock <= before) continue;
      addState(this.fingerprint, this.key, client, before, clock);
      this.stateVector.set(client, clock);
      advanced = true;
    }
    for (const [client, ranges] of contribution.deletes) {
      if (this.#joinDeletes(client, ranges)) advanced = true;
    }
    return advanced;
  }

  /** True when a replica with this lattice holds all of it. */
  covers(contribution: Contribution): boolean {
    for (const [client, clock] of contribution.clocks) {
      if (clock > (this.stateVector.get(client) ?? 0)) return false;
    }
    for (const [client, ranges] of contribution.deletes) {
      if (ranges.size > 0 && this.deletes.get(client)?.containsAll(ranges) !== true) return false;
    }
    return true;
  }

  /** The fingerprint computed anew from the two sets; for checks. */
  recomputeFingerprint(): Fingerprint {
    const fingerprint = createFingerprint();
    for (const [client, clock] of this.stateVector) addState(fingerprint, this.key, client, 0, clock);
    for (const [client, ranges] of this.deletes) {
      const flat = ranges.view();
      for (let index = 0; index < flat.length; index += 2) {
        addDeletes(fingerprint, this.key, client, flat[index] as number, flat[index + 1] as number);
      }
    }
    return fingerprint;
  }

  #joinDeletes(client: number, ranges: Ranges): boolean {
    if (ranges.size === 0) return false;
    let known = this.deletes.get(client);
    if (known === undefined) this.deletes.set(client, (known = Ranges.empty()));
    const sizeBefore = known.size;
    const added = known.addAll(ranges);
    if (added.length === 0) return false;
    this.#rangeCount += known.size - sizeBefore;
    const sum = scratch.fill(0);
    for (let index = 0; index < added.length; index += 2) {
      addDeletes(sum, this.key, client, added[index] as number, added[index + 1] as number);
    }
    for (let lane = 0; lane < sum.length; lane++) {
      this.fingerprint[lane] = (this.fingerprint[lane] as number) + (sum[lane] as number);
    }
    this.#deleteDigests.set(client, ((this.#deleteDigests.get(client) ?? 0) + (sum[0] as number)) >>> 0);
    return true;
  }
}
