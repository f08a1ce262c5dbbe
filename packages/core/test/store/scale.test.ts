import { expect, test } from "vitest";
import type { NodePath } from "@yarrow/protocol";
import { append, bytes, keyOf } from "../../../replica/test/store-samples.ts";
import { openSqliteStore } from "../../src/store/open-store.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

const DOCUMENTS = 10_000;
const LEAVES = 1_000;
const ITEM_BYTES = 24;

function timed<T>(body: () => T): { readonly result: T; readonly ms: string } {
  const start = performance.now();
  const result = body();
  return { result, ms: `${(performance.now() - start).toFixed(1)} ms` };
}

test("[STO12] ten thousand documents open, list and count", async ({ annotate }) => {
  const folder = makeTemporaryFolder();
  const open = () => openSqliteStore({ folder, durability: "full", now: () => 1 });
  const filling = open();
  const written = timed(() =>
    filling.transaction(() => {
      for (let i = 0; i < DOCUMENTS; i++) append(filling, `notes/document ${i}`, 1, 1, "a few words");
      for (let i = 0; i < LEAVES; i++) {
        const path: NodePath = i.toString(16).padStart(3, "0");
        filling.writeBucket({ path, items: new Uint8Array((DOCUMENTS / LEAVES) * ITEM_BYTES) });
      }
    }),
  );
  filling.close();
  const opened = timed(open);
  const store = opened.result;
  const leaves = timed(() => store.listBuckets(undefined, LEAVES * 2));
  const page = timed(() =>
    store.listDocuments({ limit: 100, include: "alive", prefix: "notes/", after: "notes/document 7" }),
  );
  const dead = timed(() => store.listDocuments({ limit: 100, include: "deleted" }));
  const all = timed(() => store.listDocumentsByKey("", DOCUMENTS));
  const counts = timed(() => store.counts());
  expect(leaves.result).toHaveLength(LEAVES);
  expect(page.result.at(-1)?.name).toBe("notes/document 7089");
  expect(dead.result).toEqual([]);
  expect(all.result).toHaveLength(DOCUMENTS);
  expect(counts.result).toMatchObject({ alive: DOCUMENTS, logRows: DOCUMENTS });
  expect(store.readDocumentByKey(keyOf("notes/document 42"))?.fence).toEqual(bytes());
  store.close();
  await annotate(
    `${DOCUMENTS} documents: written in ${written.ms}, opened in ${opened.ms}, ${LEAVES} leaves in ${leaves.ms}, ` +
      `a page in ${page.ms}, no deleted ones in ${dead.ms}, all by key in ${all.ms}, counts in ${counts.ms}`,
  );
});
