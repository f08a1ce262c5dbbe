/**
 * Peers are killed without warning while stock clients write through all of them; in the end the clients vanish together with
 * their peers. What anyone was shown must be there afterwards, on every peer, and nothing that nobody wrote.
 */
import { ChaosRecorder, type Edit } from "./chaos-recorder.ts";
import { ChaosWriter } from "./chaos-writer.ts";
import { audit } from "./chaos-audit.ts";
import { PeerSet } from "./peer-set.ts";
import { type PeerProcess, type Program, rootsEqual } from "./processes.ts";
import { type Progress, silent } from "./progress.ts";
import type { Check, Result } from "./results.ts";
import { seededRandom } from "./statistics.ts";
import { pause, waitUntil } from "./waiting.ts";

const DOCUMENTS = ["chaos/one", "chaos/two"] as const;
/** Of the kills, how many fall at a random moment up to this long after a volley of edits through the victim. */
const AIMED_SHARE = 0.75;
const AIMED_DELAY_MAX_MS = 4;
/** Of the kills, how many may hit a peer that is still starting. The others wait until the victim serves a client. */
const STARTING_SHARE = 0.1;
/** After each kill the storm goes on only once this many more edits were echoed, however slow the machine: else it would test little. */
const ECHOES_PER_KILL = 10;

export interface ChaosOptions {
  readonly kills: number;
  readonly everyMs?: number;
  readonly clients?: number;
  readonly peers?: number;
  readonly seed?: number;
  /** Time between two edits of one client. */
  readonly paceMs?: number;
  readonly progress?: Progress;
  /** In place of the daemon; for tests of this workload. */
  readonly program?: Program;
}

export interface ChaosReport {
  readonly seed: number;
  readonly kills: number;
  /** Kills at whose moment the victim had been sent something it had not acknowledged. */
  readonly killsInFlight: number;
  readonly killsStarting: number;
  readonly written: number;
  readonly echoed: number;
  readonly seen: number;
  /** Edits that were echoed or seen, and are not on every peer. Must be empty. */
  readonly missing: readonly Edit[];
  /** Tokens on some peer that nobody wrote. Must be empty. */
  readonly invented: readonly string[];
  readonly verifyCodes: readonly (number | null)[];
  /** How much waits on each peer for edits that died with their client. */
  readonly pending: readonly number[];
  readonly seconds: number;
}

export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { kills, everyMs = 300, clients = 8, peers = 3, paceMs = 20, progress = silent } = options;
  const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
  const random = seededRandom(seed);
  const startedAt = performance.now();
  await using set = await PeerSet.make("chaos", options.program);
  await set.addMesh(peers);
  const recorder = new ChaosRecorder();
  const writers = Array.from({ length: clients }, (_, at) => {
    const document = DOCUMENTS[at % DOCUMENTS.length] ?? DOCUMENTS[0];
    return new ChaosWriter(pick(set.peers, at), document, recorder, random);
  });
  const storm = new Storm(set.peers, writers, random);
  try {
    await waitUntil(() => writers.every((writer) => writer.isServed), {
      describe: () => "all clients to be served",
    });
    for (const writer of writers) writer.start(paceMs);
    for (let kill = 1; kill <= kills; kill++) {
      await Promise.all([pause(everyMs), storm.killOne()]);
      await waitUntil(() => recorder.echoedCount >= kill * ECHOES_PER_KILL, { describe: () => "edits to be echoed" });
      progress.at(kill, kills, `${kill} of ${kills} kills, ${storm.inFlight} with commits in flight`);
    }
    await waitUntil(() => writers.some((writer) => writer.isServed), { describe: () => "a client to be served" });
  } finally {
    // The end of the storm: every client vanishes at the moment in which its peer is killed.
    for (const writer of writers) writer.vanish();
    await storm.killAll();
  }
  progress.say("peers restart and converge");
  await Promise.all(set.peers.map((peer) => peer.restart()));
  await rootsEqual(set.peers);
  const findings = await audit(set.peers, DOCUMENTS, recorder);
  const verifyCodes = [];
  for (const peer of set.peers) verifyCodes.push((await peer.run("verify", "--deep", "--json")).code);
  const pending = (await Promise.all(set.peers.map((peer) => peer.status()))).map(({ documents }) => documents.pending);
  progress.end();
  return {
    seed,
    kills: storm.kills,
    killsInFlight: storm.inFlight,
    killsStarting: storm.starting,
    written: recorder.edits.length,
    echoed: recorder.echoedCount,
    seen: recorder.edits.filter((edit) => recorder.wasSeen(edit)).length,
    ...findings,
    verifyCodes,
    pending,
    seconds: (performance.now() - startedAt) / 1_000,
  };
}

/** Kills peers and starts each again at once. */
class Storm {
  kills = 0;
  inFlight = 0;
  starting = 0;
  private readonly peers: readonly PeerProcess[];
  private readonly writers: readonly ChaosWriter[];
  private readonly random: () => number;
  private readonly restarts = new Map<PeerProcess, Promise<void>>();
  private failure: unknown;

  constructor(peers: readonly PeerProcess[], writers: readonly ChaosWriter[], random: () => number) {
    this.peers = peers;
    this.writers = writers;
    this.random = random;
  }

  /** Kills one peer that serves a client, seldom one that is starting; waits for one where there is none. Rejects when a peer could not be started again. */
  async killOne(): Promise<void> {
    const mayStart = this.random() < STARTING_SHARE;
    const candidates = () =>
      this.peers.filter((peer) =>
        mayStart ? peer.isRunning : peer.isReady && this.writersOf(peer).some((w) => w.isServed),
      );
    await waitUntil(() => this.failure !== undefined || candidates().length > 0, { describe: () => "a peer to kill" });
    if (this.failure !== undefined) throw this.failure;
    const victim = pick(candidates(), Math.floor(this.random() * this.peers.length));
    if (this.random() < AIMED_SHARE) {
      for (const writer of this.writersOf(victim)) writer.edit();
      const delayMs = Math.floor(this.random() * (AIMED_DELAY_MAX_MS + 1));
      if (delayMs > 0) await pause(delayMs);
    }
    this.kills++;
    if (!victim.isReady) this.starting++;
    if (this.writersOf(victim).some((writer) => writer.hasInFlight)) this.inFlight++;
    const killed = victim.kill();
    const restart = killed.then(() => victim.restart());
    this.restarts.set(victim, restart);
    restart.catch((error: unknown) => {
      // A start that a later kill interrupted is no failure.
      if (this.restarts.get(victim) === restart) this.failure = error;
    });
    await killed;
  }

  async killAll(): Promise<void> {
    this.restarts.clear();
    await Promise.all(this.peers.map((peer) => peer.kill()));
  }

  private writersOf(peer: PeerProcess): readonly ChaosWriter[] {
    return this.writers.filter((writer) => writer.peer === peer);
  }
}

export function chaosResult(report: ChaosReport, options: ChaosOptions): Result {
  const { kills, killsInFlight, echoed, missing, invented, verifyCodes } = report;
  const echoedWanted = Math.min(2_000, options.kills * ECHOES_PER_KILL);
  const checks: Check[] = [
    {
      name: "nothing that was echoed or seen is missing",
      good: missing.length === 0,
      found: missing.length === 0 ? "0 missing" : `${missing.length} missing, first ${missing[0]?.token}`,
    },
    { name: "nothing appeared that nobody wrote", good: invented.length === 0, found: `${invented.length} invented` },
    { name: "the kills happened", good: kills === options.kills, found: `${kills} of ${options.kills}` },
    {
      name: "at least half of them with commits in flight",
      good: killsInFlight * 2 >= kills,
      found: `${killsInFlight} of ${kills}`,
    },
    { name: `at least ${echoedWanted} updates were echoed`, good: echoed >= echoedWanted, found: `${echoed}` },
    {
      name: "verify --deep agrees on every peer",
      good: verifyCodes.every((code) => code === 0),
      found: `exit codes ${verifyCodes.join(", ")}`,
    },
  ];
  return {
    workload: "chaos",
    summary: `${kills} kills of a random peer in ${report.seconds.toFixed(1)} s; run it again with --seed ${report.seed}`,
    options: {
      kills: options.kills,
      everyMs: options.everyMs ?? 300,
      clients: options.clients ?? 8,
      peers: options.peers ?? 3,
      seed: report.seed,
    },
    tables: [
      {
        title: "Run",
        head: [
          "kills",
          "in flight",
          "while starting",
          "written",
          "echoed",
          "seen by others",
          "missing",
          "invented",
          "pending",
        ],
        rows: [
          [
            kills,
            killsInFlight,
            report.killsStarting,
            report.written,
            echoed,
            report.seen,
            missing.length,
            invented.length,
            report.pending.join(", "),
          ],
        ],
      },
    ],
    checks,
  };
}

function pick<T>(values: readonly T[], at: number): T {
  const value = values[at % values.length];
  if (value === undefined) throw new Error("Nothing to pick from.");
  return value;
}
