/** A peer that died with everything still in its write-ahead log, because somebody read the database all the while. */
import { copyFileSync, statSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { expect, it, vi } from "vitest";
import { IdleCheckpoint } from "../src/idle-checkpoint.ts";
import { HonestClients } from "./honest-clients.ts";
import { startPeer, temporaryFolder } from "./peers.ts";

const DOCUMENTS = 40;
const WAL_BYTES_MIN = 24 * 1024 * 1024;

const walBytes = (folder: string): number =>
  statSync(join(folder, "yarrow.db-wal"), { throwIfNoEntry: false })?.size ?? 0;

it("[STO26] a restart over a large write-ahead log has everything, and empties the log once it is idle", async () => {
  const data = temporaryFolder();
  const first = await startPeer({ data });
  // A reader of another program keeps the log from being taken over into the database.
  const reader = new Database(join(data, "yarrow.db"), { readonly: true });
  reader.exec("BEGIN");
  reader.prepare("SELECT count(*) FROM document").get();
  for (let index = 0; index < DOCUMENTS; index++) {
    await using handle = await first.open(`document ${index}`);
    handle.doc.getText("body").insert(0, String.fromCharCode(97 + (index % 26)).repeat(600_000));
    await handle.saved();
  }
  expect(walBytes(data)).toBeGreaterThan(WAL_BYTES_MIN);
  const { root } = first.status();
  // What a process that is killed at this moment leaves behind.
  const left = temporaryFolder();
  for (const file of ["yarrow.db", "yarrow.db-wal"]) copyFileSync(join(data, file), join(left, file));
  reader.close();
  await first.close();
  expect(walBytes(data)).toBe(0);

  const postpone = vi.spyOn(IdleCheckpoint.prototype, "postpone");
  const again = await startPeer({ data: left });
  expect(again.status()).toMatchObject({ state: "ready", root, documents: { alive: DOCUMENTS, quarantined: 0 } });
  expect((await again.show("document 27"))?.roots["body"]?.value).toBe("b".repeat(600_000));
  const honest = await HonestClients.connect(again, "document 0 and more");
  await honest.write();
  const idle = postpone.mock.contexts.at(-1) as IdleCheckpoint;
  postpone.mockRestore();
  idle.runNow();
  expect(walBytes(left)).toBe(0);
  await honest.write();
  await honest.check();
  expect((await again.verify({ deep: true })).local.bad).toEqual([]);
});
