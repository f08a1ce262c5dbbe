/**
 * The writers of a query run, in a process of their own: first the documents that are asked of, then a steady rate of writes to
 * some of them, each timed until its echo.
 */
import { createPeer } from "@yarrow/core";
import type { Doc } from "yjs";
import { answerQuestions } from "./crowd.ts";
import { KeystrokeWriter, clockMs, readStamps } from "./keystrokes.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import { quantile, seededRandom } from "./statistics.ts";
import { pause } from "./waiting.ts";

export type QueryWritersQuestion =
  | { readonly kind: "create"; readonly data: string; readonly from: number; readonly to: number }
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

const PROBE = "query/probe";
/** As `PeerSet.make` names it. */
const CLUSTER = "query";
const OPEN_AT_ONCE = 250;
const TICK_MS = 10;
const PROBE_INTERVAL_MS = 100;
const BODY_WORDS = 60;
const STATUSES = ["open", "closed", "waiting", "blocked"] as const;
const WORDS = Array.from({ length: 5_000 }, (_, index) => `w${((index * 2_654_435_761) >>> 8).toString(36)}`);

/** A word that about one document in a hundred has. */
const RARE_WORD = "bergamot";

let sent = 0;
let echoed = 0;
let latencies: number[] = [];
let probe: [number, number][] = [];

answerQuestions(async (question: QueryWritersQuestion): Promise<QueryWritersAnswer> => {
  if (question.kind === "create") await createDocuments(question.data, question.from, question.to);
  if (question.kind === "open") await openWriters(question.url, question.documents, question.perSecond);
  const sorted = latencies.sort((a, b) => a - b);
  const answer = { sent, echoed, p50Ms: quantile(sorted, 0.5), p99Ms: quantile(sorted, 0.99), probe };
  if (question.kind === "count") latencies = [];
  if (question.kind === "probe") probe = [];
  return answer;
});

function documentName(index: number): string {
  return `query/${String(index).padStart(6, "0")}`;
}

/** Straight into a data folder on which nobody runs: through sockets it would take many times as long. */
async function createDocuments(data: string, from: number, to: number): Promise<void> {
  await using peer = await createPeer({ data, cluster: CLUSTER, durability: "normal" });
  for (let first = from; first < to; first += OPEN_AT_ONCE) {
    const indexes = Array.from({ length: Math.min(OPEN_AT_ONCE, to - first) }, (_, at) => first + at);
    await Promise.all(
      indexes.map(async (index) => {
        await using handle = await peer.open(documentName(index));
        writeContent(handle.doc, index);
        await handle.saved();
      }),
    );
  }
}

/** A title, a state, a number, and a body of some sixty words. */
function writeContent(doc: Doc, index: number): void {
  const random = seededRandom(index);
  doc.transact(() => {
    doc.getText("title").insert(0, `Document ${index}`);
    const meta = doc.getMap("meta");
    meta.set("status", STATUSES[Math.floor(random() * STATUSES.length)]);
    meta.set("points", Math.floor(random() * 100));
    const words = Array.from({ length: BODY_WORDS }, () => WORDS[Math.floor(random() ** 2 * WORDS.length)]);
    if (index % 100 === 0) words.push(RARE_WORD);
    doc.getText("body").insert(0, words.join(" "));
  });
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
