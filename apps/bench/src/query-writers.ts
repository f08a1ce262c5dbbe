/**
 * The writers of a query run, in a process of their own: first the documents that are asked of, then a steady rate of writes to
 * some of them, each timed until its echo.
 */
import * as Y from "yjs";
import { answerQuestions } from "./crowd.ts";
import { KeystrokeWriter, clockMs, readStamps } from "./keystrokes.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import { quantile, seededRandom } from "./statistics.ts";
import { pause, within } from "./waiting.ts";

export type QueryWritersQuestion =
  | { readonly kind: "create"; readonly url: string; readonly from: number; readonly to: number }
  | { readonly kind: "open"; readonly url: string; readonly documents: number; readonly perSecond: number }
  /** Tells of the echoes since the last time it was asked. */
  | { readonly kind: "count" }
  /** Of the probe: when each stamp that was echoed was sent, and when its echo came. */
  | { readonly kind: "probe" };

export interface QueryWritersAnswer {
  readonly sent: number;
  readonly echoed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly probe: readonly (readonly [stampMs: number, echoedMs: number])[];
}

export const PROBE = "query/probe";
const CLIENTS_AT_ONCE = 64;
const ECHO_TIMEOUT_MS = 60_000;
const TICK_MS = 10;
const PROBE_INTERVAL_MS = 100;
const BODY_WORDS = 60;
const STATUSES = ["open", "closed", "waiting", "blocked"] as const;
const WORDS = Array.from({ length: 5_000 }, (_, index) => `w${((index * 2_654_435_761) >>> 8).toString(36)}`);

/** A word that about one document in a hundred has. */
export const RARE_WORD = "bergamot";

let sent = 0;
let echoed = 0;
let latencies: number[] = [];
let probe: [number, number][] = [];

answerQuestions(async (question: QueryWritersQuestion): Promise<QueryWritersAnswer> => {
  if (question.kind === "create") await createDocuments(question.url, question.from, question.to);
  if (question.kind === "open") await openWriters(question.url, question.documents, question.perSecond);
  const sorted = latencies.sort((a, b) => a - b);
  const answer = { sent, echoed, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99), probe };
  if (question.kind === "count") latencies = [];
  if (question.kind === "probe") probe = [];
  return answer;
});

export function documentName(index: number): string {
  return `query/${String(index).padStart(6, "0")}`;
}

async function createDocuments(url: string, from: number, to: number): Promise<void> {
  let next = from;
  const work = async (): Promise<void> => {
    while (next < to) await createDocument(url, next++);
  };
  await Promise.all(Array.from({ length: CLIENTS_AT_ONCE }, work));
}

async function createDocument(url: string, index: number): Promise<void> {
  let finish: () => void = () => {};
  const finished = new Promise<void>((resolve) => (finish = resolve));
  const client = await openRawClient(url, documentName(index), () => finish());
  client.send([contentOf(index)]);
  await within(finished, ECHO_TIMEOUT_MS, `the echo of ${documentName(index)}`);
  await client.close();
}

/** A title, a state, a number, and a body of some sixty words. */
function contentOf(index: number): Uint8Array {
  const random = seededRandom(index);
  const doc = new Y.Doc();
  doc.transact(() => {
    doc.getText("title").insert(0, `Document ${index}`);
    const meta = doc.getMap("meta");
    meta.set("status", STATUSES[Math.floor(random() * STATUSES.length)]);
    meta.set("points", Math.floor(random() * 100));
    const words = Array.from({ length: BODY_WORDS }, () => WORDS[Math.floor(random() ** 2 * WORDS.length)]);
    if (index % 100 === 0) words.push(RARE_WORD);
    doc.getText("body").insert(0, words.join(" "));
  });
  const update = Y.encodeStateAsUpdate(doc);
  doc.destroy();
  return update;
}

/** Writes go round the documents, at an even pace: what a tick is late, the next one makes up for. */
async function openWriters(url: string, documents: number, perSecond: number): Promise<void> {
  const writers: (() => void)[] = [];
  for (let index = 0; index < documents; index++) {
    const write = await openWriter(url, documentName(index), (stampMs) => latencies.push(clockMs() - stampMs));
    writers.push(write);
  }
  const writeProbe = await openWriter(url, PROBE, (stampMs) => probe.push([stampMs, clockMs()]));
  setInterval(writeProbe, PROBE_INTERVAL_MS);
  const startedAt = performance.now();
  let due = 0;
  setInterval(() => {
    for (const until = ((performance.now() - startedAt) * perSecond) / 1_000; due < until; due++) {
      writers[due % writers.length]?.();
    }
  }, TICK_MS);
  await pause(0);
}

async function openWriter(url: string, name: string, found: (stampMs: number) => void): Promise<() => void> {
  const client: RawClient = await openRawClient(url, name, (frame) => (echoed += readStamps(frame, found)));
  const keystrokes = new KeystrokeWriter(client.clientId);
  client.socket.on("close", (code) => {
    throw new Error(`The server closed ${name} with ${code}.`);
  });
  return () => {
    sent++;
    client.send([keystrokes.next(clockMs())]);
  };
}
