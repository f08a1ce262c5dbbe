/** The readers of a fan-out: a process of raw clients of one document that notes when each stamp arrived. */
import { answerQuestions } from "./crowd.ts";
import { clockMs, readStamps } from "./keystrokes.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import { quantile } from "./statistics.ts";

/** Latencies kept for the quantiles; what comes after only counts as delivered. */
const LATENCIES_MAX = 8_000_000;

export type ReadersQuestion =
  | { readonly kind: "open"; readonly url: string; readonly name: string; readonly readers: number }
  | { readonly kind: "reset" }
  | { readonly kind: "count" }
  | { readonly kind: "report" };

export interface ReadersAnswer {
  readonly deliveries: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

const clients: RawClient[] = [];
const latencies = new Float32Array(LATENCIES_MAX);
let kept = 0;
let deliveries = 0;

answerQuestions(async (question: ReadersQuestion): Promise<ReadersAnswer> => {
  if (question.kind === "open") await open(question.url, question.name, question.readers);
  if (question.kind === "reset") kept = deliveries = 0;
  if (question.kind !== "report") return { deliveries, p50Ms: Number.NaN, p99Ms: Number.NaN };
  const sorted = latencies.subarray(0, kept).sort();
  return { deliveries, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99) };
});

async function open(url: string, name: string, readers: number): Promise<void> {
  while (clients.length < readers) clients.push(await openRawClient(url, name, received));
}

function received(frame: Buffer): void {
  const nowMs = clockMs();
  deliveries += readStamps(frame, (stampMs) => {
    if (kept < LATENCIES_MAX) latencies[kept++] = nowMs - stampMs;
  });
}
