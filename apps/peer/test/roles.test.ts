/** A primary and a follower as processes, and the commands that change which is which. */
import { join } from "node:path";
import { createPeer } from "@yarrow/core";
import type { Peer } from "@yarrow/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually, run, Workbench } from "./command.ts";
import type { Running } from "./command.ts";

const bench = new Workbench();
const data = join(bench.folder, "near");
let primary: Peer;
let near: Running;

beforeAll(async () => {
  primary = await createPeer({ data: join(bench.folder, "primary"), listen: "127.0.0.1:0" });
  // Before the two are linked, so that it comes by a repair.
  const handle = await primary.open("n");
  handle.doc.getText("body").insert(0, "x");
  await handle.saved();
  const words = ["serve", "--data", data, "--listen", "127.0.0.1:0", "--peer", primary.url ?? ""];
  near = await bench.start(words, { YARROW_ROLE: "follower" });
  await handle.saved({ copies: 1 });
  await handle.close();
  await eventually(
    () => json(["status"]),
    ({ links }) => links.some(({ equal }) => equal),
  );
}, 30_000);

afterAll(async () => {
  await primary?.close();
  await near?.end();
  await bench.clean();
});

/** What `--json` printed, as far as this test looks into it. */
interface Printed {
  readonly publicKey: string;
  readonly documents: object;
  readonly links: readonly { readonly equal: boolean }[];
}

async function json(words: readonly string[]): Promise<Printed> {
  return JSON.parse((await run([...words, "--data", data, "--json"])).stdout) as Printed;
}

test("[ROL18] status shows the role, and where one may write", async () => {
  const status = await json(["status"]);
  expect(status).toMatchObject({
    role: "follower",
    rememberedRole: null,
    writers: [{ peerId: primary.peerId, url: primary.url }],
    upstream: [],
    links: [{ role: "writer", feedsUs: true, takesOurs: false, theyHoldMore: 0, weHoldMore: 0 }],
    merged: [{ peerId: primary.peerId, documents: 1, sinceMs: null }],
  });
  const { stdout } = await run(["status", "--data", data]);
  expect(stdout).toMatch(/ready {2}follower\n/);
  expect(stdout).toContain(`writers      ${primary.url ?? ""}`);
  expect(stdout).toMatch(/ {2}writer {2}open {2}/);
  expect(stdout).toMatch(/merged \d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}1 document, \d+ B from /);
});

test("[ROL5, CLI31] deleting at a follower fails, and says where one may write", async () => {
  const { code, stderr } = await run(["delete", "n", "--data", data]);
  expect(code).toBe(1);
  expect(stderr).toContain("YARROW_FOLLOWER");
  expect(stderr).toContain(primary.url ?? "");
});

test("[ROL17, CLI31] promote and demote change a running peer, and nobody is disconnected", async () => {
  const socket = new WebSocket(`${near.announced["url"] ?? ""}/n`);
  await new Promise((resolve) => socket.addEventListener("open", resolve, { once: true }));

  const promoted = await run(["promote", "--data", data]);
  expect(promoted).toMatchObject({ code: 0, stderr: "" });
  expect(promoted.stdout).toContain("is now a writer: it takes writes, and its folder remembers it");
  expect(promoted.stdout).toContain(`1 other writer linked as well: ${primary.url ?? ""}`);
  expect(await json(["promote"])).toMatchObject({ role: "writer", before: "writer" });
  await primary.setRole("follower");
  await json(["delete", "n"]);
  const { documents } = await eventually(
    () => json(["status"]),
    ({ links }) => links.some(({ equal }) => equal),
  );
  expect(documents).toMatchObject({ alive: 0, deleted: 1 });
  expect((await run(["status", "--data", data])).stdout).toMatch(/ready {2}writer, by command\n/);

  const demoted = await run(["demote", "--data", data]);
  expect(demoted.code).toBe(0);
  expect(demoted.stdout).toContain("is now a follower: it takes no writes");
  expect(demoted.stdout).toContain("no writer is linked");
  expect(socket.readyState).toBe(WebSocket.OPEN);
  socket.close();
});

test("[CLI28] key prints the same key with and without a running peer, and makes one for a folder that is not there yet", async () => {
  const printed = async (folder: string): Promise<string> => (await run(["key", "--data", folder])).stdout.trim();
  expect(await printed(data)).toBe((await json(["status"])).publicKey);
  const fresh = await printed(join(bench.folder, "fresh"));
  expect(fresh).toMatch(/^ed25519:[\w-]{43}$/);
  expect(await printed(join(bench.folder, "fresh"))).toBe(fresh);
  expect(JSON.parse((await run(["key", "--data", data, "--json"])).stdout)).toEqual({ publicKey: await printed(data) });
});
