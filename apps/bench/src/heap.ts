/**
 * Memory of a running peer, from outside. SIGUSR1 opens Node's inspector, through which garbage is collected before the figure
 * is taken: what garbage happens to lie about says nothing about what a peer keeps.
 */
import { WebSocket } from "ws";
import type { PeerProcess } from "./processes.ts";
import { pause, waitUntil, within } from "./waiting.ts";

/** For `nodeOptions` of a peer that will be measured: the inspector takes a free port once it is asked for. */
export const INSPECTABLE = "--inspect-port=127.0.0.1:0";

const SAMPLES = 20;
const SAMPLE_INTERVAL_MS = 250;
const COLLECTIONS = 3;
const ANSWER_TIMEOUT_MS = 30_000;
const MB = 1e6;

const inspectorByPid = new Map<number, string>();

export interface HeapFigures {
  /** `heapUsed + external` after a garbage collection, MB. */
  readonly collectedMB: number;
  /** The smallest sum of the two metrics in some seconds, garbage included, MB. */
  readonly scrapedMB: number;
}

/** Measures `heapUsed + external` of a peer that was started {@link INSPECTABLE}. */
export async function measureHeap(peer: PeerProcess): Promise<HeapFigures> {
  let scraped = Infinity;
  for (let sample = 0; sample < SAMPLES; sample++) {
    const metrics = await peer.admin("/metrics");
    scraped = Math.min(
      scraped,
      metric(metrics, "nodejs_heap_size_used_bytes") + metric(metrics, "nodejs_external_memory_bytes"),
    );
    await pause(SAMPLE_INTERVAL_MS);
  }
  return { collectedMB: (await collectedBytes(peer)) / MB, scrapedMB: scraped / MB };
}

/** `heapUsed + external` after a garbage collection of a peer that was started {@link INSPECTABLE}. */
export async function collectedBytes(peer: PeerProcess): Promise<number> {
  const inspector = new WebSocket(await inspectorOf(peer));
  try {
    await new Promise<void>((resolve, reject) => inspector.once("open", () => resolve()).once("error", reject));
    for (let round = 0; round < COLLECTIONS; round++)
      await call(inspector, round + 1, "HeapProfiler.collectGarbage", {});
    const expression = "(({ heapUsed, external }) => heapUsed + external)(process.memoryUsage())";
    const answer = (await call(inspector, COLLECTIONS + 1, "Runtime.evaluate", { expression })) as {
      result?: { value?: number };
    };
    const value = answer.result?.value;
    if (typeof value !== "number") throw new Error("The inspector did not answer with a figure.");
    return value;
  } finally {
    inspector.terminate();
  }
}

function metric(text: string, name: string): number {
  const line = text
    .split("\n")
    .find((candidate) => candidate.startsWith(`${name} `) || candidate.startsWith(`${name}{`));
  const value = Number(line?.slice(line.lastIndexOf(" ") + 1));
  if (Number.isNaN(value)) throw new Error(`The metrics have no ${name}.`);
  return value;
}

/** It is announced once; what the peer says later may push that out of its last words. */
async function inspectorOf(peer: PeerProcess): Promise<string> {
  const { pid } = peer;
  const announced = () => /ws:\/\/127\.0\.0\.1:\d+\/[\w-]+/u.exec(peer.lastWords)?.[0];
  let address = inspectorByPid.get(pid);
  if (address === undefined) {
    process.kill(pid, "SIGUSR1");
    await waitUntil(() => announced() !== undefined, { describe: () => `the inspector of ${peer.url}` });
    inspectorByPid.set(pid, (address = announced() ?? ""));
  }
  return address;
}

function call(inspector: WebSocket, id: number, method: string, params: object): Promise<unknown> {
  const answer = new Promise<unknown>((resolve, reject) => {
    const listen = (text: Buffer) => {
      const message = JSON.parse(text.toString()) as { id?: number; result?: unknown; error?: { message: string } };
      if (message.id !== id) return;
      inspector.off("message", listen);
      if (message.error === undefined) resolve(message.result);
      else reject(new Error(`${method}: ${message.error.message}`));
    };
    inspector.on("message", listen);
    inspector.send(JSON.stringify({ id, method, params }));
  });
  return within(answer, ANSWER_TIMEOUT_MS, method);
}
