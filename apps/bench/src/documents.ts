/** Many small documents that nobody has open: what they cost in memory, at a restart, and to a new peer. */
import { INSPECTABLE, measureHeap } from "./heap.ts";
import { KeystrokeWriter, clockMs, readStamps } from "./keystrokes.ts";
import { PeerSet } from "./peer-set.ts";
import { type PeerProcess, rootsEqual } from "./processes.ts";
import { type Progress, silent } from "./progress.ts";
import { openRawClient } from "./raw-client.ts";
import type { Check, Result } from "./results.ts";
import { pause, waitUntil, within } from "./waiting.ts";

const CLIENTS_AT_ONCE = 64;
const KEYSTROKES_EACH = 5;
const ECHO_TIMEOUT_MS = 30_000;
const HEAP_EXTRA_MB_MAX = 10;
const RESTART_MS_MAX = 1_000;
const CATCH_UP_MS_MAX = 3_000;

export interface DocumentsOptions {
  readonly count?: number;
  /** How long after the last client left the memory is measured. */
  readonly settleSeconds?: number;
  readonly progress?: Progress;
}

export async function runDocuments(options: DocumentsOptions): Promise<Result> {
  const { count = 10_000, settleSeconds = 60, progress = silent } = options;
  await using set = await PeerSet.make("documents");
  const peer = await set.add("full", { nodeOptions: INSPECTABLE });
  const empty = await set.add("empty", { nodeOptions: INSPECTABLE, cluster: "documents-empty" });

  const createdAt = performance.now();
  await createDocuments(peer, count, progress);
  const perSecond = count / ((performance.now() - createdAt) / 1_000);
  await waitUntil(async () => (await peer.status()).sessions === 0, { describe: () => "all sessions to be closed" });
  for (let second = 0; second < settleSeconds; second++) {
    progress.at(second, settleSeconds, "all clients left; the peer settles");
    await pause(1_000);
  }
  const full = await measureHeap(peer);
  const nothing = await measureHeap(empty);
  progress.say("restart");
  const restartMs = await measureRestart(peer);
  const { alive } = (await peer.status()).documents;
  progress.say("a new empty peer");
  const join = await measureJoin(set, peer);
  progress.end();
  return {
    workload: "documents",
    summary: `${count} documents of ${KEYSTROKES_EACH} keystrokes; memory ${settleSeconds} s after all clients left`,
    options: { count, settleSeconds },
    tables: [
      {
        title: "Memory (heapUsed + external, MB)",
        head: ["peer", "after a collection", "least scraped"],
        rows: [
          [`${count} documents`, full.collectedMB, full.scrapedMB],
          ["empty", nothing.collectedMB, nothing.scrapedMB],
        ],
      },
      {
        title: "Times",
        head: ["created /s", "restart ready ms", "new peer listening ms", "... roots equal ms", "... verified ms"],
        rows: [[perSecond, restartMs, join.listeningMs, join.equalMs, join.verifiedMs].map(Math.round)],
      },
    ],
    checks: judge({ count, extraMB: full.collectedMB - nothing.collectedMB, restartMs, alive, join }),
  };
}

/** Milliseconds from the start of the process to a good answer of `readyz`. */
async function measureRestart(peer: PeerProcess): Promise<number> {
  await peer.stop();
  const startedAt = performance.now();
  await peer.restart();
  const readyz = new URL("/readyz", peer.url.replace("ws:", "http:"));
  await waitUntil(async () => (await fetch(readyz)).ok, { describe: () => "readyz" });
  return performance.now() - startedAt;
}

/** A new peer's times, each from the start of its process. */
interface Join {
  readonly listeningMs: number;
  readonly equalMs: number;
  /** `yarrow verify` has run and ended. */
  readonly verifiedMs: number;
  readonly verifyCode: number | null;
  readonly deepVerifyCode: number | null;
  readonly arrived: number;
}

async function measureJoin(set: PeerSet, peer: PeerProcess): Promise<Join> {
  const startedAt = performance.now();
  const joiner = await set.add("new", { peers: [peer.url] });
  const listeningMs = performance.now() - startedAt;
  await rootsEqual([peer, joiner]);
  const equalMs = performance.now() - startedAt;
  const { code: verifyCode } = await joiner.run("verify", "--json");
  const verifiedMs = performance.now() - startedAt;
  const { code: deepVerifyCode } = await joiner.run("verify", "--deep", "--json");
  const arrived = (await joiner.status()).documents.alive;
  return { listeningMs, equalMs, verifiedMs, verifyCode, deepVerifyCode, arrived };
}

interface Findings {
  readonly count: number;
  readonly extraMB: number;
  readonly restartMs: number;
  readonly alive: number;
  readonly join: Join;
}

function judge({ count, extraMB, restartMs, alive, join }: Findings): Check[] {
  const { arrived, verifiedMs, verifyCode, deepVerifyCode } = join;
  const check = (name: string, good: boolean, found: string): Check => ({ name, good, found });
  return [
    check("memory within 10 MB of an empty peer", extraMB <= HEAP_EXTRA_MB_MAX, `${extraMB.toFixed(2)} MB more`),
    check("a restart is ready in under a second", restartMs < RESTART_MS_MAX, `${Math.round(restartMs)} ms`),
    check("all documents are there after the restart", alive === count, `${alive} of ${count}`),
    check("a new peer has all of them", arrived === count, `${arrived} of ${count}`),
    check(
      "... verified in under 3 s",
      verifyCode === 0 && verifiedMs < CATCH_UP_MS_MAX,
      `${Math.round(verifiedMs)} ms, exit code ${verifyCode}`,
    ),
    check("verify --deep agrees", deepVerifyCode === 0, `exit code ${deepVerifyCode}`),
  ];
}

async function createDocuments(peer: PeerProcess, count: number, progress: Progress): Promise<void> {
  let next = 0;
  const work = async () => {
    while (next < count) {
      const at = next++;
      await createDocument(peer.url, `documents/${String(at).padStart(6, "0")}`);
      progress.at(next, count, `${next} of ${count} documents`);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, work));
}

/** A client opens the document, writes, waits until it was echoed, and leaves. */
async function createDocument(url: string, name: string): Promise<void> {
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  let echoed = 0;
  const client = await openRawClient(url, name, (frame) => {
    echoed += readStamps(frame);
    if (echoed >= KEYSTROKES_EACH) finish();
  });
  const keystrokes = new KeystrokeWriter(client.clientId);
  client.send(Array.from({ length: KEYSTROKES_EACH }, () => keystrokes.next(clockMs())));
  await within(finished, ECHO_TIMEOUT_MS, `the echo of ${name}`);
  await client.close();
}
