/**
 * Semi-synchronous replication: the author of an edit hears that it is kept when enough other peers have committed it. Asked
 * once per batch and document, right behind the push, and again while answers are missing and whenever a link opens.
 * Distinct peer ids are counted: two processes with one identity are one copy. (Why an edit is shown to others before:
 * docs/decisions/0005-semi-synchronous.md.)
 *
 * Invariants
 * 1. While synchronous, nobody is told of an edit of his own before it is on as many peers as the policy wants.
 * 2. Edits of one document are confirmed in the order of their commits.
 * 3. Degraded: acknowledged at once, and still asked about. It begins when an edit has waited for `timeoutMs`, and ends by
 *    itself when answers come again and nothing has waited that long.
 */
import type { Incarnation, PeerId, ProcessId } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { CopiesPolicy } from "../copies-policy.ts";
import { encodeContribution } from "../document/contribution.ts";
import { mergeUpdates } from "../document/merge.ts";
import type { Effect } from "../effect.ts";
import type { SubscriberId } from "../event.ts";
import { Account } from "./account.ts";
import type { Batch, Wrote, Written } from "./account.ts";
import type { Gossip } from "./gossip.ts";
import { Holdings } from "./holdings.ts";

/** The first time to ask again; doubles from there, up to the second. */
const FIRST_WAIT_MS = 250;
const LAST_WAIT_MS = 4_000;
/** Questions in one turn: what more is due is asked in the next ones. */
const ASKS_PER_TICK_MAX = 500;
/** Peers of which is remembered when they last acknowledged something. */
const ACKNOWLEDGERS_MAX = 256;
/** Repeated questions of one document that may still be answered. */
const REPEATS_MAX = 8;

export interface CopiesStatus {
  readonly wanted: number;
  readonly whenMissing: CopiesPolicy["whenMissing"];
  readonly timeoutMs: number;
  /** `off`: no copies are wanted. */
  readonly state: "off" | "synchronous" | "degraded";
  /** Edits whose authors have not been told, and for how long the oldest has waited. */
  readonly waiting: { readonly edits: number; readonly documents: number; readonly oldestMs: number };
  /** Times it degraded since the start, and edits acknowledged without copies. */
  readonly degradations: number;
  readonly skipped: number;
  /** Who acknowledges, and how long ago it last did. */
  readonly peers: readonly { readonly peerId: PeerId; readonly agoMs: number }[];
}

interface Question {
  readonly account: Account;
  readonly from: number;
  readonly upTo: number;
}

export interface ConfirmationsParts {
  readonly config: ReplicaConfig;
  readonly copiesPolicy: CopiesPolicy;
  readonly gossip: Gossip;
  readonly processId: ProcessId;
  readonly peerId: PeerId;
  readonly emit: (effect: Effect) => void;
  /** Runs when this batch is committed and shown. */
  readonly later: (task: (now: number) => void) => void;
}

export class Confirmations {
  readonly #parts: ConfirmationsParts;
  readonly #accounts = new Map<string, Account>();
  readonly #questions = new Map<number, Question>();
  readonly #unasked = new Set<Account>();
  readonly #holdings: Holdings;
  readonly #acknowledgers = new Map<PeerId, number>();
  #degradedAt: number | undefined;
  /** Since it degraded, something was confirmed. */
  #hopeful = false;
  #degradations = 0;
  #skipped = 0;
  #tickAt = Number.POSITIVE_INFINITY;

  constructor(parts: ConfirmationsParts) {
    this.#parts = parts;
    this.#holdings = new Holdings(parts.config, parts.later);
  }

  /** Copies are wanted at all. */
  get active(): boolean {
    return this.#parts.copiesPolicy.copies > 0;
  }

  /** What is written now must wait. */
  get synchronous(): boolean {
    return this.active && this.#degradedAt === undefined;
  }

  /**
   * Takes what was committed into account. While synchronous, those in `wrote` are told when it is confirmed; otherwise they
   * have been told. Returns who cannot wait, because too much waits already.
   */
  take(
    document: { readonly name: string; readonly incarnation: Incarnation },
    written: Written,
    wrote: ReadonlyMap<SubscriberId, Wrote>,
    now: number,
  ): SubscriberId[] {
    if (!this.synchronous) this.#skip(written.edits);
    let account = this.#accounts.get(document.name);
    if (account === undefined) {
      if (this.#accounts.size >= this.#parts.config.copiesDocumentsMax) return this.#overflow(wrote, now);
      account = this.#open(document.name, document.incarnation, now);
    }
    if (this.synchronous) account.add(written, wrote, now);
    else account.add({ ...written, starts: new Map() }, new Map(), now);
    if (account.asked < (this.synchronous ? this.#parts.config.copiesQuestionsMax : 1)) this.#askSoon(account);
    if (!this.synchronous) return [];
    return [...wrote].flatMap(([subscriber, one]) => (this.#holdings.hold(subscriber, one) ? [] : [subscriber]));
  }

  /** Something of this subscriber waits. */
  waitsFor(subscriber: SubscriberId): boolean {
    return this.#holdings.has(subscriber);
  }

  /** Runs the task when nothing of the subscriber waits any more; a later task replaces an earlier one. */
  postpone(subscriber: SubscriberId, task: (now: number) => void): void {
    this.#holdings.postpone(subscriber, task);
  }

  /** The subscriber is gone: nobody is to be told. */
  forget(subscriber: SubscriberId, name: string): void {
    this.#holdings.forget(subscriber, this.#accounts.get(name));
  }

  /** The document's incarnation has ended. Whoever wrote to it is let go by others. */
  drop(name: string): void {
    const account = this.#accounts.get(name);
    if (account === undefined) return;
    for (const batch of account.batches) this.#holdings.letGo(batch);
    this.#close(account);
  }

  /** Takes out of the clocks of a document whatever must not yet count as kept. */
  hide(name: string, clocks: Map<number, number>): void {
    this.#accounts.get(name)?.hide(clocks);
  }

  acknowledged(subject: number, peerId: PeerId, now: number): void {
    if (!this.active || peerId === this.#parts.peerId) return;
    const question = this.#questions.get(subject);
    if (question === undefined) return;
    this.#noteAcknowledger(peerId, now);
    const { account, from, upTo } = question;
    for (const batch of account.batches) {
      if (batch.number >= from && batch.number <= upTo) batch.reached.add(peerId);
    }
    // Not before this batch is committed: it may be the one in which the document dies, and its authors are let go.
    this.#parts.later((then) => this.#confirm(account, then));
  }

  linkOpened(now: number): void {
    for (const account of this.#accounts.values()) {
      account.askAt = now;
      account.waitMs = FIRST_WAIT_MS / 2;
    }
    if (this.#accounts.size > 0) this.#tickAt = now;
  }

  wake(now: number): void {
    if (now < this.#tickAt) return;
    const { copiesPolicy } = this.#parts;
    const limit = now - copiesPolicy.timeoutMs;
    const oldest = this.#oldest();
    if (this.synchronous && copiesPolicy.whenMissing === "degrade" && oldest !== undefined && oldest.since <= limit) {
      this.#degrade(oldest.name, now);
    } else if (this.#degradedAt !== undefined && this.#hopeful && (oldest === undefined || oldest.since > limit)) {
      this.#observe({ kind: "copies-recovered", ms: now - this.#degradedAt });
      this.#degradedAt = undefined;
    }
    this.#askAgain(now);
    this.#tickAt = this.#nextTick(now);
  }

  nextDeadline(): number {
    return this.#tickAt;
  }

  status(now: number): CopiesStatus {
    const { copies: wanted, whenMissing, timeoutMs } = this.#parts.copiesPolicy;
    const oldest = this.#holdings.edits === 0 ? undefined : this.#oldest();
    return {
      wanted,
      whenMissing,
      timeoutMs,
      state: !this.active ? "off" : this.synchronous ? "synchronous" : "degraded",
      waiting: {
        edits: this.#holdings.edits,
        documents: this.#accounts.size,
        oldestMs: oldest === undefined ? 0 : Math.max(0, now - oldest.since),
      },
      degradations: this.#degradations,
      skipped: this.#skipped,
      peers: [...this.#acknowledgers].map(([peerId, at]) => ({ peerId, agoMs: Math.max(0, now - at) })),
    };
  }

  // Waiting

  #open(name: string, incarnation: Incarnation, now: number): Account {
    const account = new Account(name, incarnation);
    account.waitMs = FIRST_WAIT_MS;
    account.askAt = now + FIRST_WAIT_MS;
    this.#accounts.set(name, account);
    this.#tickBy(now + this.#tickMs());
    return account;
  }

  /** More documents wait than can be remembered. */
  #overflow(wrote: ReadonlyMap<SubscriberId, Wrote>, now: number): SubscriberId[] {
    const oldest = this.#oldest();
    if (!this.synchronous || oldest === undefined) return [];
    if (this.#parts.copiesPolicy.whenMissing === "wait") return [...wrote.keys()];
    this.#degrade(oldest.name, now);
    this.#skip(editsOf(wrote));
    this.#tell(wrote);
    return [];
  }

  #confirm(account: Account, now: number): void {
    const { copies } = this.#parts.copiesPolicy;
    if (this.#accounts.get(account.name) !== account) return;
    let progress = false;
    for (
      let batch = account.batches[0];
      batch !== undefined && batch.reached.size >= copies;
      batch = account.batches[0]
    ) {
      account.batches.shift();
      progress = true;
      this.#release(batch, now);
    }
    if (!progress) return;
    this.#hopeful = true;
    account.waitMs = FIRST_WAIT_MS;
    account.askAt = now + FIRST_WAIT_MS;
    this.#tickBy(now + this.#tickMs());
    if (account.batches.length === 0) this.#close(account);
    else if (account.batches.at(-1)?.asked === false) this.#askSoon(account);
  }

  #release(batch: Batch, now: number): void {
    const edits = editsOf(batch.wrote);
    this.#tell(batch.wrote);
    this.#holdings.letGo(batch);
    if (edits > 0) this.#observe({ kind: "copies-confirmed", edits, ms: now - batch.at });
  }

  #tell(wrote: ReadonlyMap<SubscriberId, Wrote>): void {
    const { emit } = this.#parts;
    for (const [subscriber, { edits, updates }] of wrote) {
      if (updates.length > 0) emit({ type: "echo", subscriber, update: mergeUpdates(updates) });
      if (edits > 0) emit({ type: "confirmed", subscriber, edits });
    }
  }

  #close(account: Account): void {
    this.#accounts.delete(account.name);
    this.#unasked.delete(account);
    for (const subject of account.subjects) this.#questions.delete(subject);
  }

  // Degrading

  #degrade(name: string, now: number): void {
    const { copies: wanted } = this.#parts.copiesPolicy;
    this.#degradedAt = now;
    this.#hopeful = false;
    this.#degradations++;
    this.#observe({ kind: "copies-degraded", wanted, waiting: this.#holdings.edits, name });
    for (const account of this.#accounts.values()) {
      for (const batch of account.batches) {
        this.#skip(editsOf(batch.wrote));
        this.#tell(batch.wrote);
        this.#holdings.letGo(batch);
        batch.starts.clear();
      }
    }
  }

  /** Acknowledged without copies. */
  #skip(edits: number): void {
    if (edits === 0) return;
    this.#skipped += edits;
    this.#observe({ kind: "copies-skipped", edits });
  }

  #oldest(): Account | undefined {
    let oldest: Account | undefined;
    for (const account of this.#accounts.values()) {
      if (oldest === undefined || account.since < oldest.since) oldest = account;
    }
    return oldest;
  }

  // Asking

  /** Behind what this batch pushes: the question must not overtake what it is about. */
  #askSoon(account: Account): void {
    if (this.#unasked.size === 0) this.#parts.later((then) => this.#askUnasked(then));
    this.#unasked.add(account);
  }

  #askUnasked(now: number): void {
    for (const account of this.#unasked) {
      const batch = account.batches.at(-1);
      if (batch?.asked === false) this.#ask(account, batch, batch, now);
    }
    this.#unasked.clear();
  }

  #askAgain(now: number): void {
    let asks = 0;
    for (const account of [...this.#accounts.values()]) {
      const [first] = account.batches;
      const last = account.batches.at(-1);
      if (now < account.askAt || first === undefined || last === undefined) continue;
      if (++asks > ASKS_PER_TICK_MAX) return;
      // To the end of the line, so that all of them have their turn.
      this.#accounts.delete(account.name);
      this.#accounts.set(account.name, account);
      account.waitMs = Math.min(LAST_WAIT_MS, 2 * account.waitMs);
      account.askAt = now + account.waitMs;
      this.#ask(account, first, last, now, true);
    }
  }

  /** `again`: along all links, for the first time nobody may have been reached. */
  #ask(account: Account, first: Batch, last: Batch, now: number, again = false): void {
    const { gossip, processId, config } = this.#parts;
    const subject = gossip.nextSequence();
    this.#questions.set(subject, { account, from: first.number, upTo: last.number });
    account.subjects.push(subject);
    last.asked = true;
    if (account.subjects.length > config.copiesQuestionsMax + REPEATS_MAX) {
      this.#questions.delete(account.subjects.shift() ?? subject);
    }
    const { name, incarnation } = account;
    const sequence = again ? gossip.nextSequence() : subject;
    const contribution = encodeContribution(first === last ? first.contribution : account.union());
    gossip.originate({ type: "cover-ask", origin: processId, sequence, subject, name, incarnation, contribution }, now);
  }

  #tickBy(time: number): void {
    this.#tickAt = Math.min(this.#tickAt, time);
  }

  #nextTick(now: number): number {
    const { whenMissing, timeoutMs } = this.#parts.copiesPolicy;
    let next = Number.POSITIVE_INFINITY;
    for (const { askAt, since } of this.#accounts.values()) {
      next = Math.min(next, askAt, whenMissing === "degrade" && this.synchronous ? since + timeoutMs : askAt);
    }
    return Math.max(next, now + this.#tickMs());
  }

  #tickMs(): number {
    return Math.max(1, Math.min(FIRST_WAIT_MS, this.#parts.copiesPolicy.timeoutMs));
  }

  #noteAcknowledger(peerId: PeerId, now: number): void {
    this.#acknowledgers.delete(peerId);
    this.#acknowledgers.set(peerId, now);
    if (this.#acknowledgers.size <= ACKNOWLEDGERS_MAX) return;
    for (const oldest of this.#acknowledgers.keys()) return void this.#acknowledgers.delete(oldest);
  }

  #observe(fact: Extract<Effect, { type: "observe" }>["fact"]): void {
    this.#parts.emit({ type: "observe", fact });
  }
}

function editsOf(wrote: ReadonlyMap<SubscriberId, Wrote>): number {
  let edits = 0;
  for (const one of wrote.values()) edits += one.edits;
  return edits;
}
