/** What a disk can do to a peer: too new, taken, full, or with bits that are not what was written. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import { createPeer } from "../src/create-peer.ts";
import type { Peer } from "../src/peer-api.ts";
import { HonestClients } from "./honest-clients.ts";
import { startOnStore } from "./peer-on-store.ts";
import { rootsEqual, startPeer, temporaryFolder, until } from "./peers.ts";
import { connectSynced } from "./stock-client.ts";
import { flipBit } from "./store/flip-bits.ts";

async function write(peer: Peer, name: string, text: string): Promise<void> {
  await using handle = await peer.open(name);
  const body = handle.doc.getText("body");
  body.insert(body.length, text);
  await handle.saved();
}

async function textOf(peer: Peer, name: string): Promise<unknown> {
  return (await peer.show(name))?.roots["body"]?.value;
}

/** More than the room that is left, and less than what a socket reads at once. */
const LARGE = "x".repeat(60_000);

describe("a data folder", () => {
  it("[BAD8] of a newer schema is refused and left as it was, and the peer beside it goes on", async () => {
    const data = temporaryFolder();
    const first = await startPeer({ data });
    await write(first, "n", "kept");
    await first.close();
    const file = join(data, "yarrow.db");
    const database = new Database(file);
    const version = Number(database.prepare("SELECT value FROM meta WHERE key = 'schema_version'").pluck().get());
    const setVersion = database.prepare("UPDATE meta SET value = ? WHERE key = 'schema_version'");
    setVersion.run(String(version + 1));
    database.pragma("wal_checkpoint(truncate)");
    const before = readFileSync(file);
    const beside = await startPeer();
    const honest = await HonestClients.connect(beside, "n");
    await honest.during(() =>
      expect(createPeer({ data })).rejects.toMatchObject({
        code: "YARROW_STORE_NEWER",
        message: expect.stringContaining(data),
      }),
    );
    expect(readFileSync(file).equals(before)).toBe(true);
    setVersion.run(String(version));
    database.close();
    expect(await textOf(await startPeer({ data }), "n")).toBe("kept");
  });

  it("[BAD8] that another process has open is refused, and the other process goes on", async () => {
    const data = temporaryFolder();
    const child = spawn(process.execPath, [join(import.meta.dirname, "listening-child.ts"), data], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, NODE_OPTIONS: "--conditions=yarrow-src" },
    });
    const ended = once(child, "exit");
    try {
      const [url] = (await once(createInterface(child.stdout), "line")) as [string];
      const near = await connectSynced(url, "n");
      const far = await connectSynced(url, "n");
      near.text.insert(0, "before ");
      await expect(createPeer({ data })).rejects.toMatchObject({
        code: "YARROW_STORE_LOCKED",
        message: expect.stringContaining(data),
      });
      near.text.insert(7, "after");
      await until(() => far.text.toString() === "before after");
      expect([...near.closes, ...far.closes]).toEqual([]);
    } finally {
      child.kill("SIGKILL");
      await ended;
    }
    expect(await textOf(await startPeer({ data }), "n")).toBe("before after");
  });
});

describe("a full disk", () => {
  it("[BAD9] in the middle of a batch refuses the document that is too large for it, and takes the others", async () => {
    const { peer, store } = await startOnStore(temporaryFolder());
    const url = peer.url ?? "";
    const honest = await HonestClients.connect(peer, "large");
    const small = await Promise.all([1, 2, 3].map((index) => connectSynced(url, `small ${index}`)));
    const large = await connectSynced(url, "large");
    await honest.write();
    for (const { text } of small) text.insert(0, "before");
    await until(() => peer.documents().length === 5);
    // Room for some small rows, not for the large one.
    store.limitPages(pagesOf(store.folder) + 6);

    // One turn of the event loop sends them all, so that they meet in one batch.
    const refused = new Set<string>();
    const documentsAtOnce: number[] = [];
    peer.on("fact", (fact) => {
      if (fact.kind === "commit-failed") refused.add(fact.name);
      if (fact.kind === "committed") documentsAtOnce.push(fact.documents);
    });
    large.text.insert(0, LARGE);
    small.forEach(({ text }, index) => text.insert(6, ` full ${index}`));
    await until(() => large.closes.length > 0);
    expect(large.closes[0]).toBe(1013);
    await until(async () => (await textOf(peer, "small 3")) === "before full 2");
    for (const [index, { closes }] of small.entries()) {
      expect(closes).toEqual([]);
      expect(await textOf(peer, `small ${index + 1}`)).toBe(`before full ${index}`);
    }
    expect([...refused]).toEqual(["large"]);
    expect(documentsAtOnce).toContain(3);
    expect(peer.status().state).toBe("read-only");

    // Reads go on, of a client that comes now too.
    const reader = await connectSynced(url, "large");
    await honest.check();
    expect(reader.text.toString()).toBe(await textOf(peer, "large"));

    store.limitPages(0);
    await until(async () => String(await textOf(peer, "large")).includes(LARGE), 20_000);
    await until(() => reader.text.length > LARGE.length);
    await until(() => peer.status().state === "ready");
    await honest.write();
    await honest.check();
    expect(peer.status().documents.quarantined).toBe(0);
  });
});

/** Pages in use. Those that were freed make room too. */
function pagesOf(folder: string): number {
  const database = new Database(join(folder, "yarrow.db"), { readonly: true });
  const [present, free] = ["page_count", "freelist_count"].map((name) =>
    Number(database.pragma(name, { simple: true })),
  );
  database.close();
  return (present ?? 0) - (free ?? 0);
}

type Change = (folder: string) => number;

const WORDS = 20;
const WHOLE = Array.from({ length: WORDS }, (_, index) => `word ${index} ${"-".repeat(60)} `);

function update(sql: string): Change {
  return (folder) => {
    const database = new Database(join(folder, "yarrow.db"));
    const { changes } = database.prepare(sql).run();
    database.close();
    return changes;
  };
}

const DOCUMENT = "document = (SELECT id FROM document WHERE name = 'n')";

/** Where a bit is flipped, and whether a peer that is alone still has everything. */
const PLACES: readonly (readonly [string, "whole" | "partly", Change])[] = [
  [
    "a log row",
    "partly",
    (folder) =>
      flipBit(
        folder,
        "update_log",
        "segments",
        `sequence = (SELECT max(sequence) - 3 FROM update_log WHERE ${DOCUMENT})`,
      ),
  ],
  ["the head snapshot", "whole", (folder) => flipBit(folder, "snapshot", "content", `${DOCUMENT} AND kind = 'head'`)],
  ["the checkpoint", "whole", (folder) => flipBit(folder, "checkpoint", "lattice", DOCUMENT)],
  ["the leaves of the set tree", "whole", (folder) => flipBit(folder, "bucket", "items", "1")],
  ["the fingerprint of the document", "whole", (folder) => flipBit(folder, "document", "fingerprint", "name = 'n'")],
  [
    "the incarnation of the document",
    "whole",
    update("UPDATE document SET incarnation = incarnation + 1048576 WHERE name = 'n'"),
  ],
  ["the last sequence of the document", "whole", update("UPDATE document SET last_sequence = 12345 WHERE name = 'n'")],
];

const LIMITS = { checkpointBytes: 200, digestSettleMs: 100, digestIntervalMs: 500, roundBackoffMinMs: 50 };

/** Writes the document "n" word by word, with a head snapshot in the middle, and another document beside it. */
async function writeWords(peer: Peer): Promise<void> {
  for (const [index, word] of WHOLE.entries()) {
    if (index === WORDS / 2) await peer.compact();
    await write(peer, "n", word);
  }
  await write(peer, "untouched", "as it was");
}

describe("a flipped bit", () => {
  it.each(PLACES)(
    "[BAD10] in %s of a peer that is alone: what survives is served and written on",
    async (_, left, flip) => {
      const data = temporaryFolder();
      const first = await startPeer({ data, limits: LIMITS });
      await writeWords(first);
      await first.close();
      expect(flip(data)).toBeGreaterThan(0);

      const peer = await startPeer({ data, limits: LIMITS });
      const honest = await HonestClients.connect(peer);
      await honest.during(async () => {
        const reader = await connectSynced(peer.url ?? "", "n");
        await until(() => reader.text.length > 0);
        const text = String(await textOf(peer, "n"));
        expect(text.includes(WHOLE.join(""))).toBe(left === "whole");
        expect(text.startsWith(WHOLE.slice(0, WORDS / 2).join(""))).toBe(true);
        await write(peer, "n", "and on");
        await until(() => reader.text.toString().endsWith("and on"));
        expect(await textOf(peer, "untouched")).toBe("as it was");
      });
      const { bad } = (await peer.verify({ deep: true })).local;
      expect(bad).toEqual(peer.status().documents.quarantined === 1 ? [expect.stringContaining("n")] : []);
    },
  );

  it.each(PLACES)("[BAD10] in %s is healed by another peer, and nothing is lost", async (_what, _left, flip) => {
    const data = temporaryFolder();
    const keeper = await startPeer({ cluster: "test", limits: LIMITS });
    const options = { data, cluster: "test", peers: [keeper.url ?? ""], limits: LIMITS };
    const first = await startPeer(options);
    await writeWords(first);
    await until(() => rootsEqual([first, keeper]));
    await first.close();
    expect(flip(data)).toBeGreaterThan(0);

    const peer = await startPeer(options);
    const honest = await HonestClients.connect(peer);
    await honest.during(async () => {
      const reader = await connectSynced(peer.url ?? "", "n");
      await until(async () => (await textOf(peer, "n")) === WHOLE.join(""));
      await until(() => reader.text.toString() === WHOLE.join(""));
    });
    await until(() => rootsEqual([peer, keeper]) && peer.status().documents.quarantined === 0);
    const report = await peer.verify({ deep: true });
    expect(report).toMatchObject({ equal: true, local: { bad: [] }, peers: [{ result: "equal" }] });
    expect(peer.status().documents).toMatchObject({ pending: 0, quarantined: 0 });
    await write(peer, "n", "and on");
    await until(async () => (await textOf(keeper, "n")) === `${WHOLE.join("")}and on`);
  });
});
