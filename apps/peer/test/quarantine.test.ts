/** `quarantine`: what is damaged on the disk of a running peer, and trying it again. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createPeer } from "@yarrow/core";
import type { Peer } from "@yarrow/core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { run, Workbench } from "./command.ts";

const bench = new Workbench();
const data = join(bench.folder, "a");
let peer: Peer;

beforeAll(async () => {
  const before = await createPeer({ data });
  for (const name of ["spoiled", "sound"]) {
    await using handle = await before.open(name);
    handle.doc.getText("body").insert(0, `the words of ${name}`);
    await handle.saved();
  }
  await before.close();
  const file = join(data, "yarrow.db");
  const bytes = readFileSync(file);
  for (let at = bytes.indexOf("the words of spoiled"); at >= 0; at = bytes.indexOf("the words of spoiled", at)) {
    bytes[at]! ^= 1;
  }
  writeFileSync(file, bytes);
  peer = await createPeer({ data });
});

afterAll(async () => {
  await peer?.close();
  await bench.clean();
});

test("[CLI41] lists what is damaged, with since when and why; releases what survives; says what it cannot", async () => {
  const words = (...command: string[]): string[] => ["quarantine", ...command, "--data", data];
  expect((await run(words("list"))).stdout).toBe("no document is in quarantine\n");
  expect((await peer.verify()).local.bad).toHaveLength(1);
  const listed = JSON.parse((await run(words("list", "--json"))).stdout) as { readonly documents: unknown[] };
  expect(listed).toEqual({
    documents: [
      {
        name: "spoiled",
        reason: "damaged",
        since: expect.stringMatching(/^\d{4}-.*Z$/),
        detail: expect.stringMatching(/^log row \d+$/),
        healing: "waiting",
        retryAt: null,
      },
    ],
  });
  expect((await run(words("list"))).stdout).toMatch(/NAME +REASON.*\nspoiled +damaged .*waits for a link/);
  const released = { name: "spoiled", released: true, detail: "what survives is sound" };
  expect(JSON.parse((await run(words("release", "spoiled", "--json"))).stdout)).toEqual(released);
  expect(peer.status().documents.quarantined).toBe(0);
  const again = await run(words("release", "spoiled"));
  expect(again).toMatchObject({ code: 1, stdout: "" });
  expect(again.stderr).toMatch(/^yarrow: YARROW_DOCUMENT_NOT_FOUND "spoiled" is not in quarantine\n {2}hint: /);
});
