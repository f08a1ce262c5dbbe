/**
 * Copies of data folders: one started as a second peer beside the first, and one put back in place of a newer folder. Neither may
 * diverge, and a peer put back takes from the others what it had already sent.
 */
import { cp, lstat, rename } from "node:fs/promises";
import { PeerSet } from "./peer-set.ts";
import { type PeerProcess, type Program, rootsEqual } from "./processes.ts";
import { type Progress, silent } from "./progress.ts";
import type { Check, Result } from "./results.ts";
import { openStockClient, readThroughClient, synced } from "./stock-client.ts";
import { waitUntil } from "./waiting.ts";

const DOCUMENTS = 20;

export interface FoldersOptions {
  readonly progress?: Progress;
  /** In place of the daemon; for tests of this workload. */
  readonly program?: Program;
}

export async function runFolders(options: FoldersOptions = {}): Promise<Result> {
  const { progress = silent } = options;
  progress.say("a folder copied and started beside the first");
  const copied = await copyBesideFirst(options.program);
  progress.say("a folder put back");
  const restored = await putBack(options.program);
  progress.end();
  const rows = [...copied, ...restored].map((check) => [check.name, check.good ? "yes" : "no", check.found]);
  return {
    workload: "folders",
    summary: "a stopped peer's folder copied and started beside it; a peer put back to an old copy of its folder",
    options: { documents: DOCUMENTS },
    tables: [{ title: "Folders", head: ["statement", "holds", "found"], rows }],
    checks: [...copied, ...restored],
  };
}

async function copyBesideFirst(program?: Program): Promise<Check[]> {
  await using set = await PeerSet.make("folders-copied", program);
  const journal = new Journal();
  const first = await set.add("first");
  await journal.write(first, "before the copy");
  await first.stop();
  await copyFolder(set.scratch.inside("first"), set.scratch.inside("copy"));
  await first.restart();
  const copy = await set.add("copy", { peers: [first.url] });
  // Both carry one peer id and write the same documents at the same time.
  await Promise.all([journal.write(first, "by the first"), journal.write(copy, "by the copy")]);
  const third = await set.add("third", { peers: [first.url] });
  await journal.write(third, "by a third");
  return [
    { name: "the copy has the peer id of the first", good: copy.peerId === first.peerId, found: copy.peerId },
    ...(await examine("copied", [first, copy, third], journal)),
  ];
}

async function putBack(program?: Program): Promise<Check[]> {
  await using set = await PeerSet.make("folders-restored", program);
  const journal = new Journal();
  const stays = await set.add("stays");
  const goes = await set.add("goes", { peers: [stays.url] });
  await journal.write(goes, "before the backup");
  await rootsEqual([stays, goes]);
  await goes.stop();
  await copyFolder(set.scratch.inside("goes"), set.scratch.inside("backup"));
  await goes.restart();
  await journal.write(goes, "after the backup, sent on");
  await journal.write(stays, "after the backup, elsewhere");
  const before = await rootsEqual([stays, goes]);
  await goes.kill();
  await rename(set.scratch.inside("goes"), set.scratch.inside("lost"));
  await rename(set.scratch.inside("backup"), set.scratch.inside("goes"));
  await goes.restart();
  const after = await rootsEqual([stays, goes]);
  const same = { name: "restored: the root is the one from before the loss", good: after === before, found: after };
  // The peer that was put back writes again: nothing it makes may collide with what it had made and forgotten.
  await journal.write(goes, "after the restore");
  return [same, ...(await examine("restored", [stays, goes], journal))];
}

/** What was written and acknowledged, by document. */
class Journal {
  readonly linesByDocument = new Map<string, string[]>();

  /** A stock client writes one line into each document through `peer`, and stays until the peer has them. */
  async write(peer: PeerProcess, line: string): Promise<void> {
    for (let at = 0; at < DOCUMENTS; at++) {
      const name = `folder/${at}`;
      const client = openStockClient(peer.url, name);
      await synced(client);
      client.doc.getArray("lines").push([`${line} ${at}`]);
      const clock = client.doc.clientID;
      await waitUntil(async () => {
        const copy = await readThroughClient(peer.url, name);
        const arrived = copy.store.clients.has(clock);
        copy.destroy();
        return arrived;
      });
      client.close();
      this.linesByDocument.set(name, [...(this.linesByDocument.get(name) ?? []), `${line} ${at}`]);
    }
  }
}

async function examine(title: string, peers: readonly PeerProcess[], journal: Journal): Promise<Check[]> {
  const root = await rootsEqual(peers);
  let missing = 0;
  let different = 0;
  for (const [name, lines] of journal.linesByDocument) {
    const contents: string[][] = [];
    for (const peer of peers) {
      const copy = await readThroughClient(peer.url, name);
      contents.push(copy.getArray<string>("lines").toArray());
      copy.destroy();
    }
    missing += contents.reduce((sum, content) => sum + lines.filter((line) => !content.includes(line)).length, 0);
    different += contents.some((content) => JSON.stringify(content) !== JSON.stringify(contents[0])) ? 1 : 0;
  }
  const codes: (number | null)[] = [];
  for (const peer of peers) codes.push((await peer.run("verify", "--deep", "--json")).code);
  return [
    { name: `${title}: roots are equal`, good: root !== "", found: root },
    { name: `${title}: no line is missing on any peer`, good: missing === 0, found: `${missing} missing` },
    { name: `${title}: every document reads the same everywhere`, good: different === 0, found: `${different} differ` },
    {
      name: `${title}: verify --deep agrees`,
      good: codes.every((code) => code === 0),
      found: `exit codes ${codes.join(", ")}`,
    },
  ];
}

/** Files and folders only: a socket of a process that was killed is no part of a backup. */
async function copyFolder(from: string, to: string): Promise<void> {
  await cp(from, to, {
    recursive: true,
    filter: async (path) => {
      const found = await lstat(path);
      return found.isFile() || found.isDirectory();
    },
  });
}
