/**
 * Fills a data folder with many small documents, fast: through the production replica and store, but in one process, without
 * sockets, and with large transactions. The same words give the same documents. Runs as a process of its own:
 *
 *   node folder.js FOLDER CLUSTER DOCUMENTS
 *   node folder.js FOLDER renew
 *
 * Prints a line of JSON with what a document cost.
 */
import { fileURLToPath } from "node:url";
import * as encoding from "lib0/encoding";
import { ALONE, loadEngine } from "./engine.ts";

/** Where the program is. */
export const FOLDER_PROGRAM = fileURLToPath(import.meta.url);

const BATCH_DOCUMENTS = 4_096;
/** Every document is written by a client of its own. */
const FIRST_CLIENT = 10_000_000;
const NOTHING = Uint8Array.of(0);

/** Name of the document at a place in the list. */
export function documentAt(at: number): string {
  return `size/${String(at).padStart(8, "0")}`;
}

/** The client that wrote it. */
function clientAt(at: number): number {
  return FIRST_CLIENT + at;
}

if (process.argv[1] === FOLDER_PROGRAM) await fill();

async function fill(): Promise<void> {
  const [, , folder = "", cluster = "", documents = "0"] = process.argv;
  if (cluster === "renew") return renew(folder);
  const { openSqliteStore, clusterIdOf, Replica } = await loadEngine();
  const count = Number(documents);
  const store = openSqliteStore({ folder, durability: "normal", now: Date.now });
  const clusterId = clusterIdOf(cluster);
  store.transaction(() => store.writeClusterId(clusterId));
  const replica = new Replica({
    store,
    random: () => 0.5,
    ...ALONE,
    clusterId,
    now: Date.now(),
    config: { entryCacheBytesMax: 16 * 1024 * 1024, answerCacheBytesMax: 1024 },
  });
  const startedMs = performance.now();
  for (let from = 0; from < count; from += BATCH_DOCUMENTS) {
    const until = Math.min(count, from + BATCH_DOCUMENTS);
    const events: object[] = [];
    for (let at = from; at < until; at++) {
      const subscriber = at + 1;
      events.push({ type: "attach", subscriber, name: documentAt(at), stateVector: NOTHING });
      events.push({ type: "edit", subscriber, update: firstUpdate(at), principal: "" });
      events.push({ type: "detach", subscriber });
    }
    replica.step(events, Date.now());
    process.stderr.write(`${until}\n`);
  }
  store.checkpoint("truncate");
  store.close();
  process.stdout.write(`${JSON.stringify({ usEach: ((performance.now() - startedMs) * 1_000) / count })}\n`);
}

/** Makes a copied folder that of another peer. */
async function renew(folder: string): Promise<void> {
  const { openSqliteStore } = await loadEngine();
  const store = openSqliteStore({ folder, durability: "full", now: Date.now });
  const peerId = store.renewIdentity();
  store.close();
  process.stdout.write(`${JSON.stringify({ peerId })}\n`);
}

/** A line of text in the text `text`, as a Yjs update, encoding V1. */
function firstUpdate(at: number): Uint8Array {
  const encoder = encoding.createEncoder();
  for (const number of [1, 1, clientAt(at), 0]) encoding.writeVarUint(encoder, number);
  const contentString = 4;
  encoding.writeUint8(encoder, contentString);
  encoding.writeVarUint(encoder, 1);
  encoding.writeVarString(encoder, "text");
  encoding.writeVarString(encoder, `This is what document ${at} says at first.`);
  encoding.writeVarUint(encoder, 0);
  return encoding.toUint8Array(encoder);
}
