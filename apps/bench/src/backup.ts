/**
 * A backup of a large replica that is being written to: what its writers and its event loop feel of it, how long it takes, and
 * whether a peer that is made of it becomes equal with the cluster that went on.
 */
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import * as encoding from "lib0/encoding";
import { KeystrokeWriter, clockMs, readStamps } from "./keystrokes.ts";
import { PeerSet } from "./peer-set.ts";
import { type Outcome, type PeerProcess, rootsEqual } from "./processes.ts";
import { type Progress, silent } from "./progress.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import type { Check, Result } from "./results.ts";
import { quantile } from "./statistics.ts";
import { pause, waitUntil, within } from "./waiting.ts";

export interface BackupOptions {
  /** Size of the store before the backup. */
  readonly bytes?: number;
  /** Updates per second while the backup is taken. */
  readonly rate?: number;
  readonly progress?: Progress;
}

const FILL_CLIENTS = 8;
const FILL_UPDATE_BYTES = 60_000;
const FILL_UPDATES_PER_DOCUMENT = 8;
const WRITERS = 50;
const TICK_MS = 10;
/** The peer sums up the delay of its loop in windows of this length. */
const WINDOW_MS = 5_000;
/** What a window tells lies up to two of them back: so long nothing is begun, and nothing believed. */
const RUN_UP_MS = 2 * WINDOW_MS;
/** How long the same is measured without a backup. */
const CALM_MS = 15_000;
/** After filling, documents are compacted for a while; it is over when the store has not moved for so long. */
const SETTLED_MS = 10_000;
const PAUSE_MS_MAX = 50;
const SECONDS_MAX = 60;
const COMMAND_TIMEOUT_MS = 600_000;

export async function runBackup(options: BackupOptions = {}): Promise<Result> {
  const { bytes = 1_000_000_000, rate = 500, progress = silent } = options;
  await using set = await PeerSet.make("backup");
  const peer = await set.add("live");
  await fill(peer, bytes, progress);
  const load = await Load.start(peer, rate);
  progress.say("writing, without a backup");
  const calm = await load.measure(CALM_MS);
  progress.say("writing, with a backup");
  const file = set.scratch.inside("taken.backup");
  let seconds = 0;
  let backup: Outcome | undefined;
  const busy = await load.measure(0, async () => {
    const startedMs = performance.now();
    backup = await peer.runFor(COMMAND_TIMEOUT_MS, "backup", file, "--json");
    seconds = (performance.now() - startedMs) / 1_000;
  });
  progress.say("writing, after the backup");
  const after = await load.measure(CALM_MS);
  progress.say("proving the backup");
  const verify = await peer.runFor(COMMAND_TIMEOUT_MS, "backup", "--verify", file, "--json");
  progress.say("restoring");
  const folder = set.scratch.inside("restored");
  const restoreStarted = performance.now();
  const restore = await peer.runFor(COMMAND_TIMEOUT_MS, "restore", file, "--data", folder, "--json");
  const restoreSeconds = (performance.now() - restoreStarted) / 1_000;
  if (backup?.code !== 0 || restore.code !== 0) throw new Error(`${backup?.stderr}\n${restore.stderr}`);
  const restored = await set.add("restored", { peers: [peer.url] });
  await waitUntil(async () => (await restored.status()).links.some((link) => link.state === "open"));
  await load.stop();
  progress.say("converging");
  const root = await rootsEqual([peer, restored], COMMAND_TIMEOUT_MS);
  const proof = await restored.runFor(COMMAND_TIMEOUT_MS, "verify", "--timeout", "5m", "--json");
  progress.end();
  const { size } = statSync(file);
  return {
    workload: "backup",
    summary: `${(size / 1e6).toFixed(0)} MB backed up under ${rate} writes a second`,
    options: { bytes, rate },
    tables: [
      {
        title: "What writers and the event loop feel",
        head: ["", "writes/s", "echo p50 ms", "echo p99 ms", "echo max ms", "longest loop delay ms"],
        rows: [
          ["before", ...calm.row],
          ["during", ...busy.row],
          ["after", ...after.row],
        ],
      },
      {
        title: "The backup",
        head: ["MB", "backup s", "restore s", "write-ahead log MB"],
        rows: [[size / 1e6, seconds, restoreSeconds, busy.walBytes / 1e6]],
      },
    ],
    checks: [
      atMost("the loop is never held up for longer than 50 ms", busy.loopMs, PAUSE_MS_MAX, "ms"),
      atMost("nor afterwards, when the write-ahead log has grown", after.loopMs, PAUSE_MS_MAX, "ms"),
      atMost("the backup takes less than a minute", seconds, SECONDS_MAX, "s"),
      check("the rate was kept", busy.perSecond > rate * 0.95, `${busy.perSecond.toFixed(0)} writes/s of ${rate}`),
      check("the backup is sound", verify.code === 0, `exit code ${verify.code}`),
      check("it restores as another peer", restored.peerId !== peer.peerId, restored.peerId),
      check("the restored peer becomes equal with the cluster", root !== "", root),
      check("verify agrees", proof.code === 0, `exit code ${proof.code}`),
    ],
  };
}

/** Many documents of a few hundred kilobytes, of bytes that nothing can make smaller. */
async function fill(peer: PeerProcess, bytes: number, progress: Progress): Promise<void> {
  const size = async (): Promise<number> => (await peer.status()).store.bytes;
  let stored = await size();
  let next = 0;
  const work = async (): Promise<void> => {
    while (stored < bytes) {
      await fillDocument(peer.url, `fill/${next++}`);
      stored = await size();
      progress.at(stored, bytes, `${(stored / 1e6).toFixed(0)} of ${(bytes / 1e6).toFixed(0)} MB`);
    }
  };
  await Promise.all(Array.from({ length: FILL_CLIENTS }, work));
  progress.say("waiting for compaction");
  let restedMs = performance.now();
  await waitUntil(
    async () => {
      const now = await size();
      if (now !== stored) restedMs = performance.now();
      stored = now;
      return performance.now() - restedMs > SETTLED_MS;
    },
    { timeoutMs: COMMAND_TIMEOUT_MS, describe: () => "compaction to end" },
  );
}

async function fillDocument(url: string, name: string): Promise<void> {
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  let echoed = 0;
  const client = await openRawClient(url, name, (frame) => {
    echoed += frame.length;
    if (echoed >= FILL_UPDATES_PER_DOCUMENT * FILL_UPDATE_BYTES) finish();
  });
  client.send(
    Array.from({ length: FILL_UPDATES_PER_DOCUMENT }, (_, clock) =>
      binaryUpdate(client.clientId, clock, randomBytes(FILL_UPDATE_BYTES)),
    ),
  );
  await within(finished, COMMAND_TIMEOUT_MS, `the echo of ${name}`);
  await client.close();
}

/** One item with binary content at the end of the array `blobs`, as a Yjs update, encoding V1. */
function binaryUpdate(client: number, clock: number, content: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder();
  for (const number of [1, 1, client, clock]) encoding.writeVarUint(encoder, number);
  const contentBinary = 3;
  const hasOrigin = 0x80;
  encoding.writeUint8(encoder, clock === 0 ? contentBinary : contentBinary | hasOrigin);
  if (clock === 0) {
    encoding.writeVarUint(encoder, 1);
    encoding.writeVarString(encoder, "blobs");
  } else {
    encoding.writeVarUint(encoder, client);
    encoding.writeVarUint(encoder, clock - 1);
  }
  encoding.writeVarUint8Array(encoder, content);
  encoding.writeVarUint(encoder, 0);
  return encoding.toUint8Array(encoder);
}

interface Measured {
  readonly row: readonly number[];
  readonly perSecond: number;
  /** The largest that the peer reported of a window. */
  readonly loopMs: number;
  readonly walBytes: number;
}

/** Writers that write at a fixed rate, each update to the next of them, and time every echo. */
class Load {
  readonly #peer: PeerProcess;
  readonly #clients: readonly RawClient[];
  readonly #timer: NodeJS.Timeout;
  #echoes: number[] = [];

  private constructor(peer: PeerProcess, clients: readonly RawClient[], rate: number) {
    this.#peer = peer;
    this.#clients = clients;
    const keystrokes = clients.map(({ clientId }) => new KeystrokeWriter(clientId));
    const startedMs = performance.now();
    let sent = 0;
    this.#timer = setInterval(() => {
      for (; sent < ((performance.now() - startedMs) / 1_000) * rate; sent++) {
        const at = sent % clients.length;
        const update = keystrokes[at]?.next(clockMs());
        if (update !== undefined) clients[at]?.send([update]);
      }
    }, TICK_MS);
  }

  static async start(peer: PeerProcess, rate: number): Promise<Load> {
    const started: Load[] = [];
    const received = (frame: Buffer): void =>
      void readStamps(frame, (stampMs) => started[0]?.echoes.push(clockMs() - stampMs));
    const names = Array.from({ length: WRITERS }, (_, at) => `writer/${at}`);
    const clients = await Promise.all(names.map((name) => openRawClient(peer.url, name, received)));
    const load = new Load(peer, clients, rate);
    started.push(load);
    return load;
  }

  get echoes(): number[] {
    return this.#echoes;
  }

  /** Looks on for so long, and until `work` is done, after a run-up without it. The peer tells of a window at its end. */
  async measure(ms: number, work: () => Promise<void> = () => Promise.resolve()): Promise<Measured> {
    await pause(RUN_UP_MS);
    this.#echoes = [];
    const startedMs = performance.now();
    let worked = false;
    void work().finally(() => (worked = true));
    let loopMs = 0;
    let walBytes = 0;
    let endMs = Infinity;
    while (performance.now() < endMs + WINDOW_MS) {
      await pause(500);
      const elapsed = performance.now() - startedMs;
      loopMs = Math.max(loopMs, await this.#longestDelayMs());
      walBytes = Math.max(walBytes, walOf(this.#peer.options.data));
      if (worked && elapsed >= ms) endMs = Math.min(endMs, performance.now());
    }
    const seconds = (performance.now() - startedMs) / 1_000;
    const sorted = this.#echoes.toSorted((a, b) => a - b);
    const perSecond = sorted.length / seconds;
    const row = [perSecond, quantile(sorted, 0.5), quantile(sorted, 0.99), sorted.at(-1) ?? 0, loopMs];
    return { row, perSecond, loopMs, walBytes };
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#clients.map((client) => client.close()));
  }

  async #longestDelayMs(): Promise<number> {
    const text = await this.#peer.admin("/metrics");
    return Number(/^yarrow_loop_delay_seconds\{quantile="1"\} (\S+)$/m.exec(text)?.[1]) * 1_000;
  }
}

function walOf(folder: string): number {
  return statSync(`${folder}/yarrow.db-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

function atMost(name: string, value: number, limit: number, unit: string): Check {
  return check(name, value <= limit, `${value.toFixed(1)} ${unit}, allowed ${limit} ${unit}`);
}

function check(name: string, good: boolean, found: string): Check {
  return { name, good, found };
}
