/**
 * Turns stored rows into what somebody lacks. Small documents are merged on the spot; large ones go to the workbench. An
 * answer is encoded once per version and state vector and shared by everyone who waits for it. No Y.Doc is involved.
 *
 * Call only when nothing is staged: what it encodes must be committed.
 */
import { toHex } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import { decodeStateVector } from "../document/state-vector.ts";
import { doWork } from "../document/do-work.ts";
import { scanUpdate } from "../document/scan-update.ts";
import { MERGED_LIMITS } from "../document/update-limits.ts";
import type { Store } from "../store.ts";
import type { WorkResult } from "../work.ts";
import type { Workbench } from "../workbench.ts";
import type { Entry } from "./entry.ts";
import { readRows } from "./entry-loader.ts";

/** Called with the update, or with undefined when the content cannot be encoded. */
export type Encoded = (update: Uint8Array | undefined) => void;

interface CachedAnswer {
  readonly update: Uint8Array;
  usedAt: number;
}

/** Longer state vectors are as good as unique: not worth a place in the cache. */
const CACHED_STATE_VECTOR_BYTES_MAX = 1024;

export class Encoder {
  readonly #store: Store;
  readonly #config: ReplicaConfig;
  readonly #workbench: Workbench;
  /** Least recently used first. */
  readonly #answers = new Map<string, CachedAnswer>();
  #answerBytes = 0;
  readonly #waiting = new Map<string, Encoded[]>();

  readonly #rebuild: (entry: Entry, damage: string) => boolean;

  constructor(parts: {
    readonly store: Store;
    readonly config: ReplicaConfig;
    readonly workbench: Workbench;
    /** Told of damage; returns true when the entry now stands in what survives. */
    readonly rebuild: (entry: Entry, damage: string) => boolean;
  }) {
    this.#store = parts.store;
    this.#config = parts.config;
    this.#workbench = parts.workbench;
    this.#rebuild = parts.rebuild;
  }

  get cachedBytes(): number {
    return this.#answerBytes;
  }

  /** Everything that a browser or handle with this state vector lacks, with the whole delete set. */
  answer(entry: Entry, stateVector: Uint8Array, now: number, done: Encoded): void {
    if (stateVector.length > CACHED_STATE_VECTOR_BYTES_MAX) {
      return this.difference(entry, stateVector, entry.lattice.encodeDeleteSet(), done);
    }
    const version = `${entry.version} ${toHex(stateVector)} ${entry.name}`;
    const cached = this.#answers.get(version);
    if (cached !== undefined) {
      cached.usedAt = now;
      return done(cached.update);
    }
    const waiting = this.#waiting.get(version);
    if (waiting !== undefined) {
      waiting.push(done);
      return;
    }
    const waiters = [done];
    this.#waiting.set(version, waiters);
    this.difference(entry, stateVector, entry.lattice.encodeDeleteSet(), (update) => {
      this.#waiting.delete(version);
      if (update !== undefined) this.#keep(version, update, now);
      for (const waiter of waiters) waiter(update);
    });
  }

  /** What a replica with this state vector lacks; the delete set is given. */
  difference(entry: Entry, stateVector: Uint8Array, deleteSet: Uint8Array, done: Encoded): void {
    const beyond = decodeStateVector(stateVector);
    const parts = this.parts(entry, { beyond });
    if (parts === undefined) return done(undefined);
    let bytes = 0;
    for (const part of parts) bytes += part.length;
    const finish = (result: WorkResult): void => done(result.kind === "encode" ? result.update : undefined);
    const job = { kind: "encode", stateVector, deleteSet } as const;
    if (bytes <= this.#config.inlineWorkBytes) return finish(doWork({ ...job, parts }));
    // A job that must wait in line holds no bytes: it reads them again when its turn comes.
    const held = this.#workbench.hasRoom ? parts : undefined;
    this.#workbench.run(() => ({ ...job, parts: held ?? this.parts(entry, { beyond }) ?? [] }), finish);
  }

  /**
   * Stored updates of the current incarnation that hold anything beyond a state vector (undefined = all), oldest first.
   * Undefined when damage was found among them: the entry has then been rebuilt, and says less than it did. Where there was no room
   * for that, readers get what survives, and `whole` gets nothing: what is kept in place of all there is must be all there is.
   */
  parts(
    entry: Entry,
    { beyond, whole = false }: { readonly beyond?: ReadonlyMap<number, number>; readonly whole?: boolean } = {},
  ): Uint8Array[] | undefined {
    const { row } = entry;
    if (row === undefined || !entry.alive) return [];
    const parts: Uint8Array[] = [];
    let damage: string | undefined;
    const head = this.#store.readSnapshot(row.id, entry.incarnation, "head");
    if (head !== undefined && (head.update === undefined || head.stateVector === undefined))
      damage = "the head snapshot";
    if (head?.update !== undefined && !isCovered(head.stateVector, beyond)) parts.push(head.update);
    for (const logRow of readRows(this.#store, row, entry.incarnation, head?.sequence ?? 0)) {
      if (logRow.segments === undefined) damage ??= `log row ${logRow.sequence}`;
      for (const segment of logRow.segments ?? []) {
        if (beyond === undefined || bringsNew(segment.update, beyond)) parts.push(segment.update);
      }
    }
    if (damage === undefined) return parts;
    const rebuilt = this.#rebuild(entry, damage);
    return rebuilt || whole ? undefined : parts;
  }

  trim(now: number): void {
    for (const [version, answer] of this.#answers) {
      const idle = now - answer.usedAt >= this.#config.answerIdleMs;
      if (!idle && this.#answerBytes <= this.#config.answerCacheBytesMax) return;
      this.#answers.delete(version);
      this.#answerBytes -= answer.update.length;
    }
  }

  nextTrim(): number {
    for (const answer of this.#answers.values()) return answer.usedAt + this.#config.answerIdleMs;
    return Number.POSITIVE_INFINITY;
  }

  #keep(version: string, update: Uint8Array, now: number): void {
    if (update.length > this.#config.answerCacheBytesMax) return;
    this.#answers.set(version, { update, usedAt: now });
    this.#answerBytes += update.length;
    this.trim(now);
  }
}

function isCovered(encoded: Uint8Array | undefined, by: ReadonlyMap<number, number> | undefined): boolean {
  if (encoded === undefined || by === undefined) return false;
  for (const [client, clock] of decodeStateVector(encoded)) if ((by.get(client) ?? 0) < clock) return false;
  return true;
}

function bringsNew(update: Uint8Array, beyond: ReadonlyMap<number, number>): boolean {
  return scanUpdate(update, MERGED_LIMITS).sections.some((section) => section.end > (beyond.get(section.client) ?? 0));
}
