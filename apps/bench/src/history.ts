/**
 * Random instants of a random workload, compared with what the peer served then: edits of every kind of content from two peers,
 * deletions, returns, compactions, reverts, restarts, and a history window so short that rows are retired all the time. Instants that
 * have left the window must be refused by name, never told wrongly.
 */
import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import type { DocumentHandle, Peer, PeerOptions } from "@yarrow/core";
import { contentOf, editRandomly } from "./history-edits.ts";
import { type Progress, silent } from "./progress.ts";
import type { Result } from "./results.ts";
import { makeScratch, type Scratch } from "./scratch.ts";
import { median, seededRandom } from "./statistics.ts";
import { waitUntil } from "./waiting.ts";

const CORE = new URL("../../../packages/core/dist/index.js", import.meta.url).href;
const NAMES = Array.from({ length: 12 }, (_, index) => `notes/${index}`);
const WINDOW_MS = 8_000;
const LIMITS = { sweepIntervalMs: 250, compactTailBytes: 4_096, inlineWorkBytes: 16_384 };
/** Some instants are looked at only when they have left the window. */
const LATE_SHARE = 0.1;

export interface HistoryRunOptions {
  readonly instants?: number;
  readonly seed?: number;
  readonly progress?: Progress;
}

/** What a peer served at an instant, document by document. */
interface Instant {
  readonly atMs: number;
  readonly dueMs: number;
  readonly served: ReadonlyMap<string, Served>;
}

type Served =
  | "absent"
  | "deleted"
  | { readonly digest: string; readonly fingerprint: string; readonly content: unknown };

interface Tally {
  compared: number;
  documents: number;
  wrong: string[];
  gone: number;
  edits: number;
  deletions: number;
  reverts: number;
  wrongReverts: number;
  compactions: number;
  restarts: number;
  readMs: number[];
}

type CreatePeer = (options: PeerOptions) => Promise<Peer>;

export async function runHistory(options: HistoryRunOptions): Promise<Result> {
  const { instants = 1_000, seed = randomInt(2 ** 32), progress = silent } = options;
  const { createPeer } = (await import(CORE)) as { createPeer: CreatePeer };
  await using scratch = await makeScratch("history");
  await using walk = await Walk.start(createPeer, scratch, seed);
  while (walk.tally.compared < instants) {
    progress.at(walk.tally.compared, instants, `${walk.tally.compared} of ${instants} instants`);
    await walk.turn();
  }
  return resultOf(walk.tally, { instants, seed });
}

class Walk implements AsyncDisposable {
  readonly tally: Tally = {
    compared: 0,
    documents: 0,
    wrong: [],
    gone: 0,
    edits: 0,
    deletions: 0,
    reverts: 0,
    wrongReverts: 0,
    compactions: 0,
    restarts: 0,
    readMs: [],
  };
  readonly #createPeer: CreatePeer;
  readonly #scratch: Scratch;
  readonly #random: () => number;
  readonly #handles = new Map<string, DocumentHandle>();
  #instants: Instant[] = [];
  #one!: Peer;
  #two!: Peer;

  private constructor(createPeer: CreatePeer, scratch: Scratch, seed: number) {
    this.#createPeer = createPeer;
    this.#scratch = scratch;
    this.#random = seededRandom(seed);
  }

  static async start(createPeer: CreatePeer, scratch: Scratch, seed: number): Promise<Walk> {
    const walk = new Walk(createPeer, scratch, seed);
    walk.#two = await createPeer({ data: scratch.inside("two"), listen: "127.0.0.1:0", cluster: "history" });
    await walk.#open();
    return walk;
  }

  /** A few changes, then an instant to remember, then those whose time has come. */
  async turn(): Promise<void> {
    for (let changes = 1 + this.#below(6); changes > 0; changes--) await this.#change();
    await this.#remember();
    const due = this.#instants.filter(({ dueMs }) => dueMs <= Date.now());
    this.#instants = this.#instants.filter((instant) => !due.includes(instant));
    for (const instant of due) await this.#compare(instant);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#one.close();
    await this.#two.close();
  }

  async #open(): Promise<void> {
    const data = this.#scratch.inside("one");
    const peers = [this.#two.url!];
    this.#one = await this.#createPeer({ data, cluster: "history", peers, historyMs: WINDOW_MS, limits: LIMITS });
  }

  async #change(): Promise<void> {
    const name = this.#name();
    const draw = this.#random();
    if (draw < 0.02) {
      this.tally.deletions += Number(await this.#one.delete(name));
    } else if (draw < 0.03) {
      await this.#one.compact();
      this.tally.compactions++;
    } else if (draw < 0.09) await this.#revert(name);
    else if (draw < 0.092) await this.#restart();
    else await this.#edit(name);
  }

  async #edit(name: string): Promise<void> {
    const peer = this.#random() < 0.5 ? this.#one : this.#two;
    const key = `${peer === this.#one ? 1 : 2} ${name}`;
    let handle = this.#handles.get(key);
    if (handle !== undefined && this.#random() < 0.02) {
      await handle.close();
      handle = undefined;
    }
    handle ??= await peer.open(name);
    this.#handles.set(key, handle);
    editRandomly(handle.doc, this.#random);
    // A deletion may be quicker than an edit of what it deletes.
    await handle.saved().catch(() => undefined);
    this.tally.edits++;
  }

  /** Back to an instant that is remembered, and a look at whether it says that again. */
  async #revert(name: string): Promise<void> {
    const known = this.#instants.filter(({ atMs, served }) => {
      return typeof served.get(name) === "object" && atMs > Date.now() - WINDOW_MS / 2;
    });
    const instant = known[this.#below(known.length)];
    if (instant === undefined) return;
    // What is still on its way would be merged, and then the document says more than it said.
    await waitUntil(() => this.#one.status().root === this.#two.status().root, { describe: () => "equal peers" });
    await this.#one.revert(name, instant.atMs);
    const shown = await this.#one.show(name);
    this.tally.reverts++;
    const wanted = instant.served.get(name) as Exclude<Served, string>;
    if (shown === undefined || !isDeepStrictEqual(contentOf(shown.update), wanted.content)) this.tally.wrongReverts++;
  }

  async #restart(): Promise<void> {
    for (const [key, handle] of this.#handles) {
      if (!key.startsWith("1 ")) continue;
      await handle.close();
      this.#handles.delete(key);
    }
    await this.#one.close();
    await this.#open();
    this.tally.restarts++;
  }

  /** Reads everything while nothing arrives, and until the millisecond is over. */
  async #remember(): Promise<void> {
    for (;;) {
      const cursor = this.#one.cursor();
      const served = new Map<string, Served>();
      for (const name of NAMES) served.set(name, await this.#serve(name));
      const atMs = Math.max(Date.now(), lastArrival(this.#one));
      await waitUntil(async () => Date.now() > atMs, { describe: () => "the next millisecond" });
      if (this.#one.cursor() !== cursor) continue;
      const late = this.#random() < LATE_SHARE;
      const dueMs = atMs + (late ? WINDOW_MS + 1_500 : this.#below(WINDOW_MS * 0.8));
      this.#instants.push({ atMs, dueMs, served });
      return;
    }
  }

  async #serve(name: string): Promise<Served> {
    const shown = await this.#one.show(name);
    if (shown === undefined) return "absent";
    if (shown.state === "deleted") return "deleted";
    const { contentDigest: digest, fingerprint, update } = shown;
    return { digest, fingerprint, content: contentOf(update) };
  }

  async #compare({ atMs, served }: Instant): Promise<void> {
    const past = this.#one.at(atMs);
    try {
      const names = (await past.documents({ limit: 100 })).map(({ name }) => name);
      const wanted = NAMES.filter((name) => typeof served.get(name) === "object").sort();
      if (!isDeepStrictEqual(names, wanted))
        this.tally.wrong.push(`${atMs}: ${names.join()} instead of ${wanted.join()}`);
      for (const name of NAMES) {
        const startedAt = performance.now();
        const told = await past.open(name);
        this.tally.readMs.push(performance.now() - startedAt);
        const { state, contentDigest: digest, fingerprint, update, whole } = told;
        const then: Served = state === "alive" ? { digest, fingerprint, content: contentOf(update) } : state;
        this.tally.documents++;
        if (!whole || !isDeepStrictEqual(then, served.get(name))) this.tally.wrong.push(`${name} at ${atMs}`);
      }
      this.tally.compared++;
    } catch (error) {
      assert(error instanceof Error && "code" in error && error.code === "YARROW_HISTORY_GONE", String(error));
      const { since } = error as unknown as { readonly since: Date };
      // Only what has left the window may be gone, and it must be said where the window begins.
      if (atMs > Date.now() - WINDOW_MS || since.getTime() <= atMs) this.tally.wrong.push(`${atMs} was refused`);
      this.tally.gone++;
    }
  }

  #name(): string {
    return NAMES[this.#below(NAMES.length)]!;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}

function lastArrival(peer: Peer): number {
  return Math.max(0, ...peer.documents({ deleted: true, limit: 100 }).map(({ changedAt }) => changedAt.getTime()));
}

function resultOf(tally: Tally, options: { readonly instants: number; readonly seed: number }): Result {
  const { compared, documents, wrong, gone, reverts, wrongReverts, readMs } = tally;
  const { edits, deletions, compactions, restarts } = tally;
  return {
    workload: "history",
    summary: `${compared} random instants of a random workload, each compared with what the peer served then; run it again with --seed ${options.seed}`,
    options,
    tables: [
      {
        title: "What happened meanwhile",
        head: ["edits", "deletions", "reverts", "compactions", "restarts", "median time of one reading, ms"],
        rows: [[edits, deletions, reverts, compactions, restarts, median(readMs)]],
      },
    ],
    checks: [
      {
        name: "documents at random instants are what was served then: content, digest, fingerprint, and which there were",
        good: wrong.length === 0,
        found: `${documents} documents at ${compared} instants, ${wrong.length} wrong${wrong.length > 0 ? `: ${wrong.slice(0, 5).join("; ")}` : ""}`,
      },
      {
        name: "instants before the window are refused, with the oldest that can be told",
        good: gone > 0,
        found: `${gone} refused`,
      },
      {
        name: "a document that is reverted says exactly what it said",
        good: reverts > 0 && wrongReverts === 0,
        found: `${reverts} looked at, ${wrongReverts} wrong`,
      },
    ],
  };
}
