/**
 * Three peers in a line replay a trace that several people typed at once, and a fourth comes late.
 *
 * Each agent's updates enter a stock provider on that agent's own peer: agent 0 on the first, the last agent on the last.
 * An update is handed to its provider only when the provider has everything the editor had, because a stock provider sends
 * on what its document learns from the user, and not what it can integrate only once the network has delivered the rest.
 */
import { randomInt } from "node:crypto";
import * as Y from "yjs";
import { PeerSet } from "./peer-set.ts";
import { type PeerProcess, type Program, rootsEqual } from "./processes.ts";
import { type Progress, silent } from "./progress.ts";
import type { Check, Result } from "./results.ts";
import { type StockClient, openStockClient, readThroughClient, synced } from "./stock-client.ts";
import { TRACE_ROOT, type Trace, type TracedUpdate, typeTrace } from "./trace-format.ts";
import { waitUntil, within } from "./waiting.ts";

const DOCUMENT = "trace";
const PEERS = ["A", "B", "C"] as const;
const LATE = "D";
/** Updates handed over in one go before others get their turn. */
const BURST_UPDATES = 64;

export interface TraceOptions {
  readonly trace: Trace;
  /** Random client ids: then the order of concurrent insertions is not the recorded one, but the same everywhere. */
  readonly randomIds?: boolean;
  readonly timeoutMs?: number;
  readonly progress?: Progress;
  /** In place of the daemon; for tests of this workload. */
  readonly program?: Program;
}

/** What one peer had at the end. */
interface PeerEnding {
  readonly peer: string;
  readonly shown: string;
  readonly read: string;
  readonly root: string;
  readonly contentDigest: string;
  readonly verifyCode: number | null;
  /** How much still waits for what it refers to. */
  readonly pending: number;
}

export async function runTrace(options: TraceOptions): Promise<Result> {
  const { trace, randomIds = false, timeoutMs = 300_000, progress = silent } = options;
  const clientIds = pickClientIds(trace.agents, randomIds);
  progress.say("typing the trace");
  const updates = typeTrace(trace, clientIds);
  await using set = await PeerSet.make("trace", options.program);
  const start = (name: string, upstream?: PeerProcess) =>
    set.add(name, { discovery: false, ...(upstream === undefined ? {} : { peers: [upstream.url] }) });
  const line: PeerProcess[] = [];
  for (const name of PEERS) line.push(await start(name, line.at(-1)));

  const startedAt = performance.now();
  await replay(line, trace.agents, updates, timeoutMs, progress);
  await rootsEqual(line, timeoutMs);
  const replayedMs = performance.now() - startedAt;

  progress.say("a late fourth peer");
  const lateAt = performance.now();
  line.push(await start(LATE, line[1]));
  await rootsEqual(line, timeoutMs);
  const lateMs = performance.now() - lateAt;
  const endings: PeerEnding[] = [];
  for (const [at, peer] of line.entries()) endings.push(await inspect(PEERS[at] ?? LATE, peer));
  progress.end();
  return summarise(options, updates.length, endings, { replayedMs, lateMs });
}

/** Ascending ids, so that agent 0 has the smallest; or in random order. */
function pickClientIds(agents: number, random: boolean): number[] {
  const ids = new Set<number>();
  while (ids.size < agents) ids.add(randomInt(1, 2 ** 31));
  return random ? [...ids] : [...ids].sort((a, b) => a - b);
}

async function replay(
  line: readonly PeerProcess[],
  agents: number,
  updates: readonly TracedUpdate[],
  timeoutMs: number,
  progress: Progress,
) {
  const clients: StockClient[] = [];
  try {
    for (let agent = 0; agent < agents; agent++) {
      const at = agents === 1 ? 0 : Math.round((agent * (line.length - 1)) / (agents - 1));
      clients.push(openStockClient(line[at]?.url ?? "", DOCUMENT));
    }
    await Promise.all(clients.map((client) => synced(client)));
    let done = 0;
    const fed = () => progress.at(++done, updates.length, `${done} of ${updates.length} transactions`);
    const feeds = clients.map((client, agent) =>
      feed(
        client,
        updates.filter((update) => update.agent === agent),
        fed,
      ),
    );
    await within(Promise.all(feeds), timeoutMs, "every transaction to be fed");
    const [first] = clients;
    await waitUntil(() => clients.every((client) => sameVector(client.doc, first?.doc) && countOf(client.doc) > 0), {
      timeoutMs,
      describe: () => `equal editors, now ${clients.map((client) => countOf(client.doc)).join(" and ")} clocks`,
    });
  } finally {
    for (const client of clients) client.close();
  }
}

/** Hands one agent's updates to its provider, each as soon as the provider's document has what the update comes after. */
async function feed(client: StockClient, updates: readonly TracedUpdate[], fed: () => void): Promise<void> {
  let burst = 0;
  for (const { update, needs } of updates) {
    if (!covers(client.doc, needs)) await untilCovered(client.doc, needs);
    Y.applyUpdate(client.doc, update, "editor");
    fed();
    if (++burst % BURST_UPDATES === 0) await new Promise(setImmediate);
  }
}

function untilCovered(doc: Y.Doc, needs: ReadonlyMap<number, number>): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!covers(doc, needs)) return;
      doc.off("afterAllTransactions", look);
      resolve();
    };
    doc.on("afterAllTransactions", look);
    look();
  });
}

function covers(doc: Y.Doc, needs: ReadonlyMap<number, number>): boolean {
  for (const [client, clock] of needs) if (Y.getState(doc.store, client) < clock) return false;
  return true;
}

function sameVector(a: Y.Doc, b: Y.Doc | undefined): boolean {
  return (
    b !== undefined &&
    covers(a, Y.decodeStateVector(Y.encodeStateVector(b))) &&
    covers(b, Y.decodeStateVector(Y.encodeStateVector(a)))
  );
}

function countOf(doc: Y.Doc): number {
  return [...Y.decodeStateVector(Y.encodeStateVector(doc)).values()].reduce((sum, clock) => sum + clock, 0);
}

async function inspect(name: string, peer: PeerProcess): Promise<PeerEnding> {
  const show = await peer.run("show", DOCUMENT, "--json", "--root", TRACE_ROOT, "--as", "text");
  if (show.code !== 0) throw new Error(`yarrow show on ${name} ended with ${show.code}: ${show.stderr}`);
  const detail = JSON.parse(show.stdout) as { contentDigest: string; roots: Record<string, { value: string }> };
  const copy = await readThroughClient(peer.url, DOCUMENT);
  const read = copy.getText(TRACE_ROOT).toString();
  copy.destroy();
  const { root, documents } = await peer.status();
  const verify = await peer.run("verify", "--deep", "--json");
  const shown = detail.roots[TRACE_ROOT]?.value ?? "";
  return {
    peer: name,
    shown,
    read,
    root,
    contentDigest: detail.contentDigest,
    verifyCode: verify.code,
    pending: documents.pending,
  };
}

/** What must hold of every peer, and what to say of one of which it does not. */
type Statement = readonly [
  name: string,
  holds: (ending: PeerEnding) => boolean,
  found: (ending: PeerEnding) => string | number,
];

function judge({ trace, randomIds = false }: TraceOptions, endings: readonly PeerEnding[]): Check[] {
  const [first] = endings;
  const statements: Statement[] = [
    ["roots are equal", (e) => e.root === first?.root, (e) => e.root],
    ["content digests are equal", (e) => e.contentDigest === first?.contentDigest, (e) => e.contentDigest],
    ["a fresh client reads what the peer shows", (e) => e.read === e.shown, (e) => `${e.read.length} characters`],
    ["every peer has the same text", (e) => e.shown === first?.shown, (e) => `${e.shown.length} characters`],
    ["nothing is pending", (e) => e.pending === 0, (e) => `${e.pending} waiting`],
    ["verify --deep agrees", (e) => e.verifyCode === 0, (e) => `exit code ${e.verifyCode}`],
  ];
  const recorded: Statement = [
    "the text is the recorded end",
    (e) => e.shown === trace.endContent,
    (e) => `${e.shown.length} of ${trace.endContent.length} characters`,
  ];
  if (!randomIds) statements.push(recorded);
  return statements.map(([name, holds, found]) => {
    const wrong = endings.filter((ending) => !holds(ending)).map((ending) => `${ending.peer}: ${found(ending)}`);
    return {
      name,
      good: wrong.length === 0,
      found: wrong.length === 0 ? `all ${endings.length} peers` : wrong.join("; "),
    };
  });
}

function summarise(
  options: TraceOptions,
  transactions: number,
  endings: readonly PeerEnding[],
  ms: { readonly replayedMs: number; readonly lateMs: number },
): Result {
  const { trace, randomIds = false } = options;
  const rows = endings.map((e) => [
    e.peer,
    e.shown.length,
    e.root.slice(0, 16),
    e.contentDigest.slice(0, 16),
    e.verifyCode ?? undefined,
    e.shown === trace.endContent ? "yes" : "no",
  ]);
  return {
    workload: "trace",
    summary:
      `${transactions} transactions of ${trace.agents} agents through peers ${PEERS.join("–")} in a line ` +
      `in ${(ms.replayedMs / 1_000).toFixed(1)} s; late peer ${LATE} equal ${Math.round(ms.lateMs)} ms after it was started`,
    options: { transactions, agents: trace.agents, randomIds },
    tables: [
      { title: "Endings", head: ["peer", "characters", "root", "content digest", "verify", "recorded end"], rows },
    ],
    checks: judge(options, endings),
  };
}
