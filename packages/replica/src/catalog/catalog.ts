/**
 * The documents of this replica: a bounded cache of entries, and the changes that the current batch stages on them.
 *
 * Invariants
 * 1. An entry differs from its rows only between the first staging of a batch and its commit or rollback.
 * 2. Staging never writes. `commit.ts` writes all staged changes in one transaction, or each alone when that fails.
 * 3. What is accepted advances the lattice before anything is merged.
 */
import type { Incarnation } from "@yarrow/protocol";
import { assert, DOCUMENT_BYTES_MAX, isAlive, YarrowError } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import { absorb } from "../document/absorb.ts";
import type { Contribution } from "../document/contribution.ts";
import type { FingerprintKey } from "../document/fingerprint.ts";
import { Lattice } from "../document/lattice.ts";
import type { ScannedUpdate } from "../document/scan-update.ts";
import { scanUpdate } from "../document/scan-update.ts";
import { DIFFERENCE_LIMITS, UPDATE_LIMITS } from "../document/update-limits.ts";
import type { DocumentRow, LogSegment, SegmentSource, Store } from "../store.ts";
import type { Entry } from "./entry.ts";
import { loadAbsent, loadEntry, rebuildEntry } from "./entry-loader.ts";
import { keepPending, promotePending } from "./pending.ts";
import { StagedChange } from "./staged-change.ts";

/** What became of an offered update. */
export interface Offered {
  /** `accepted`: it advanced the document. `known`: nothing new in it. `pending`: some or all of it waits. `cut`: that is not kept. */
  readonly outcome: "accepted" | "known" | "pending" | "cut";
  /** What the update holds, for whoever must later be told where it has arrived. */
  readonly contribution: Contribution;
  /** The row's segment that it became; undefined when nothing of it was new. */
  readonly own: LogSegment | undefined;
  /** Nothing of it had to wait for what it refers to. */
  readonly whole: boolean;
}

export class Catalog {
  readonly #store: Store;
  readonly #config: ReplicaConfig;
  #key: FingerprintKey;
  /** Least recently used first. */
  readonly #entries = new Map<string, Entry>();
  #entryBytes = 0;
  readonly #staged = new Map<string, StagedChange>();
  /** Documents in which damage was found on loading, and what it was: to be reported. */
  readonly damaged = new Map<string, string>();
  /** Loaded documents whose damage is not yet known to be repaired. */
  readonly quarantined = new Set<string>();
  /** Documents that were rebuilt in memory alone, for want of room, and what is damaged: their rows are still as they were found. */
  readonly unrecorded = new Map<string, string>();
  readonly #mend: (entry: Entry, setAside: () => void) => boolean;

  /** `mend` records a document that was rebuilt from what survived and sets the rest aside, in one transaction; false = no room. */
  constructor(
    store: Store,
    key: FingerprintKey,
    config: ReplicaConfig,
    mend: (entry: Entry, setAside: () => void) => boolean,
  ) {
    this.#store = store;
    this.#key = key;
    this.#config = config;
    this.#mend = mend;
  }

  rekey(key: FingerprintKey): void {
    this.#key = key;
    this.#entries.clear();
    this.#entryBytes = 0;
  }

  get key(): FingerprintKey {
    return this.#key;
  }

  /** Number of entries in memory and their bytes, for metrics and tests. */
  get cached(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#entries.size, bytes: this.#entryBytes };
  }

  /** The entry of a name, from memory or disk. Does not create the document. */
  entry(name: string, now: number): Entry {
    const cached = this.#entries.get(name);
    if (cached !== undefined) {
      cached.touchedAt = now;
      this.#entries.delete(name);
      this.#entries.set(name, cached);
      return cached;
    }
    const { entry, damage } = loadEntry(this.#store, this.#key, name);
    entry.touchedAt = now;
    this.#entries.set(name, entry);
    if (damage !== undefined) this.rebuild(entry, damage);
    if (entry.row?.quarantined === true) this.quarantined.add(name);
    this.#account(entry);
    return entry;
  }

  /** Before many names are met that lie side by side by their keys: those that are new take their entries without a look for each. */
  meet(names: readonly string[], now: number): void {
    const unknown = [...new Set(names)].filter((name) => !this.#entries.has(name));
    for (const entry of loadAbsent(this.#store, this.#key, unknown)) {
      entry.touchedAt = now;
      this.#entries.set(entry.name, entry);
      this.#account(entry);
    }
  }

  /**
   * Damage was found in a document's rows: goes on with what survives. Returns false when nothing could be recorded (there
   * is no room, or the entry is no longer the one in memory). Call when nothing is staged on it.
   */
  rebuild(entry: Entry, damage: string): boolean {
    if (this.#entries.get(entry.name) !== entry) return false;
    const recorded = rebuildEntry(this.#store, this.#key, entry, this.#mend);
    if (recorded) this.unrecorded.delete(entry.name);
    else this.unrecorded.set(entry.name, damage);
    // Without room the same damage is met again and again; it is told once.
    if (recorded || !this.quarantined.has(entry.name)) this.damaged.set(entry.name, damage);
    this.quarantined.add(entry.name);
    this.#account(entry);
    return recorded;
  }

  /** The change this batch makes to an entry. */
  staged(entry: Entry): StagedChange {
    let staged = this.#staged.get(entry.name);
    if (staged === undefined) {
      staged = new StagedChange(entry);
      this.#staged.set(entry.name, staged);
    }
    return staged;
  }

  /** What the batch has added to a document so far. */
  stagedSegments(name: string): readonly LogSegment[] {
    return this.#staged.get(name)?.segments ?? [];
  }

  /** Hands over everything staged, in the order of first touch. */
  takeStaged(): StagedChange[] {
    const staged = [...this.#staged.values()];
    this.#staged.clear();
    return staged;
  }

  /** Looks through an update before anything of it is used. Throws YARROW_UPDATE_INVALID, YARROW_UPDATE_TOO_LARGE. */
  scan(update: Uint8Array, source: SegmentSource): ScannedUpdate {
    return scanUpdate(update, source === "repair" ? DIFFERENCE_LIMITS : UPDATE_LIMITS);
  }

  /**
   * Offers an update to an alive document. Throws YARROW_PENDING_FULL (nothing of the remainder is kept) and, for local
   * writes, YARROW_DOCUMENT_TOO_LARGE. What another peer has accepted is never too large: refusing it would divide them for good.
   * `rest`: what becomes of what would have to wait.
   */
  offer(
    staged: StagedChange,
    scanned: ScannedUpdate,
    principal: string,
    source: SegmentSource,
    rest: "keep" | "drop" = "keep",
  ): Offered {
    const { entry } = staged;
    assert(entry.alive, "only an alive document takes updates");
    if (source === "local") this.#checkSize(entry, staged, scanned.bytes.length);
    const { accepted, remainder, contribution } = absorb(entry.lattice, scanned);
    const own = accepted === undefined ? undefined : { principal, source, update: accepted };
    if (own !== undefined) staged.segments.push(own);
    const whole = remainder === undefined;
    let waits = false;
    let promoted = false;
    try {
      if (remainder !== undefined && rest === "keep") {
        waits = keepPending(staged, { principal, source, update: remainder }, this.#config.pendingBytesMax);
      }
    } finally {
      // It may be what others wait for, and they what the rest of it waits for: all of them are looked at together.
      if (accepted !== undefined) promoted = promotePending(staged);
      this.#account(entry);
    }
    if (!whole && rest === "drop") return { outcome: "cut", contribution, own, whole };
    if (!waits) return { outcome: own === undefined ? "known" : "accepted", contribution, own, whole };
    if (!promoted) return { outcome: "pending", contribution, own, whole };
    const now = absorb(entry.lattice, scanned);
    const outcome = now.remainder === undefined ? "accepted" : "pending";
    return { outcome, contribution: now.contribution, own, whole };
  }

  /** True when a document that holds nothing could take in some of an update. */
  canBegin(scanned: ScannedUpdate): boolean {
    return absorb(new Lattice(this.#key), scanned).accepted !== undefined;
  }

  /** Moves a document to a higher incarnation: what was alive dies, and its writers join the fence. */
  move(staged: StagedChange, incarnation: Incarnation, fence: Iterable<number>): void {
    const { entry } = staged;
    assert(incarnation > entry.incarnation, "incarnations only grow");
    this.joinFence(staged, isAlive(entry.incarnation) ? entry.lattice.clientIds() : []);
    this.joinFence(staged, fence);
    entry.incarnation = incarnation;
    entry.lattice = new Lattice(this.#key);
    entry.pending = [];
    entry.pendingBytes = 0;
    staged.dropIncarnation();
    this.#account(entry);
  }

  /** Adds dead client ids. */
  joinFence(staged: StagedChange, clients: Iterable<number>): void {
    if (staged.entry.joinFence(clients)) staged.fenceGrew = true;
    this.#account(staged.entry);
  }

  /** After a commit: the entry stands in its rows. */
  published(entry: Entry, row: DocumentRow, now: number): void {
    entry.row = row;
    entry.changedAt = now;
    this.#account(entry);
  }

  /** Forgets an entry whose staged change did not commit, or that memory no longer needs. */
  evict(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.#entryBytes -= entry.accountedBytes;
  }

  /** Something of it has thrown: what is staged on it will not be committed. */
  fail(name: string, error: YarrowError): void {
    const staged = this.#staged.get(name);
    if (staged === undefined) this.evict(name);
    else staged.failure = error;
  }

  /** Forgets an entry unless something of it is under way. */
  evictUnused(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined || entry.compacting || entry.pending.length > 0 || this.#staged.has(name)) return;
    this.evict(name);
  }

  /** Lets go of entries over the byte budget, and of those unused for long. */
  trim(now: number): void {
    for (const entry of this.#entries.values()) {
      const idle = now - entry.touchedAt >= this.#config.entryIdleMs;
      if (!idle && this.#entryBytes <= this.#config.entryCacheBytesMax) return;
      if (!this.#staged.has(entry.name)) this.evict(entry.name);
    }
  }

  /** When the least recently used entry becomes idle. */
  nextTrim(): number {
    for (const entry of this.#entries.values()) return entry.touchedAt + this.#config.entryIdleMs;
    return Number.POSITIVE_INFINITY;
  }

  /** Brings the sum up to date with what an entry weighs now. */
  #account(entry: Entry): void {
    if (this.#entries.get(entry.name) !== entry) return;
    const { bytes } = entry;
    this.#entryBytes += bytes - entry.accountedBytes;
    entry.accountedBytes = bytes;
  }

  #checkSize(entry: Entry, staged: StagedChange, updateBytes: number): void {
    let bytes = updateBytes + (entry.row === undefined || staged.moved ? 0 : entry.row.headBytes + entry.row.tailBytes);
    for (const segment of staged.segments) bytes += segment.update.length;
    if (bytes <= DOCUMENT_BYTES_MAX) return;
    throw new YarrowError(
      "YARROW_DOCUMENT_TOO_LARGE",
      `document ${JSON.stringify(entry.name)} would grow to ${bytes} bytes; the limit is ${DOCUMENT_BYTES_MAX}`,
    );
  }
}
