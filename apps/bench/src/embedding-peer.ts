/**
 * A service that embeds a peer: takes the words of `yarrow serve`, and while its peer is a writer it writes to one document,
 * one edit after the other, each of which it waits for with `saved()`. Tells on stdout of every edit that was: `{"saved":TOKEN}`.
 * The one file of the workloads that imports a Yarrow package; it runs as a process of its own.
 */
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { createPeer } from "@yarrow/core";
import type { DocumentHandle, Peer } from "@yarrow/core";
import { pause } from "./waiting.ts";

const PACE_MS = 5;
/** How often a peer that takes no writes is asked whether it does now. */
const IDLE_MS = 50;

/** Where the program is. */
export const EMBEDDING_PEER = fileURLToPath(import.meta.url);

if (process.argv[1] === EMBEDDING_PEER) await run();

async function run(): Promise<void> {
  const { values } = parseArgs({
    allowPositionals: true,
    options: {
      data: { type: "string" },
      listen: { type: "string" },
      admin: { type: "string" },
      cluster: { type: "string" },
      peer: { type: "string", multiple: true },
      role: { type: "string" },
      copies: { type: "string" },
      document: { type: "string", default: "failover/embedded" },
    },
  });

  const peer = await createPeer({
    data: values.data ?? "",
    ...(values.listen === undefined ? {} : { listen: values.listen }),
    ...(values.admin === undefined ? {} : { admin: values.admin }),
    ...(values.cluster === undefined ? {} : { cluster: values.cluster }),
    ...(values.role === undefined ? {} : { role: values.role as "writer" | "follower" }),
    peers: values.peer ?? [],
    durability: { copies: Number(values.copies ?? 0) },
  });
  say({ event: "listening", url: peer.url, admin: peer.adminUrl, peerId: peer.peerId });
  const handle = await peer.open(values.document);
  for (let count = 0; ; count++) await write(peer, handle, `<${process.pid}.${count}>`);
}

/** One edit. An edit that is refused is forgotten, as its author is told. */
async function write(peer: Peer, document: DocumentHandle, token: string): Promise<void> {
  while (peer.status().role !== "writer") await pause(IDLE_MS);
  document.doc.getArray<string>("list").push([token]);
  try {
    await document.saved();
    say({ saved: token });
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  }
  await pause(PACE_MS);
}

/** A pipe is written to at once: a line that was said before a kill is read after it. */
function say(what: object): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}
