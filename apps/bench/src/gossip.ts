/**
 * What live push costs in a mesh, and how soon it is everywhere: replicas of the production engine in simulated time, an update
 * every 20 ms from 20 origins by turns, links of 10 to 90 ms. First without loss, then with every hundredth message lost, then
 * three of ten peers die at once.
 */
import * as Y from "yjs";
import { Mesh } from "./mesh.ts";
import type { SimulatedPeer } from "./mesh.ts";
import { MeshTally, UPDATE_LENGTH } from "./mesh-tally.ts";
import type { Tally, Written } from "./mesh-tally.ts";
import { SENDS_SHARE_MAX } from "./mesh-limits.ts";
import { fullMesh, randomGraph } from "./mesh-topology.ts";
import { type Progress, silent } from "./progress.ts";
import type { Check, Result, Series } from "./results.ts";
import { quantile, seededRandom } from "./statistics.ts";

const FULL_MESH_MAX = 12;
const DEGREE = 6;
const ORIGINS = 20;
const INTERVAL_MS = 20;
const LOSS = 0.01;
const DEATHS_SHARE = 0.3;
/** Longer than every update takes; what has not come by then waits for a round. */
const DRAIN_MS = 6_000;
const CONNECT_MS = 2_000;
/** In which every origin floods once and its tree is cut; not measured. */
const WARM_SECONDS = 3;
/** An update that some peer shows later than this after it was written belongs to what recovery is measured by. */
const LATE_MS = 1_000;

/** Fewer than this means that much came otherwise than by push, or was not counted. */
const SENDS_SHARE_MIN = 0.95;
const P99_MAX_MS = 320;
const P99_WITH_LOSS_MAX_MS = 1_000;
const RECOVERY_MAX_MS = 10_000;

export interface GossipOptions {
  readonly peers: readonly number[];
  /** Simulated seconds that are measured in each phase. */
  readonly seconds?: number;
  readonly seed?: number;
  readonly progress?: Progress;
}

interface Phase {
  readonly peers: number;
  readonly name: "no loss" | "1 % loss" | "30 % die";
  readonly updates: number;
  readonly sends: number;
  readonly have: number;
  readonly grafts: number;
  readonly prunes: number;
  readonly repairs: number;
  readonly bytes: number;
  readonly hops: number;
  readonly hopsMax: number;
  readonly p50: number;
  readonly p99: number;
  readonly missing: number;
  readonly recoveryMs: number | undefined;
  readonly wallSeconds: number;
  /** Which share of the deliveries had come within so many ms. */
  readonly delivery: Series["points"];
}

export async function runGossip({ peers, seconds = 6, seed = 1, progress = silent }: GossipOptions): Promise<Result> {
  const phases = peers.flatMap((count) => new Run(count, seconds, seed, progress).phases());
  await Promise.resolve();
  return {
    workload: "gossip",
    summary: `an update every ${INTERVAL_MS} ms from up to ${ORIGINS} origins, links of 10 to 90 ms, simulated with the production engine and codec`,
    method: [
      "Every peer is a replica of the production engine over a store in memory, and every message the production codec's bytes; time, links and loss are simulated, so that the same seed gives the same figures on any machine, but for `wall s`.",
      `Up to ${FULL_MESH_MAX} peers are linked all to all, more by a random graph of ${DEGREE} links each, and who loses a link gets another 200 ms later: how peers find each other is measured by \`membership\`.`,
      `After ${WARM_SECONDS} s in which the trees grow, ${seconds} s are measured in each phase. A payload send is a frame that carries the update from one peer to another; the least possible is one for each other peer.`,
      "Times are from the commit at its origin to the moment when another peer shows it, of all updates and all peers. What peers that died had written is not counted.",
    ],
    options: { peers, seconds, seed },
    tables: [{ title: "Per update, over the whole mesh", head: HEAD, rows: phases.map(row) }],
    checks: phases.flatMap(check),
    series: seriesOf(phases),
  };
}

class Run {
  readonly #count: number;
  readonly #seconds: number;
  readonly #progress: Progress;
  readonly #mesh: Mesh;
  readonly #tally: MeshTally;
  readonly #random: () => number;
  readonly #writers: { readonly peer: SimulatedPeer; readonly doc: Y.Doc; readonly subscriber: number }[];
  #turn = 0;
  #startedAt = 0;

  constructor(count: number, seconds: number, seed: number, progress: Progress) {
    this.#count = count;
    this.#seconds = seconds;
    this.#progress = progress;
    this.#random = seededRandom(seed);
    this.#tally = new MeshTally(count);
    const topology = count <= FULL_MESH_MAX ? fullMesh(count) : randomGraph(count, DEGREE, this.#random);
    this.#mesh = new Mesh(count, topology, this.#random, this.#tally);
    // In a mesh of fewer peers than that, every peer is an origin.
    const origins = Math.min(ORIGINS, count);
    this.#writers = Array.from({ length: origins }, (_, i) => this.#createWriter(Math.floor((i * count) / origins)));
  }

  phases(): Phase[] {
    this.#advance(CONNECT_MS, "connecting");
    this.#write(WARM_SECONDS, "growing the trees");
    const clean = this.#phase("no loss", 0);
    const lossy = this.#phase("1 % loss", LOSS);
    return [clean, lossy, ...(this.#count <= FULL_MESH_MAX ? [] : [this.#deaths()])];
  }

  #phase(name: "no loss" | "1 % loss", loss: number): Phase {
    this.#begin();
    this.#mesh.loss = loss;
    const written = this.#write(this.#seconds, name);
    const tally = this.#tally.take();
    this.#advance(DRAIN_MS, `${name}, until all is there`);
    this.#mesh.loss = 0;
    return this.#conclude(name, written, tally);
  }

  /** Updates of those who die are not counted: what only the dead held is lost with them. */
  #deaths(): Phase {
    this.#begin();
    const before = this.#write(2, "30 % die, before");
    const killedAt = this.#mesh.time.now;
    const dead = new Set<SimulatedPeer>();
    while (dead.size < this.#count * DEATHS_SHARE)
      dead.add(this.#mesh.peers[Math.floor(this.#random() * this.#count)]!);
    this.#mesh.kill([...dead]);
    const after = this.#write(this.#seconds, "30 % die, after");
    const tally = this.#tally.take();
    this.#advance(DRAIN_MS, "30 % die, until all is there");
    const alive = (index: number): boolean => this.#mesh.peers[index]!.alive;
    const written = [...before, ...after].filter(({ origin }) => alive(origin));
    const phase = this.#conclude("30 % die", written, tally);
    let recoveredAt = killedAt;
    for (const { at, shownAt } of written) {
      for (const [index, shown] of shownAt.entries()) {
        if (!alive(index) || shown < 0 || shown - at <= LATE_MS) continue;
        recoveredAt = Math.max(recoveredAt, shown);
      }
    }
    return { ...phase, recoveryMs: recoveredAt - killedAt };
  }

  #createWriter(index: number): { readonly peer: SimulatedPeer; readonly doc: Y.Doc; readonly subscriber: number } {
    const peer = this.#mesh.peers[index]!;
    const doc = new Y.Doc();
    doc.clientID = index;
    const subscriber = 1;
    const stateVector = Y.encodeStateVector(doc);
    this.#mesh.give(peer, { type: "attach", subscriber, name: nameOf(index), stateVector });
    doc.on("update", (update: Uint8Array) =>
      this.#mesh.give(peer, { type: "edit", subscriber, update, principal: "" }),
    );
    return { peer, doc, subscriber };
  }

  #write(seconds: number, words: string): Written[] {
    const written: Written[] = [];
    const count = Math.round((seconds * 1_000) / INTERVAL_MS);
    for (let i = 0; i < count; i++) {
      const writer = this.#writers[this.#turn++ % this.#writers.length]!;
      if (writer.peer.alive) {
        const text = writer.doc.getText("t");
        this.#mesh.time.at(this.#mesh.time.now, () => {
          written.push(this.#tally.wrote(writer.peer.index, this.#mesh.time.now));
          text.insert(text.length, "x".repeat(UPDATE_LENGTH));
        });
      }
      this.#mesh.run(INTERVAL_MS);
      this.#progress.at(i, count, `${this.#count} peers: ${words}`);
    }
    return written;
  }

  #advance(ms: number, words: string): void {
    for (let done = 0; done < ms; done += INTERVAL_MS) {
      this.#mesh.run(INTERVAL_MS);
      this.#progress.at(done, ms, `${this.#count} peers: ${words}`);
    }
  }

  #begin(): void {
    this.#startedAt = performance.now();
    this.#tally.take();
  }

  #conclude(name: Phase["name"], written: readonly Written[], tally: Tally): Phase {
    const latencies: number[] = [];
    const hops: number[] = [];
    let missing = 0;
    let sends = 0;
    for (const one of written) {
      sends += one.sends;
      for (const [index, shown] of one.shownAt.entries()) {
        if (index === one.origin || !this.#mesh.peers[index]!.alive) continue;
        if (shown < 0) missing++;
        else latencies.push(shown - one.at);
        hops.push(one.hops[index] ?? 0);
      }
    }
    latencies.sort((a, b) => a - b);
    const updates = written.length;
    return {
      peers: this.#count,
      name,
      updates,
      sends: sends / updates,
      have: tally.haveEntries / updates,
      grafts: tally.grafts / updates,
      prunes: tally.prunes / updates,
      repairs: tally.repairs / updates,
      bytes: tally.bytes / updates,
      hops: hops.reduce((sum, one) => sum + one, 0) / hops.length,
      hopsMax: hops.reduce((most, one) => Math.max(most, one), 0),
      p50: quantile(latencies, 0.5),
      p99: quantile(latencies, 0.99),
      missing,
      recoveryMs: undefined,
      wallSeconds: (performance.now() - this.#startedAt) / 1_000,
      delivery: SHARES.map((share) => [Math.round(quantile(latencies, share)), share] as const),
    };
  }
}

/** Where a curve of deliveries is taken. */
const SHARES = [0, 0.01, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999, 1] as const;

const HEAD = [
  "peers",
  "phase",
  "updates",
  "payload sends",
  "IHAVE entries",
  "GRAFT",
  "PRUNE",
  "round messages",
  "bytes",
  "hops",
  "most hops",
  "p50 ms",
  "p99 ms",
  "missing",
  "recovery s",
  "wall s",
];

function row(phase: Phase): (string | number | undefined)[] {
  return [
    phase.peers,
    phase.name,
    phase.updates,
    phase.sends,
    phase.have,
    phase.grafts,
    phase.prunes,
    phase.repairs,
    phase.bytes,
    phase.hops,
    phase.hopsMax,
    phase.p50,
    phase.p99,
    phase.missing,
    phase.recoveryMs === undefined ? undefined : phase.recoveryMs / 1_000,
    phase.wallSeconds,
  ];
}

function check(phase: Phase): Check[] {
  const { peers, name, sends, p99, missing, recoveryMs } = phase;
  const where = `${peers} peers, ${name}`;
  const complete = { name: `${where}: every update everywhere`, good: missing === 0, found: `${missing} missing` };
  const soon = (max: number): Check => ({
    name: `${where}: p99 under ${max} ms`,
    good: p99 < max,
    found: `${p99.toFixed(0)} ms`,
  });
  if (name === "1 % loss") return [complete, soon(P99_WITH_LOSS_MAX_MS)];
  if (name === "30 % die") {
    const found =
      (recoveryMs ?? 0) === 0
        ? `no update took longer than ${LATE_MS / 1_000} s`
        : `the last update that took longer than ${LATE_MS / 1_000} s came after ${((recoveryMs ?? 0) / 1_000).toFixed(2)} s`;
    return [complete, { name: `${where}: recovered within 10 s`, good: (recoveryMs ?? 0) <= RECOVERY_MAX_MS, found }];
  }
  const most = SENDS_SHARE_MAX * (peers - 1);
  const cheap = {
    name: `${where}: payload sends at most ${SENDS_SHARE_MAX} times the optimum`,
    good: sends <= most && sends >= SENDS_SHARE_MIN * (peers - 1),
    found: `${sends.toFixed(1)} of at most ${most.toFixed(1)}`,
  };
  return peers < 1_000 ? [complete, cheap] : [complete, cheap, soon(P99_MAX_MS)];
}

function seriesOf(phases: readonly Phase[]): Series[] {
  const sends = (["no loss", "1 % loss"] as const).map((name) => ({
    name,
    x: "peers",
    y: "sends per update, times the optimum",
    points: phases
      .filter((phase) => phase.name === name)
      .map((phase) => [phase.peers, phase.sends / (phase.peers - 1)] as const),
  }));
  const delivery = phases.map((phase) => ({
    name: `${phase.peers} peers, ${phase.name}`,
    x: "ms",
    y: "share of deliveries",
    points: phase.delivery,
  }));
  return [...sends, ...delivery];
}

function nameOf(origin: number): string {
  return `d${origin}`;
}
