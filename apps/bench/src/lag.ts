/** A writer and four followers in a chain: how long a commit takes to each of them, and whether what they say of their lag is true. */
import { KeystrokeWriter, clockMs } from "./keystrokes.ts";
import { LagTruth } from "./lag-truth.ts";
import { PeerSet } from "./peer-set.ts";
import type { PeerProcess } from "./processes.ts";
import { processorSeconds } from "./processor-time.ts";
import { type Progress, silent } from "./progress.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import type { Check, Result } from "./results.ts";
import { quantile } from "./statistics.ts";
import { pause, waitUntil } from "./waiting.ts";

const DOCUMENT = "lag";
const FOLLOWERS = 4;
const HOPS = Array.from({ length: FOLLOWERS }, (_, at) => at + 1);
const WARM_UP_MS = 1_000;
/** Each follower is asked this often. */
const ASK_INTERVAL_MS = 50;
/** An answer that took longer says little about when it was made. */
const ANSWER_MS_MAX = 10;
const ONE_HOP_P99_MS_MAX = 20;
const FOUR_HOPS_P99_MS_MAX = 60;
const ERROR_MS_MAX = 50;

export interface LagOptions {
  /** Updates per second. */
  readonly rate?: number;
  readonly seconds?: number;
  readonly progress?: Progress;
}

interface Sample {
  readonly phase: string;
  /** 1 is the follower of the writer. */
  readonly hops: number;
  readonly saidMs: number;
  readonly trueMs: number;
}

export async function runLag({ rate = 100, seconds = 20, progress = silent }: LagOptions = {}): Promise<Result> {
  await using set = await PeerSet.make("lag");
  const writer = await set.add("writer", { discovery: false });
  progress.say("an idle writer without followers");
  const aloneShare = await processorShare(writer, seconds * 250);
  const followers: PeerProcess[] = [];
  for (let hop = 1; hop <= FOLLOWERS; hop++) {
    const peers = [(followers.at(-1) ?? writer).url];
    followers.push(await set.add(`follower-${hop}`, { discovery: false, role: "follower", peers }));
  }
  await waitUntil(async () => (await lagsOf(followers)).every((lagMs) => lagMs !== undefined));
  progress.say("an idle writer with a follower");
  const followedShare = await processorShare(writer, seconds * 250);
  const run = await Run.start([writer, ...followers], rate);
  const samples = await measure(run, seconds, progress);
  await run.close();
  return conclude(run, samples, { rate, seconds, aloneShare, followedShare });
}

/** Writers, readers and the truth between them. */
class Run {
  readonly peers: readonly PeerProcess[];
  readonly truth: LagTruth;
  readonly #clients: readonly RawClient[];
  readonly #keystrokes: KeystrokeWriter;
  readonly #rate: number;
  /** The first stamp after the warm-up, and the first after the steady phase. */
  steadyFrom = 0;
  steadyTo = 0;

  private constructor(peers: readonly PeerProcess[], truth: LagTruth, clients: readonly RawClient[], rate: number) {
    this.peers = peers;
    this.truth = truth;
    this.#clients = clients;
    this.#keystrokes = new KeystrokeWriter(clients[0]?.clientId ?? 0);
    this.#rate = rate;
  }

  static async start(peers: readonly PeerProcess[], rate: number): Promise<Run> {
    const truth = new LagTruth(peers.length);
    const open = (peer: PeerProcess, place: number): Promise<RawClient> =>
      openRawClient(peer.url, DOCUMENT, (frame) => truth.received(place, frame));
    // The writer hears the echo of its own updates, which is their commit.
    return new Run(peers, truth, await Promise.all(peers.map(open)), rate);
  }

  /** Writes at the rate for so long. */
  async write(ms: number): Promise<void> {
    const startedAt = clockMs();
    for (let sent = 0; clockMs() - startedAt < ms; await pause(1)) {
      const due = Math.floor(((clockMs() - startedAt) * this.#rate) / 1_000);
      for (; sent < due; sent++) {
        const stampMs = Number(clockMs().toFixed(3));
        this.truth.wrote(stampMs);
        this.#clients[0]?.send([this.#keystrokes.next(stampMs)]);
      }
    }
  }

  async close(): Promise<void> {
    await Promise.all(this.#clients.map((client) => client.close()));
  }
}

async function measure(run: Run, seconds: number, progress: Progress): Promise<Sample[]> {
  const [, first, ...further] = run.peers;
  if (first === undefined) throw new Error("There is no follower.");
  const all = [first, ...further];
  const samples: Sample[] = [];
  let done = 0;
  const during = async (phase: string, asked: readonly PeerProcess[], act: () => Promise<void>): Promise<void> => {
    progress.at(done++, 6, phase);
    samples.push(...(await askDuring(run, phase, asked, act)));
  };
  await run.write(WARM_UP_MS);
  run.steadyFrom = run.truth.written;
  await during("steady writing", all, () => run.write(seconds * 1_000));
  run.steadyTo = run.truth.written;
  await waitUntil(() => run.truth.settled);
  await during("idle", all, () => pause(seconds * 100));
  await during("a follower stopped, and going on", further, async () => {
    process.kill(first.pid, "SIGSTOP");
    await run.write(1_500);
    process.kill(first.pid, "SIGCONT");
    await run.write(1_000);
  });
  await during("cut", all, async () => {
    await Promise.all([first.run("link", "pause"), run.write(2_000)]);
    await run.write(1_000);
  });
  await during("healing", all, async () => {
    await Promise.all([first.run("link", "resume"), run.write(3_000)]);
  });
  await during("after", all, () => run.write(2_000));
  await waitUntil(() => run.truth.settled);
  return samples;
}

/** Asks followers again and again while something goes on, and notes what is true when they answer. */
async function askDuring(
  run: Run,
  phase: string,
  asked: readonly PeerProcess[],
  act: () => Promise<void>,
): Promise<Sample[]> {
  const samples: Sample[] = [];
  const over = new AbortController();
  const ask = async (peer: PeerProcess): Promise<void> => {
    const hops = run.peers.indexOf(peer);
    for (; !over.signal.aborted; await pause(ASK_INTERVAL_MS)) {
      const askedAt = clockMs();
      const before = run.truth.lagMs(hops);
      const [saidMs] = await lagsOf([peer]);
      const after = run.truth.lagMs(hops);
      if (clockMs() - askedAt > ANSWER_MS_MAX || saidMs === undefined) continue;
      // It was made somewhere between: whichever is nearer is true.
      const trueMs = Math.abs(saidMs - before) < Math.abs(saidMs - after) ? before : after;
      samples.push({ phase, hops, saidMs, trueMs });
    }
  };
  const asking = asked.map(ask);
  await act();
  over.abort();
  await Promise.all(asking);
  return samples;
}

async function lagsOf(peers: readonly PeerProcess[]): Promise<(number | undefined)[]> {
  const statuses = await Promise.all(peers.map((peer) => peer.status()));
  return statuses.map((status) => (status as unknown as { readonly lag: { readonly lagMs?: number } }).lag.lagMs);
}

/** Share of one processor that a peer takes. */
async function processorShare(peer: PeerProcess, ms: number): Promise<number> {
  const before = processorSeconds(peer.pid);
  const startedAt = clockMs();
  await pause(ms);
  return (processorSeconds(peer.pid) - before) / ((clockMs() - startedAt) / 1_000);
}

interface Setting {
  readonly rate: number;
  readonly seconds: number;
  readonly aloneShare: number;
  readonly followedShare: number;
}

function conclude(run: Run, samples: readonly Sample[], { rate, seconds, aloneShare, followedShare }: Setting): Result {
  return {
    workload: "lag",
    summary: `a writer and ${FOLLOWERS} followers in a chain on loopback, one writer with ${rate} updates/s, ${seconds} s steady`,
    options: { rate, seconds },
    tables: [
      {
        title: "From the commit to a reader of each follower",
        head: ["hops", "updates", "p50 ms", "p99 ms", "longest ms"],
        rows: HOPS.map((hops) => {
          const steady = steadyOf(run, hops);
          return [hops, steady.length, quantile(steady, 0.5), quantile(steady, 0.99), steady.at(-1)];
        }),
      },
      {
        title: "What followers say of their lag, against the truth",
        head: ["phase", "answers", "longest true lag ms", "error p50 ms", "error p99 ms", "largest error ms"],
        rows: [...new Set(samples.map(({ phase }) => phase))].map((phase) => phaseRow(phase, samples)),
      },
      {
        title: "What an idle writer costs",
        head: ["followers", "share of a processor %"],
        rows: [
          [0, aloneShare * 100],
          [1, followedShare * 100],
        ],
      },
    ],
    checks: judge(run, samples),
  };
}

function steadyOf(run: Run, hops: number): number[] {
  return run.truth.latencies(hops, run.steadyFrom, run.steadyTo);
}

function phaseRow(phase: string, samples: readonly Sample[]): (string | number | undefined)[] {
  const own = samples.filter((sample) => sample.phase === phase);
  const errors = own.map(errorMs).sort((a, b) => a - b);
  const longest = Math.max(...own.map(({ trueMs }) => trueMs));
  return [phase, own.length, longest, quantile(errors, 0.5), quantile(errors, 0.99), errors.at(-1)];
}

function judge(run: Run, samples: readonly Sample[]): Check[] {
  const arrives = (hops: number, allowedMs: number): Check => {
    const p99Ms = quantile(steadyOf(run, hops), 0.99);
    const found = `p99 ${p99Ms.toFixed(2)} ms, allowed ${allowedMs} ms`;
    return { name: `commit to visible, hops: ${hops}`, good: p99Ms < allowedMs, found };
  };
  const within = samples.filter((sample) => errorMs(sample) <= ERROR_MS_MAX).length;
  return [
    arrives(1, ONE_HOP_P99_MS_MAX),
    arrives(FOLLOWERS, FOUR_HOPS_P99_MS_MAX),
    {
      name: "what followers say of their lag is true",
      good: within >= samples.length * 0.99,
      found: `${within} of ${samples.length} answers within ${ERROR_MS_MAX} ms of the truth, allowed 99 %`,
    },
    { name: "nothing was lost on the way", good: run.truth.settled, found: `${run.truth.written} updates everywhere` },
  ];
}

function errorMs({ saidMs, trueMs }: Sample): number {
  return Math.abs(saidMs - trueMs);
}
