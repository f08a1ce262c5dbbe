/**
 * Two replicas on two data folders in one process, joined by a wire that counts: how many messages and bytes it takes to find that
 * both are equal, and to repair what differs. And what a change costs beside its log row. Runs as a process of its own:
 *
 *   node pair.js FOLDER FOLDER DOCUMENTS DIFFERENT
 *
 * Prints a line of JSON: {@link PairFigures}.
 */
import { fileURLToPath } from "node:url";
import { KeystrokeWriter } from "../keystrokes.ts";
import type { DocumentRow, Message, Replica, Store } from "./engine.ts";
import { ALONE, loadEngine } from "./engine.ts";
import { documentAt } from "./folder.ts";

/** Where the program is. */
export const PAIR_PROGRAM = fileURLToPath(import.meta.url);

export interface PairFigures {
  readonly digests: number;
  readonly digestBytes: number;
  /** A step that takes in the digest of an equal replica. */
  readonly digestMs: number;
  readonly roundTrips: number;
  readonly repairBytes: number;
  /** Of which updates. */
  readonly updateBytes: number;
  readonly repairMs: number;
  readonly longestStepMs: number;
  readonly equal: boolean;
  /**
   * Whole steps of changed documents, per document, beyond the same log rows in a transaction of their own; processor time, the mean of
   * many steps of a process that is warm. So it holds what is put off and done at once now and then.
   */
  readonly bookkeepingUs: number;
}

/** Asked by the side that leads a round, one at a time. */
const QUESTIONS = new Set(["nodes-ask", "documents-ask", "stream-ask"]);
const REPAIR = new Set([...QUESTIONS, "nodes", "documents", "stream", "documents-taken", "digest"]);
const CHANGED_AT_ONCE = 500;
const CHANGED_TIMES = 32;
/** Of these, not counted: the first steps of a process compile what the others run. */
const WARMING_TIMES = 12;
const DIGESTS_TIMED = 200;
const CLIENT = 7_000_000;
const NOTHING = Uint8Array.of(0);

interface Side {
  readonly store: Store;
  readonly replica: Replica;
  inbox: object[];
}

type Engine = Awaited<ReturnType<typeof loadEngine>>;

class Pair {
  readonly engine: Engine;
  readonly sides: readonly [Side, Side];
  readonly sent: { readonly from: Side; readonly message: Message; readonly bytes: number }[] = [];
  longestStepMs = 0;
  #subscriber = 1;

  constructor(engine: Engine, folders: readonly [string, string]) {
    this.engine = engine;
    const [first, second] = folders.map((folder, i) => this.#open(folder, i));
    this.sides = [first!, second!];
  }

  /** Delivers until nothing is under way; deadlines run as if time stood still. */
  run(): void {
    for (;;) {
      const busy = this.sides.find(({ inbox, replica }) => inbox.length > 0 || replica.nextDeadline() <= 0);
      if (busy === undefined) return;
      this.step(busy, busy.inbox.splice(0));
    }
  }

  step(side: Side, events: readonly object[]): void {
    const startedMs = performance.now();
    const effects = side.replica.step(events, Date.now());
    this.longestStepMs = Math.max(this.longestStepMs, performance.now() - startedMs);
    const [other] = this.sides.filter((one) => one !== side);
    for (const effect of effects) {
      if (effect.type === "close-link") throw new Error("a replica refused the link");
      if (effect.type !== "send") continue;
      for (const bytes of effect.frames) {
        for (const message of this.engine.decodeFrame(bytes)) {
          this.sent.push({ from: side, message, bytes: this.engine.encodeMessage(message).length });
        }
        other?.inbox.push({ type: "link-frame", link: 1, bytes: bytes.slice() });
      }
    }
  }

  /** Both see a new link. */
  link(): void {
    this.sides.forEach((side, i) => {
      side.inbox.push({ type: "link-opened", link: 1, dialled: i === 0 ? undefined : "ws://other:1" });
    });
  }

  unlink(): void {
    for (const side of this.sides) this.step(side, [{ type: "link-closed", link: 1, reason: "unplugged" }]);
  }

  /** An edit of each of the documents, in one step, by somebody who has opened it before and leaves it then. Returns ms of processor time of that step. */
  edit(side: Side, names: readonly string[], client: number): number {
    const update = new KeystrokeWriter(client).next(1_764_000_000_000);
    const subscribers = names.map((name) => ({ name, subscriber: this.#subscriber++ }));
    this.step(
      side,
      subscribers.map((one) => ({ type: "attach", ...one, stateVector: NOTHING })),
    );
    const edits = subscribers.map(({ subscriber }) => ({ type: "edit", subscriber, update, principal: "" }));
    const ms = timed(() => this.step(side, edits));
    this.step(
      side,
      subscribers.map(({ subscriber }) => ({ type: "detach", subscriber })),
    );
    return ms;
  }

  #open(folder: string, at: number): Side {
    const { openSqliteStore, Replica: Engine } = this.engine;
    const store = openSqliteStore({ folder, durability: "full", now: Date.now });
    const replica = new Engine({
      store,
      ...ALONE,
      random: () => 0.5,
      processId: `000000000000000${at + 1}`,
      clusterId: store.readClusterId(),
      now: Date.now(),
    });
    return { store, replica, inbox: [] };
  }
}

if (process.argv[1] === PAIR_PROGRAM) await measure();

async function measure(): Promise<void> {
  const [, , one = "", other = "", documents = "0", different = "100"] = process.argv;
  const engine = await loadEngine();
  const pair = new Pair(engine, [one, other]);
  const digest = equalAtOnce(pair);
  const repair = repairOf(pair, Number(documents), Number(different));
  const figures: PairFigures = { ...digest, ...repair, bookkeepingUs: bookkeeping(pair, Number(documents)) };
  for (const { store } of pair.sides) store.close();
  process.stdout.write(`${JSON.stringify(figures)}\n`);
}

function equalAtOnce(pair: Pair): Pick<PairFigures, "digests" | "digestBytes" | "digestMs"> {
  pair.link();
  pair.run();
  const digests = pair.sent.filter(({ message }) => message.type === "digest");
  const questions = pair.sent.filter(({ message }) => QUESTIONS.has(message.type));
  if (questions.length > 0) throw new Error("two equal replicas had something to ask");
  const [side] = pair.sides;
  const message = pair.engine.encodeMessage(digests.find(({ from }) => from !== side)!.message);
  const frame = Uint8Array.of(message.length, ...message);
  const startedMs = performance.now();
  for (let i = 0; i < DIGESTS_TIMED; i++) pair.step(side, [{ type: "link-frame", link: 1, bytes: frame }]);
  const digestMs = (performance.now() - startedMs) / DIGESTS_TIMED;
  pair.unlink();
  return { digests: digests.length, digestBytes: Math.max(...digests.map(({ bytes }) => bytes)), digestMs };
}

function repairOf(pair: Pair, documents: number, different: number) {
  const names = Array.from({ length: different }, (_, i) => documentAt((i * 977) % documents));
  const half = names.length >> 1;
  pair.edit(pair.sides[0], names.slice(0, half), CLIENT);
  pair.edit(pair.sides[1], names.slice(half), CLIENT + 1);
  pair.sent.length = 0;
  pair.longestStepMs = 0;
  pair.link();
  const startedMs = performance.now();
  pair.run();
  const repairMs = performance.now() - startedMs;
  const { longestStepMs } = pair;
  const repairs = pair.sent.filter(({ message }) => REPAIR.has(message.type));
  const updateBytes = repairs.reduce((sum, { message }) => sum + updatesIn(message), 0);
  const equal = new Set(pair.sides.map(({ replica }) => replica.status(Date.now()).root)).size === 1;
  const repairBytes = repairs.reduce((sum, { bytes }) => sum + bytes, 0);
  pair.unlink();
  return { roundTrips: roundTrips(repairs), repairBytes, updateBytes, repairMs, longestStepMs, equal };
}

/** Questions, and the returned differences, each of which waits for its answer. */
function roundTrips(repairs: Pair["sent"]): number {
  return repairs.filter(({ message }) => QUESTIONS.has(message.type) || isReturn(message)).length;
}

function isReturn(message: Message): boolean {
  return message.type === "documents" && !(message as Message & { reply: boolean }).reply;
}

function updatesIn(message: Message): number {
  if (message.type !== "documents") return 0;
  const { documents } = message as Message & { documents: readonly { update: Uint8Array }[] };
  return documents.reduce((sum, { update }) => sum + update.length, 0);
}

/** Changes documents that lie far from each other, by turns with the log rows alone; µs for each document, on average. */
function bookkeeping(pair: Pair, documents: number): number {
  const [side] = pair.sides;
  const rounds: number[] = [];
  for (let round = 0; round < CHANGED_TIMES; round++) {
    const names = Array.from({ length: CHANGED_AT_ONCE }, (_, i) =>
      documentAt((1_000 + i * 1_999 + round * 31) % documents),
    );
    const rows = names.flatMap((name) => side.store.readDocument(name) ?? []);
    const wholeMs = pair.edit(side, names, CLIENT + 10 + round);
    const bareMs = timed(() => appendOnly(side.store, rows, round));
    rounds.push(((wholeMs - bareMs) * 1_000) / rows.length);
  }
  const warm = rounds.slice(WARMING_TIMES);
  return warm.reduce((sum, us) => sum + us, 0) / warm.length;
}

function appendOnly(store: Store, rows: readonly DocumentRow[], round: number): void {
  const update = new KeystrokeWriter(CLIENT + 100 + round).next(1_764_000_000_000);
  const segments = [{ principal: "", source: "local", update }];
  // Of an incarnation that is long over, so that no document holds them.
  store.transaction(() => {
    for (const { id } of rows) store.appendLog({ document: id, incarnation: 2, arrivedMs: Date.now(), segments });
  });
}

/** ms of processor time: what it costs, whoever else uses the machine. */
function timed(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
