/**
 * The primary is killed without warning the moment after it acknowledged an edit, and its disk is gone. A follower is promoted, and
 * must have everything that was acknowledged; where no copies were wanted, everything that had reached any other peer. Edits
 * come from a stock provider, and from a service that embeds the primary.
 *
 * In some cycles the primary is cut off first: with copies it then acknowledges nothing more, and without it acknowledges what is
 * certain to be lost.
 */
import { rm } from "node:fs/promises";
import { ChaosRecorder } from "./chaos-recorder.ts";
import { ChaosWriter, tokensOf } from "./chaos-writer.ts";
import { EMBEDDING_PEER } from "./embedding-peer.ts";
import { PeerSet } from "./peer-set.ts";
import { type PeerProcess, freePort, rootsEqual, takesWord } from "./processes.ts";
import { type Progress, silent } from "./progress.ts";
import type { Result } from "./results.ts";
import { seededRandom } from "./statistics.ts";
import { readThroughClient } from "./stock-client.ts";
import { pause, waitUntil } from "./waiting.ts";

const STOCK = "failover/stock";
const EMBEDDED = "failover/embedded";
/** The kill comes at one of the first so many acknowledgements of a cycle. */
const KILL_AT_MAX = 20;
/** Of the cycles, how many begin the end by cutting the primary off. */
const CUT_SHARE = 0.2;
/** How long a primary that is cut off is written to. */
const CUT_MS = 100;
const PACE_MS = 4;
/** In fewer cycles no service need have come to be the primary for long enough. */
const FEW_KILLS = 10;

export interface FailoverOptions {
  readonly kills: number;
  readonly copies: number;
  readonly followers?: number;
  readonly seed?: number;
  readonly progress?: Progress;
}

export interface FailoverReport {
  readonly seed: number;
  /** Whether the peers had roles; without, all of them are writers. */
  readonly roles: boolean;
  readonly kills: number;
  readonly cuts: number;
  readonly acknowledged: number;
  readonly acknowledgedEmbedded: number;
  /** Acknowledged while the primary was cut off. */
  readonly acknowledgedCut: number;
  /** Acknowledged, and on no peer that was left when the primary died. */
  readonly reachedNobody: readonly string[];
  /** Acknowledged, and not on the promoted peer though another had it, or gone later. Must be empty. */
  readonly lost: readonly string[];
  readonly seconds: number;
}

/** What was acknowledged to anybody in one cycle. */
interface Acknowledged {
  readonly stock: Set<string>;
  readonly embedded: Set<string>;
}

export async function runFailover(options: FailoverOptions): Promise<FailoverReport> {
  const { kills, copies, progress = silent } = options;
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
  const startedAt = performance.now();
  const roles = await takesWord("serve", "--role");
  await using set = await PeerSet.make("failover");
  const field = new Field(set, copies, roles, seededRandom(seed));
  await field.fill(1 + (options.followers ?? 2));
  const total = { cuts: 0, stock: 0, embedded: 0, cut: 0 };
  const reachedNobody: string[] = [];
  const lost = new Set<string>();
  const kept = new Set<string>();
  for (let kill = 1; kill <= kills; kill++) {
    const { acknowledged, cut, acknowledgedCut } = await field.killPrimary();
    total.stock += acknowledged.stock.size;
    total.embedded += acknowledged.embedded.size;
    total.cuts += Number(cut);
    total.cut += acknowledgedCut;
    const all = [...acknowledged.stock, ...acknowledged.embedded];
    const { promoted, anywhere } = await field.promote();
    for (const token of all) {
      if (!anywhere.has(token)) reachedNobody.push(token);
      else if (!promoted.has(token)) lost.add(token);
      else kept.add(token);
    }
    for (const token of kept) if (!promoted.has(token)) lost.add(token);
    await field.fill(1 + (options.followers ?? 2));
    progress.at(kill, kills, `${kill} of ${kills} kills, ${kept.size} acknowledged edits kept`);
  }
  progress.end();
  return {
    seed,
    roles,
    kills,
    cuts: total.cuts,
    acknowledged: total.stock,
    acknowledgedEmbedded: total.embedded,
    acknowledgedCut: total.cut,
    reachedNobody,
    lost: [...lost],
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

/** A primary and those that follow it. */
class Field {
  private readonly set: PeerSet;
  private readonly copies: number;
  private readonly roles: boolean;
  private readonly random: () => number;
  /** The primary first. */
  private peers: PeerProcess[] = [];
  private started = 0;
  private acknowledged: Acknowledged = { stock: new Set(), embedded: new Set() };
  private onAcknowledged: () => void = () => {};

  constructor(set: PeerSet, copies: number, roles: boolean, random: () => number) {
    this.set = set;
    this.copies = copies;
    this.roles = roles;
    this.random = random;
  }

  /** Starts peers on empty folders until there are `count`, all equal. Every other one is a service that embeds its peer. */
  async fill(count: number): Promise<void> {
    while (this.peers.length < count) await this.start();
    const others = count - 1;
    await waitUntil(
      async () => (await this.primary.status()).links.filter(({ state }) => state === "open").length >= others,
      { describe: () => `${others} links of the primary` },
    );
  }

  /** Writes until the primary has acknowledged a number of edits, kills it at that moment, and takes its disk away. */
  async killPrimary(): Promise<{ acknowledged: Acknowledged; cut: boolean; acknowledgedCut: number }> {
    const victim = this.primary;
    this.acknowledged = { stock: new Set(), embedded: new Set() };
    const recorder = new ChaosRecorder();
    // The writer draws as often as time allows; the plan must not depend on that.
    const writer = new ChaosWriter(victim, STOCK, recorder, seededRandom(this.started));
    const cut = this.random() < CUT_SHARE;
    let due = 1 + Math.floor(this.random() * KILL_AT_MAX);
    let killed: Promise<void> | undefined;
    const count = (): number => this.countAcknowledged(recorder);
    const enough = new Promise<void>((resolve) => {
      this.onAcknowledged = () => {
        if (--due > 0 || killed !== undefined) return;
        if (!cut) killed = victim.kill();
        resolve();
      };
    });
    recorder.onEcho = () => this.onAcknowledged();
    writer.start(PACE_MS);
    await enough;
    let before = 0;
    if (cut) {
      const { code, stderr } = await victim.run("link", "pause");
      if (code !== 0) throw new Error(`The primary could not be cut off: ${stderr}`);
      before = count();
      await pause(CUT_MS);
      killed = victim.kill();
    }
    await killed;
    writer.vanish();
    this.onAcknowledged = () => {};
    const after = count();
    await rm(victim.options.data, { recursive: true, force: true });
    this.peers.shift();
    return { acknowledged: this.acknowledged, cut, acknowledgedCut: cut ? after - before : 0 };
  }

  /** Makes the one that has most a primary. Returns what it has then, and what any of those left had when the primary died. */
  async promote(): Promise<{ promoted: Set<string>; anywhere: Set<string> }> {
    const held = await Promise.all(this.peers.map((peer) => read(peer)));
    const anywhere = new Set(held.flatMap((tokens) => [...tokens]));
    const most = Math.max(...held.map(({ size }) => size));
    const candidates = this.peers.filter((_, at) => held[at]?.size === most);
    const chosen = candidates[Math.floor(this.random() * candidates.length)] ?? this.primary;
    if (this.roles) {
      const { code, stderr } = await chosen.run("promote");
      if (code !== 0) throw new Error(`A follower could not be promoted: ${stderr}`);
    }
    this.peers = [chosen, ...this.peers.filter((peer) => peer !== chosen)];
    await rootsEqual(this.peers);
    return { promoted: await read(chosen), anywhere };
  }

  private get primary(): PeerProcess {
    const [first] = this.peers;
    if (first === undefined) throw new Error("There is no peer.");
    return first;
  }

  private async start(): Promise<void> {
    const number = this.started++;
    const isFirst = this.peers.length === 0;
    const peer = await this.set.add(`peer-${number}`, {
      port: await freePort(),
      peers: this.peers.map(({ url }) => url),
      copies: this.copies,
      ...(this.roles && !isFirst ? { role: "follower" } : {}),
      ...(number % 2 === 0 ? { program: { path: EMBEDDING_PEER, servesOnly: true } } : {}),
      onLine: (line) => this.heard(line),
    });
    this.peers.push(peer);
    if (!isFirst) await rootsEqualOnce(this.peers);
  }

  private heard(line: string): void {
    const token = /^\{"saved":"(<[^"]*>)"\}$/.exec(line)?.[1];
    if (token === undefined) return;
    this.acknowledged.embedded.add(token);
    this.onAcknowledged();
  }

  private countAcknowledged(recorder: ChaosRecorder): number {
    for (const edit of recorder.edits) if (recorder.wasEchoed(edit)) this.acknowledged.stock.add(edit.token);
    return this.acknowledged.stock.size + this.acknowledged.embedded.size;
  }
}

async function read(peer: PeerProcess): Promise<Set<string>> {
  const tokens = new Set<string>();
  for (const name of [STOCK, EMBEDDED]) {
    const doc = await readThroughClient(peer.url, name);
    for (const token of tokensOf(doc)) tokens.add(token);
    doc.destroy();
  }
  return tokens;
}

/** A primary that is being written to is never equal for long; a peer that started empty must have had everything once. */
async function rootsEqualOnce(peers: readonly PeerProcess[]): Promise<void> {
  await waitUntil(
    async () => {
      const [first, ...others] = await Promise.all(peers.map((peer) => peer.status()));
      return others.every(({ documents, links }) => {
        return documents.alive === first?.documents.alive && links.some(({ state }) => state === "open");
      });
    },
    { describe: () => "a new peer to have everything" },
  );
}

export function failoverResult(report: FailoverReport, options: FailoverOptions): Result {
  const { kills, copies } = options;
  const { lost, reachedNobody, acknowledged, acknowledgedEmbedded, acknowledgedCut, cuts } = report;
  const wantsCopies = copies > 0;
  const first = (tokens: readonly string[]): string =>
    tokens.length === 0 ? "0 missing" : `${tokens.length} missing, first ${tokens[0]}`;
  return {
    workload: "failover",
    summary: `${kills} primaries killed after an acknowledgement, their disks gone, in ${report.seconds.toFixed(1)} s; copies: ${copies}; run it again with --seed ${report.seed}`,
    options: { kills, copies, followers: options.followers ?? 2, seed: report.seed },
    tables: [
      {
        title: "Run",
        head: ["kills", "cut off first", "acknowledged", "to a service", "while cut off", "reached nobody", "lost"],
        rows: [[kills, cuts, acknowledged, acknowledgedEmbedded, acknowledgedCut, reachedNobody.length, lost.length]],
      },
    ],
    checks: [
      {
        name: "what had reached another peer is on the promoted one, and stays",
        good: lost.length === 0,
        found: first(lost),
      },
      wantsCopies
        ? {
            name: "nothing acknowledged had reached nobody",
            good: reachedNobody.length === 0,
            found: first(reachedNobody),
          }
        : {
            name: "what a primary acknowledged that was cut off is what is missing",
            good: cuts === 0 || reachedNobody.length >= acknowledgedCut,
            found: `${reachedNobody.length} missing, ${acknowledgedCut} acknowledged while cut off`,
          },
      {
        name: wantsCopies ? "a primary that is cut off acknowledges nothing" : "a primary that is cut off acknowledges",
        good: wantsCopies ? acknowledgedCut === 0 : cuts === 0 || acknowledgedCut > 0,
        found: `${acknowledgedCut} in ${cuts} cuts`,
      },
      { name: "peers had roles", good: report.roles, found: report.roles ? "primary and followers" : "writers only" },
      {
        name: "edits were acknowledged to both",
        good: acknowledged >= kills && (kills < FEW_KILLS || acknowledgedEmbedded > 0),
        found: `${acknowledged} to a stock provider, ${acknowledgedEmbedded} to a service`,
      },
    ],
  };
}
