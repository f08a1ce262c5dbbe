/**
 * One primary, two followers and a follower of a follower, as processes: all that is written at the primary arrives everywhere, every
 * door of every follower is tried, and links that claim to be a follower's send changes all the same.
 */
import type * as Y from "yjs";
import { launchEmbedded } from "./embedded-follower.ts";
import { LIES, sendLie } from "./lying-link.ts";
import { PeerSet } from "./peer-set.ts";
import { type PeerProcess, rootsEqual } from "./processes.ts";
import { type Progress, silent } from "./progress.ts";
import type { Check, Result } from "./results.ts";
import { type StockClient, openStockClient, readThroughClient, synced } from "./stock-client.ts";
import { waitUntil } from "./waiting.ts";

const DOCUMENTS = 10;
/** Updates that the writer is ahead of the primary's echo at most. */
const AHEAD_MAX = 200;
const REFUSED = 4403;
/** The document of the primary's return. */
const LOG = "followers/log";

export interface FollowersOptions {
  readonly updates: number;
  readonly progress?: Progress;
}

/** What came of one attempt at one peer. */
interface Attempt {
  readonly door: string;
  readonly peer: string;
  /** Refused with the reason; or, of a reader, left in peace. */
  readonly good: boolean;
  readonly said: string;
}

export async function runFollowers({ updates, progress = silent }: FollowersOptions): Promise<Result> {
  // Each stock provider listens for the end of the process.
  process.setMaxListeners(100);
  await using set = await PeerSet.make("followers");
  const primary = await set.add("primary", { discovery: false });
  const follower = { role: "follower", discovery: false } as const;
  const near = await set.add("near", { ...follower, peers: [primary.url] });
  const other = await set.add("other", { ...follower, peers: [primary.url] });
  const far = await set.add("far", { ...follower, peers: [other.url] });
  const followers = { near, other, far };
  const peers = [primary, near, other, far];
  const startedAt = performance.now();
  await write(primary, updates, progress);
  const writeMs = performance.now() - startedAt;
  const root = await rootsEqual(peers);
  const equalMs = performance.now() - startedAt - writeMs;
  progress.say("every door of every follower");
  const attempts = (
    await Promise.all(Object.entries(followers).map(([name, peer]) => tryDoors(name, peer, set)))
  ).flat();
  progress.say("links that lie");
  const lies = await tryLies({ primary, ...followers });
  const checks = [
    { name: "all four are equal", good: root !== "", found: `${equalMs.toFixed(0)} ms after the last echo` },
    refusals("every write at a follower is refused with its reason, and readers stay", attempts),
    refusals("every change that a follower's link sends is refused with its reason", lies),
    ...(await checkUnchanged(peers, root)),
    ...(await checkReturn(primary, near, peers, progress)),
  ];
  progress.end();
  const arrival = [updates, writeMs / 1_000, (updates * 1_000) / writeMs, equalMs];
  const unrefused = [...attempts, ...lies].filter(({ good }) => !good);
  const exceptions = unrefused.map(({ door, peer, said }) => [door, peer, said]);
  return {
    workload: "followers",
    summary: `${updates} updates to a primary with two followers, one of which feeds a third; every door of each tried; the primary killed and brought back`,
    options: { updates },
    tables: [
      { title: "Arrival", head: ["updates", "seconds", "per second", "equal after, ms"], rows: [arrival] },
      {
        title: "Doors",
        head: ["door", "tried", "as promised", "what it says"],
        rows: doorRows([...attempts, ...lies]),
      },
      ...(exceptions.length === 0
        ? []
        : [{ title: "Not as promised", head: ["door", "peer", "said"], rows: exceptions }]),
    ],
    checks,
  };
}

async function tryDoors(name: string, peer: PeerProcess, set: PeerSet): Promise<Attempt[]> {
  const browsers = await tryBrowsers(name, peer);
  return [...browsers, ...(await tryCommand(name, peer)), ...(await tryEmbedding(name, peer, set))];
}

async function tryLies(peers: Readonly<Record<string, PeerProcess>>): Promise<Attempt[]> {
  const attempts: Attempt[] = [];
  for (const [name, peer] of Object.entries(peers)) {
    const { clusterId = "" } = await peer.status();
    for (const lie of LIES) {
      const said = await sendLie(peer.url, clusterId, lie);
      attempts.push({ door: `link: ${lie}`, peer: name, good: said.includes("YARROW_NOT_A_WRITER"), said });
    }
  }
  return attempts;
}

async function checkUnchanged(peers: readonly PeerProcess[], root: string): Promise<Check[]> {
  const after = await Promise.all(peers.map((peer) => peer.status()));
  const codes: (number | null)[] = [];
  for (const peer of peers) codes.push((await peer.run("verify", "--deep", "--json")).code);
  return [
    {
      name: "nothing has changed",
      good: after.every((status) => status.root === root && status.documents.alive === DOCUMENTS),
      found: `root ${root.slice(0, 12)} before, ${after.map((status) => status.root.slice(0, 12)).join(", ")} after`,
    },
    { name: "verify --deep agrees", good: codes.every((code) => code === 0), found: `exit codes ${codes.join(", ")}` },
  ];
}

/** The primary is cut off, written to and killed; a follower takes its place; it comes back with what it had not sent. */
async function checkReturn(
  primary: PeerProcess,
  near: PeerProcess,
  peers: readonly PeerProcess[],
  progress: Progress,
): Promise<Check[]> {
  progress.say("the primary is killed with a tail, and comes back");
  await primary.run("link", "pause");
  await append(primary, "tail ");
  await primary.kill();
  const promoted = await near.run("promote");
  await append(near, "new primary ");
  await primary.restart();
  await rootsEqual(peers);
  const { merged } = await near.status();
  const record = merged.findLast(({ peerId }) => peerId === primary.peerId);
  const demoted = await primary.run("demote");
  await append(near, "after ");
  await rootsEqual(peers);
  const texts = await Promise.all(peers.map((peer) => readLog(peer)));
  const [text = ""] = texts;
  return [
    {
      name: "promote and demote change running peers",
      good: promoted.code === 0 && demoted.code === 0,
      found: `exit codes ${promoted.code}, ${demoted.code}`,
    },
    {
      name: "the old primary's tail is merged, and nothing of the new one's is lost",
      good:
        ["tail ", "new primary ", "after "].every((words) => text.includes(words)) &&
        texts.every((one) => one === text),
      found: JSON.stringify(text),
    },
    {
      name: "the status says what was merged of it",
      good: record !== undefined && record.documents === 1 && record.sinceMs !== undefined,
      found: record === undefined ? "nothing" : `documents ${record.documents}, bytes ${record.bytes}`,
    },
  ];
}

/** Writes words at a peer and waits until they are committed there. */
async function append(peer: PeerProcess, words: string): Promise<void> {
  const client = openStockClient(peer.url, LOG);
  await synced(client);
  client.doc.getText("body").insert(0, words);
  await waitUntil(async () => (await readLog(peer)).includes(words), { describe: () => `"${words}" at ${peer.url}` });
  client.close();
}

async function readLog(peer: PeerProcess): Promise<string> {
  const copy = await readThroughClient(peer.url, LOG);
  const text = copy.getText("body").toString();
  copy.destroy();
  return text;
}

function refusals(name: string, attempts: readonly Attempt[]): Check {
  const good = attempts.filter((attempt) => attempt.good).length;
  return { name, good: good === attempts.length, found: `${good} of ${attempts.length}` };
}

function doorRows(attempts: readonly Attempt[]): [string, number, number, string][] {
  const doors = [...new Set(attempts.map(({ door }) => door))];
  return doors.map((door) => {
    const tried = attempts.filter((attempt) => attempt.door === door);
    return [door, tried.length, tried.filter(({ good }) => good).length, tried[0]?.said.slice(0, 90) ?? ""];
  });
}

function nameOf(at: number): string {
  return `followers/${at % DOCUMENTS}`;
}

async function write(primary: PeerProcess, updates: number, progress: Progress): Promise<void> {
  const clients = Array.from({ length: DOCUMENTS }, (_, at) => openStockClient(primary.url, nameOf(at)));
  await Promise.all(clients.map((client) => synced(client)));
  // A second client of each document sees what is committed; the echo to the writer itself changes nothing.
  const watchers = Array.from({ length: DOCUMENTS }, (_, at) => openStockClient(primary.url, nameOf(at)));
  await Promise.all(watchers.map((watcher) => synced(watcher)));
  const arrived = (): number => watchers.reduce((sum, { doc }) => sum + doc.getText("body").length, 0);
  for (let at = 0; at < updates; at++) {
    clients[at % DOCUMENTS]!.doc.getText("body").insert(0, "x");
    if (at % AHEAD_MAX !== AHEAD_MAX - 1) continue;
    progress.at(at, updates, `${at} of ${updates} updates`);
    await waitUntil(() => at - arrived() < AHEAD_MAX / 2);
  }
  await waitUntil(() => arrived() === updates, {
    describe: () => `${updates} updates at the primary; ${arrived()} came`,
  });
  for (const client of [...clients, ...watchers]) client.close();
}

async function tryBrowsers(peer: string, { url }: PeerProcess): Promise<Attempt[]> {
  const attempt = async (door: string, name: string, edit: (body: Y.Text) => void): Promise<Attempt> => {
    const client = openStockClient(url, name);
    await synced(client);
    const close = closeOf(client);
    edit(client.doc.getText("body"));
    const { code, reason } = await close;
    client.close();
    return { door, peer, good: code === REFUSED, said: `${code} ${reason}` };
  };
  const reader = openStockClient(url, nameOf(0));
  await synced(reader);
  let lost = false;
  reader.provider.on("connection-close", () => (lost = true));
  const attempts = await Promise.all([
    attempt("browser: insert", nameOf(0), (body) => body.insert(0, "mine")),
    attempt("browser: delete text", nameOf(1), (body) => body.delete(0, 1)),
    attempt("browser: new document", "followers/new", (body) => body.insert(0, "mine")),
  ]);
  const reading = { door: "browser: reading goes on", peer, good: !lost, said: lost ? "closed" : "stays" };
  reader.close();
  return [...attempts, reading];
}

/** The next close of a client's socket. */
function closeOf({ provider }: StockClient): Promise<{ readonly code: number; readonly reason: string }> {
  return new Promise((resolve) => {
    provider.on("connection-close", (event) => {
      if (event !== null) resolve({ code: event.code, reason: event.reason });
    });
  });
}

async function tryCommand(peer: string, target: PeerProcess): Promise<Attempt[]> {
  const { code, stderr } = await target.run("delete", nameOf(0));
  return [
    { door: "command: delete", peer, good: code === 1 && stderr.includes("YARROW_FOLLOWER"), said: stderr.trim() },
  ];
}

/** An embedded follower, fed by this one, in a process of its own. */
async function tryEmbedding(peer: string, { url }: PeerProcess, set: PeerSet): Promise<Attempt[]> {
  const found = await launchEmbedded(set.scratch.inside(`embedded-${peer}`), url, nameOf(0));
  return Object.entries(found).map(([door, said]) => ({
    door: `embedding: ${door}`,
    peer: `under ${peer}`,
    good: said.includes("YARROW_FOLLOWER"),
    said,
  }));
}
