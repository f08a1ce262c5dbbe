/**
 * Drives the rounds that make this replica and another equal: compare roots, descend to the documents that differ, exchange
 * what either side lacks, compare roots again. The truth of replication; live push is only its speed.
 *
 * Invariants
 * 1. One round per link, asked by one side (see `who-asks.ts`), and at most `roundsAtOnceMax` rounds at once. Both directions are
 *    repaired by one round. What this side holds next to nothing of is streamed, by one link each (see `slices.ts`).
 * 2. Equal roots end a round wherever it stands, and the reason for the next one. A round that ends without them is followed by
 *    another: at once when something changed, after a growing, jittered wait when nothing did. Fruitless rounds in a row raise the
 *    alarm.
 * 3. All state of a round goes with its link; nothing about the other side is remembered.
 */
import type { DocumentDifference, Documents, Message, ProcessId, Stream } from "@yarrow/protocol";
import { BATCH_DOCUMENTS_MAX, equalBytes, toHex } from "@yarrow/protocol";
import type { Catalog } from "../catalog/catalog.ts";
import type { ReplicaConfig } from "../config.ts";
import type { Effect, Fact } from "../effect.ts";
import type { LinkId } from "../event.ts";
import type { Lag } from "../lag/lag.ts";
import type { Link } from "../links/link.ts";
import type { SetTree } from "../set-tree/set-tree.ts";
import type { Store } from "../store.ts";
import { isNothing } from "./difference.ts";
import { gatherQuestion } from "./gather.ts";
import type { CatchUp, LinkRounds } from "./link-rounds.ts";
import { createLinkRounds, deadlineOf, describeCatchUp, isPatient } from "./link-rounds.ts";
import type { Standings } from "../membership/standings.ts";
import type { Responder } from "./responder.ts";
import { Round } from "./round.ts";
import { boundsOf, isLast, Slices } from "./slices.ts";
import { isAsker } from "./who-asks.ts";

type RoundResult = Extract<Fact, { kind: "round-ended" }>["result"];

/** Parts in hand: one whose last batch is taken in, one whose only batch has come meanwhile, and one that is asked for. */
const STREAMS_MAX = 3;

export interface ReconcilerParts {
  readonly config: ReplicaConfig;
  readonly store: Store;
  readonly catalog: Catalog;
  readonly tree: SetTree;
  readonly responder: Responder;
  readonly standings: Standings;
  readonly processId: ProcessId;
  readonly random: () => number;
  readonly emit: (effect: Effect) => void;
  readonly equal: (link: Link, now: number) => void;
  readonly lag: Pick<Lag, "verified">;
}

export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly #links = new Map<LinkId, LinkRounds>();
  readonly #slices = new Slices();
  #nextRound = 1;

  constructor(parts: ReconcilerParts) {
    this.#parts = parts;
  }

  /** Rounds under way. */
  get active(): number {
    let active = 0;
    for (const state of this.#links.values()) if (state.round !== undefined) active++;
    return active;
  }

  /** Documents still known to differ, per link, for progress displays. */
  remaining(id: LinkId): number {
    return this.#links.get(id)?.round?.differing.size ?? 0;
  }

  /** How far the streaming over a link is; undefined while there is none. */
  catchUp(id: LinkId, now: number): CatchUp | undefined {
    const state = this.#links.get(id);
    return state && describeCatchUp(state, this.#parts.tree.documents, now);
  }

  linkOpened(link: Link): void {
    this.#links.set(link.id, createLinkRounds(link, this.#parts.config.busySkipsMax));
    this.sendDigest(link, false);
  }

  linkEnded(link: Link, now: number): void {
    const state = this.#links.get(link.id);
    this.#links.delete(link.id);
    this.#slices.release(link.id);
    if (state?.round !== undefined) this.#report(state, state.round, "aborted", now);
  }

  sendDigest(link: Link, answer: boolean): void {
    const { tree, standings } = this.#parts;
    const lastSequence = standings.own;
    link.send({ type: "digest", root: tree.root(), documents: tree.documents, answer, lastSequence });
  }

  /** Something is known to be missing on this link: compare soon. */
  suspect(id: LinkId, now: number): void {
    const state = this.#links.get(id);
    if (state === undefined) return;
    if (!state.link.feedsUs) {
      // A round would bring us nothing. What the other side lacks, it asks for, once it knows that we differ.
      if (state.link.takesOurs) this.sendDigest(state.link, false);
      return;
    }
    if (state.round === undefined) state.dueAt = Math.min(state.dueAt, now + state.backoffMs);
  }

  /** What this link brought could not be kept: without room, asking for it again at once would bring it in vain. */
  uncommitted(id: LinkId, now: number): void {
    const state = this.#links.get(id);
    if (state?.round !== undefined) state.round.refused = true;
    this.suspect(id, now);
  }

  /** Call when nothing is staged. */
  takeDigest(link: Link, message: Extract<Message, { type: "digest" }>, now: number): void {
    const state = this.#links.get(link.id);
    if (state === undefined) return;
    const { tree } = this.#parts;
    state.theirDocuments = message.documents;
    if (message.answer) this.sendDigest(link, false);
    if (this.#compareRoots(state, message.root, now)) return;
    if (state.round?.phase === "verify") return this.#verified(state, state.round, message.root, now);
    if (state.round !== undefined) return;
    if (isAsker(link, this.#parts, tree.documents, message.documents)) this.suspect(link.id, now);
    // Not as a question: its answer would differ again, and be answered again, for as long as the two differ.
    else if (link.takesOurs && !message.answer) this.sendDigest(link, false);
  }

  takeNodes(link: Link, message: Extract<Message, { type: "nodes" }>, now: number): void {
    const state = this.#expect(link, message.round, "descend");
    if (state?.round === undefined) return;
    state.round.take(message.nodes, message.answered, this.#parts.tree);
    this.#advance(state, state.round, now);
  }

  /** The differences themselves are staged and committed by then. Call when nothing is staged. */
  takeDocuments(link: Link, message: Documents, changed: number, now: number): void {
    const state = this.#expect(link, message.round, "documents");
    const round = state?.round;
    if (state === undefined || round === undefined) return;
    round.changed += changed;
    round.untold += Math.max(0, round.asked - message.documents.length - message.omitted.length);
    for (const difference of message.documents) {
      round.bytes += difference.update.length;
      if (isNothing(difference)) round.ahead++;
    }
    for (const name of message.omitted) this.#again(round, name, now);
    this.#return(state, round, message.documents, now);
  }

  takeTaken(link: Link, message: Extract<Message, { type: "documents-taken" }>, now: number): void {
    const state = this.#expect(link, message.round, "return");
    if (state?.round === undefined) return;
    // Their root now tells whether anything is left, and spares asking for it.
    if (this.#compareRoots(state, message.root, now)) return this.sendDigest(link, false);
    this.#advance(state, state.round, now);
  }

  /**
   * Asks for the batch after this one, be it of the next part, before this one is taken in, so that both sides work at the same time.
   * Call when the batches before it are taken in, so that what is in hand stays bounded: one batch, and one on its way.
   */
  askOn(link: Link, message: Stream, now: number): void {
    const state = this.#expect(link, message.round, "stream");
    const asked = state?.round?.streams.at(-1);
    if (state?.round === undefined || asked === undefined) return;
    // Who does not get further would keep the round, and the part of the set that it claims, for ever: its time runs out.
    if (message.next !== "" && message.next <= asked.after) return;
    asked.after = message.next;
    this.#keepWaiting(state.round, now);
    if (isLast(message, asked.through)) {
      if (state.round.streams.length < STREAMS_MAX) this.#streamNext(state, state.round, now);
      return;
    }
    link.send({ type: "stream-ask", round: state.round.id, after: message.next, through: asked.through });
  }

  takeStream(link: Link, message: Stream, changed: number, now: number): void {
    const state = this.#expect(link, message.round, "stream");
    const round = state?.round;
    const taken = round?.streams[0];
    if (state === undefined || round === undefined || taken === undefined) return;
    round.changed += changed;
    for (const difference of message.documents) round.bytes += difference.update.length;
    if (!isLast(message, taken.through)) return;
    round.streams.shift();
    this.#slices.done(link.id, taken.path);
    if (round.streams.length === 0) this.#advance(state, round, now);
  }

  /** Call when nothing is staged. */
  wake(now: number): void {
    for (const state of this.#links.values()) {
      if (state.round !== undefined && now >= deadlineOf(state, this.#parts.config.roundTimeoutMs)) {
        this.#end(state, state.round, "aborted", now);
      }
      if (state.round !== undefined || now < state.dueAt) continue;
      if (this.active >= this.#parts.config.roundsAtOnceMax) continue;
      if (isPatient(state, this.#parts.config.roundTimeoutMs, now)) state.dueAt = now + this.#parts.config.graftWaitMs;
      else this.#start(state, now);
    }
  }

  nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    const full = this.active >= this.#parts.config.roundsAtOnceMax;
    for (const state of this.#links.values()) {
      if (state.round !== undefined) next = Math.min(next, deadlineOf(state, this.#parts.config.roundTimeoutMs));
      else if (!full) next = Math.min(next, state.dueAt);
    }
    return next;
  }

  #start(state: LinkRounds, now: number): void {
    const { config, tree, emit } = this.#parts;
    const { link } = state;
    const round = new Round({
      id: this.#nextRound++,
      link: link.id,
      mark: link.lag.mark(),
      now,
      deadline: now + config.roundTimeoutMs,
      phase: "descend",
      theirDocuments: state.comparesOnly ? 0 : state.theirDocuments,
      limits: config,
      // A follower that lacks something is behind until it has all of it.
      skipBusy: state.busySkips < config.busySkipsMax && !(link.beatsIn && !link.lag.whole),
    });
    state.round = round;
    state.dueAt = Number.POSITIVE_INFINITY;
    emit({ type: "observe", fact: { kind: "round-started", link: link.id } });
    round.begin(tree);
    this.#advance(state, round, now);
  }

  /** Asks the next question of the round. */
  #advance(state: LinkRounds, round: Round, now: number): void {
    const { config, tree } = this.#parts;
    this.#keepWaiting(round, now);
    round.compare(tree, BATCH_DOCUMENTS_MAX);
    if (round.differing.size >= BATCH_DOCUMENTS_MAX || (round.differing.size > 0 && round.paths.length === 0)) {
      if (this.#askDocuments(state.link, round, now)) return;
      return this.#advance(state, round, now);
    }
    if (this.#streamNext(state, round, now)) return;
    while (round.paths.length > 0) {
      const { id } = state.link;
      const question = round.ask(config.nodesPerAskMax, tree, (path) => this.#slices.isElsewhere(id, path));
      if (question.paths.length === 0) continue;
      round.phase = "descend";
      state.link.send({ type: "nodes-ask", round: round.id, ...question });
      return;
    }
    this.#verify(state, round, now);
  }

  /** Asks for the next part of which we hold next to nothing. Returns false when there is none that no other link is streaming. */
  #streamNext(state: LinkRounds, round: Round, now: number): boolean {
    const { link } = state;
    for (;;) {
      const path = round.nextSparse(this.#parts.tree);
      if (path === undefined) return false;
      if (!this.#slices.claim(link.id, path)) {
        round.left++;
        continue;
      }
      const { after, through } = boundsOf(path);
      round.phase = "stream";
      round.streams.push({ path, after, through });
      round.streamed = true;
      state.filling ??= { since: now, documents: this.#parts.tree.documents };
      link.send({ type: "stream-ask", round: round.id, after, through });
      return true;
    }
  }

  /** Returns false when every document at hand is busy and left to live push. */
  #askDocuments(link: Link, round: Round, now: number): boolean {
    const { summaries, keys } = gatherQuestion(round, this.#parts, now);
    if (summaries.length === 0 && keys.length === 0) return false;
    round.phase = "documents";
    round.asked = summaries.length + keys.length;
    link.send({ type: "documents-ask", round: round.id, summaries, keys });
    return true;
  }

  /** Sends what the other side said it lacks. */
  #return(state: LinkRounds, round: Round, documents: readonly DocumentDifference[], now: number): void {
    const { takesOurs } = state.link;
    const wanted = documents.flatMap(({ summary }) => (summary === undefined || !takesOurs ? [] : [summary]));
    if (wanted.length === 0) return this.#advance(state, round, now);
    round.phase = "return";
    this.#keepWaiting(round, now);
    this.#parts.responder.collect(wanted, now, (differences, omitted) => {
      if (state.round !== round) return;
      round.changed += differences.length;
      for (const difference of differences) round.bytes += difference.update.length;
      for (const name of omitted) this.#again(round, name, now);
      const bare = differences.map((difference) => ({ ...difference, summary: undefined }));
      state.link.send({ type: "documents", round: round.id, reply: false, documents: bare, omitted: [] });
    });
  }

  #again(round: Round, name: string, now: number): void {
    round.differing.add(this.#parts.catalog.entry(name, now).key);
  }

  #verify(state: LinkRounds, round: Round, now: number): void {
    // Whatever differed when it began was brought, and what came after that was pushed.
    if (round.skipped === 0 && round.left === 0 && !round.refused)
      this.#parts.lag.verified(state.link, round.mark, now);
    round.phase = "verify";
    this.#keepWaiting(round, now);
    this.sendDigest(state.link, true);
  }

  #verified(state: LinkRounds, round: Round, theirRoot: Uint8Array, now: number): void {
    // What was sent proves nothing: the other side may have had no room for it. What counts is whether a set moved.
    const roots = `${toHex(this.#parts.tree.root())} ${toHex(theirRoot)}`;
    const moved = roots !== state.rootsBefore;
    state.rootsBefore = roots;
    if (!round.refused && (moved || round.skipped > 0 || round.left > 0))
      return this.#end(state, round, "progress", now);
    // What is left is what the other side lacks and will not take.
    const ahead = !state.link.takesOurs && !round.refused && round.ahead > 0 && round.untold === 0;
    state.link.weHoldMore = ahead ? round.ahead : 0;
    this.#end(state, round, ahead ? "ahead" : "stuck", now);
  }

  /** Notes whether both sets are equal, and ends the round if so. */
  #compareRoots(state: LinkRounds, theirRoot: Uint8Array, now: number): boolean {
    const { link } = state;
    link.equal = equalBytes(theirRoot, this.#parts.tree.root());
    if (!link.equal) return false;
    link.equalAt = now;
    this.#parts.equal(link, now);
    this.#settle(state, now);
    return true;
  }

  /** Equal roots prove that nothing is missing, whatever was suspected, and whatever a round still waits to hear. */
  #settle(state: LinkRounds, now: number): void {
    const { round } = state;
    state.round = undefined;
    state.filling = undefined;
    state.patience = undefined;
    state.comparesOnly = false;
    this.#slices.release(state.link.id);
    state.dueAt = Number.POSITIVE_INFINITY;
    state.backoffMs = 0;
    state.fruitless = 0;
    if (round === undefined) return;
    state.busySkips = 0;
    this.#report(state, round, "equal", now);
  }

  /** Not with equal roots, so another round follows. */
  #end(state: LinkRounds, round: Round, result: "progress" | "ahead" | "stuck" | "aborted", now: number): void {
    const { config, random, emit } = this.#parts;
    state.round = undefined;
    this.#slices.release(state.link.id);
    this.#report(state, round, result, now);
    state.comparesOnly = round.streamed && round.changed === 0;
    state.busySkips = round.skipped > 0 ? state.busySkips + 1 : 0;
    if (result === "progress") {
      state.fruitless = 0;
      state.backoffMs = round.skipped > 0 ? config.busyMs : config.roundBackoffMinMs;
    } else {
      state.fruitless = result === "ahead" ? 0 : state.fruitless + 1;
      state.backoffMs = Math.min(config.roundBackoffMaxMs, Math.max(config.roundBackoffMinMs, state.backoffMs * 2));
    }
    state.dueAt = now + state.backoffMs * (0.5 + random());
    if (state.fruitless >= config.stuckRoundsAlarm) {
      const { fruitless: rounds, link } = state;
      emit({ type: "observe", fact: { kind: "reconciliation-stuck", link: link.id, rounds } });
    }
  }

  #report(state: LinkRounds, round: Round, result: RoundResult, now: number): void {
    const { changed: documents, bytes } = round;
    const ms = now - round.startedAt;
    const fact = { kind: "round-ended", link: state.link.id, result, documents, bytes, ms } as const;
    this.#parts.emit({ type: "observe", fact });
  }

  #expect(link: Link, id: number, phase: Round["phase"]): LinkRounds | undefined {
    const state = this.#links.get(link.id);
    return state?.round?.id === id && state.round.phase === phase ? state : undefined;
  }

  #keepWaiting(round: Round, now: number): void {
    round.deadline = now + this.#parts.config.roundTimeoutMs;
  }
}
