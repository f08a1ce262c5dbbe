/** A traced peer: for every write, the system calls show the log synced to disk before the echo leaves on a socket. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import * as Y from "yjs";
import { PeerSet } from "./peer-set.ts";
import { type Progress, silent } from "./progress.ts";
import { openRawClient } from "./raw-client.ts";
import type { Result } from "./results.ts";
import { orderOf, readSystemCalls } from "./system-calls.ts";
import { waitUntil, within } from "./waiting.ts";

const TRACER = "strace";
const CALLS = "fdatasync,fsync,write,writev,pwrite64,pwritev,sendto,sendmsg";
/** Long enough for a page of the log, or a batch of frames, to be shown whole. */
const TEXT_BYTES_MAX = 1_048_576;
const ECHO_TIMEOUT_MS = 30_000;
/** Updates sent in one go; few enough that they share a page of the log and no token is cut by its end. */
const BURST_UPDATES = 8;

export interface OrderOptions {
  readonly writes?: number;
  readonly progress?: Progress;
}

/** Undefined where there is no tracer, or none may be used: then nothing was proved. */
export async function runOrder(options: OrderOptions): Promise<Result | undefined> {
  const { writes = 100, progress = silent } = options;
  if (!canTrace()) return undefined;
  const tokens = Array.from({ length: writes }, (_, at) => `order-${at}-${randomBytes(6).toString("hex")}-`);
  let log: string;
  {
    await using set = await PeerSet.make("order");
    const path = set.scratch.inside("calls.log");
    // With -D the child is the peer itself and the tracer its grandchild, so that signals reach the peer.
    const tracer = [TRACER, "-D", "-f", "-y", "-s", String(TEXT_BYTES_MAX), "-e", `trace=${CALLS}`, "-o", path];
    const peer = await set.add("traced", { before: tracer });
    await writeTokens(peer.url, tokens, progress);
    const ended = new RegExp(`^${peer.pid} +\\+\\+\\+ (?:exited|killed)`, "mu");
    await peer.stop();
    log = "";
    await waitUntil(async () => ended.test((log = await readFile(path, "latin1"))), {
      describe: () => "the tracer's last line",
    });
  }
  const calls = readSystemCalls(log);
  const orders = tokens.map((token) => orderOf(calls, token));
  const count = (holds: (order: (typeof orders)[number]) => boolean) => orders.filter(holds).length;
  const [appended, synced, echoed, inOrder] = [
    count((o) => o.appended),
    count((o) => o.synced),
    count((o) => o.echoed),
    count((o) => o.inOrder),
  ];
  progress.end();
  return {
    workload: "order",
    summary: `${writes} writes to a traced peer, durability full`,
    options: { writes },
    tables: [
      {
        title: "Writes",
        head: ["writes", "in the log", "log synced", "echoed", "synced before echoed"],
        rows: [[writes, appended, synced, echoed, inOrder]],
      },
    ],
    checks: [
      {
        name: "every write was found in the log, in a sync and in an echo",
        good: Math.min(appended, synced, echoed) === writes,
        found: `${appended}, ${synced}, ${echoed} of ${writes}`,
      },
      { name: "every sync returned before the echo left", good: inOrder === writes, found: `${inOrder} of ${writes}` },
    ],
  };
}

function canTrace(): boolean {
  try {
    execFileSync(TRACER, ["-f", "-o", "/dev/null", "true"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** The first half one at a time, each after the echo of the one before; the rest in bursts, so that commits are grouped. */
async function writeTokens(url: string, tokens: readonly string[], progress: Progress): Promise<void> {
  const updates = updatesOf(tokens);
  const missing = new Set(tokens);
  let look: () => void = () => {};
  const client = await openRawClient(url, "order", (frame) => {
    const text = frame.toString("latin1");
    for (const token of missing) if (text.includes(token)) missing.delete(token);
    look();
  });
  for (let at = 0; at < tokens.length;) {
    const burst = at < tokens.length / 2 ? 1 : BURST_UPDATES;
    const wanted = tokens.slice(at, at + burst);
    const echo = new Promise<void>((resolve) => {
      look = () => {
        if (wanted.every((token) => !missing.has(token))) resolve();
      };
    });
    client.send(updates.slice(at, at + burst));
    await within(echo, ECHO_TIMEOUT_MS, "an echo of the traced peer");
    at += burst;
    progress.at(at, tokens.length, `${at} of ${tokens.length} writes`);
  }
  await client.close();
}

/** One update for each token. */
function updatesOf(tokens: readonly string[]): Uint8Array[] {
  const doc = new Y.Doc();
  const updates: Uint8Array[] = [];
  doc.on("update", (update: Uint8Array) => updates.push(update));
  for (const token of tokens) doc.getArray("tokens").push([token]);
  doc.destroy();
  return updates;
}
