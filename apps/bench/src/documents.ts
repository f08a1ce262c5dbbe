/** Many small documents that nobody has open: what they cost in memory, at a restart, and to a new peer. */
import { INSPECTABLE, measureHeap } from "./heap.ts";
import { KeystrokeWriter, clockMs, readStamps } from "./keystrokes.ts";
import { PeerSet } from "./peer-set.ts";
import { type PeerProcess, rootsEqual } from "./processes.ts";
import { type Progress, silent } from "./progress.ts";
import { openRawClient } from "./raw-client.ts";
import type { Result } from "./results.ts";
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
  await peer.stop();
  const restartedAt = performance.now();
  await peer.restart();
  await waitUntil(async () => (await fetch(new URL("/readyz", peer.url.replace("ws:", "http:")))).ok, {
    describe: () => "readyz",
  });
  const restartMs = performance.now() - restartedAt;
  const { alive } = (await peer.status()).documents;

  progress.say("a new empty peer");
  const joinedAt = performance.now();
  const joiner = await set.add("new", { peers: [peer.url] });
  const listeningMs = performance.now() - joinedAt;
  await rootsEqual([peer, joiner]);
  const equalMs = performance.now() - joinedAt;
  const verify = await joiner.run("verify", "--json");
  const verifiedMs = performance.now() - joinedAt;
  const deep = await joiner.run("verify", "--deep", "--json");
  const arrived = (await joiner.status()).documents.alive;
  progress.end();

  const extraMB = full.collectedMB - nothing.collectedMB;
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
        rows: [
          [
            Math.round(perSecond),
            Math.round(restartMs),
            Math.round(listeningMs),
            Math.round(equalMs),
            Math.round(verifiedMs),
          ],
        ],
      },
    ],
    checks: [
      {
        name: "memory within 10 MB of an empty peer",
        good: extraMB <= HEAP_EXTRA_MB_MAX,
        found: `${extraMB.toFixed(2)} MB more`,
      },
      {
        name: "a restart is ready in under a second",
        good: restartMs < RESTART_MS_MAX,
        found: `${Math.round(restartMs)} ms`,
      },
      { name: "all documents are there after the restart", good: alive === count, found: `${alive} of ${count}` },
      { name: "a new peer has all of them", good: arrived === count, found: `${arrived} of ${count}` },
      {
        name: "... verified in under 3 s",
        good: verify.code === 0 && verifiedMs < CATCH_UP_MS_MAX,
        found: `${Math.round(verifiedMs)} ms, exit code ${verify.code}`,
      },
      { name: "verify --deep agrees", good: deep.code === 0, found: `exit code ${deep.code}` },
    ],
  };
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
