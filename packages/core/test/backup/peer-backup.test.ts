/** Backups of a peer that runs, and the peers that are made of them. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import type { BackupProgress } from "../../src/backup/report.ts";
import { restoreBackup } from "../../src/backup/offline.ts";
import { verifyBackup } from "../../src/backup/verify-backup.ts";
import { quiet } from "./backup-folder.ts";
import { rootsEqual, startPeer, temporaryFolder, until } from "../peers.ts";

it("[BAK11] a peer writes while it is backed up; the backup is verified, restored, and joins the cluster as a new peer", async () => {
  const peer = await startPeer({ cluster: "backup" });
  const note = await peer.open("notes/today");
  note.doc.getText("body").insert(0, "before");
  await note.saved();
  const cursor = peer.cursor();
  const target = temporaryFolder();
  const file = join(target, "a.backup");
  const stages = new Set<BackupProgress["stage"]>();
  const { root, documents } = peer.status();
  const writing = new AbortController();
  const writes = (async () => {
    for (let i = 0; !writing.signal.aborted; i++) {
      note.doc.getText("body").insert(0, `${i} `);
      await note.saved();
    }
  })();
  const taken = peer.backup(file, { onProgress: ({ stage }) => void stages.add(stage) });
  await until(() => peer.status().backup.running !== undefined);
  const later: BackupProgress["stage"][] = [];
  const second = peer.backup(join(target, "b.backup"), { onProgress: ({ stage }) => void later.push(stage) });
  const enough = new AbortController();
  const third = peer.backup(join(target, "c.backup"), { signal: enough.signal });
  enough.abort(new Error("enough"));
  await expect(third).rejects.toThrow("enough");
  const manifest = await taken;
  expect((await second).lastSequence).toBeGreaterThanOrEqual(manifest.lastSequence);
  expect([later[0], later.at(-1)]).toEqual(["wait", "rows"]);
  expect(readdirSync(target).sort()).toEqual(["a.backup", "b.backup"]);
  writing.abort();
  await writes;
  expect([...stages]).toEqual(["copy", "hash", "rows"]);
  expect(manifest).toMatchObject({ peerId: peer.peerId, documents, rows: { damaged: 0 } });
  expect(peer.status().backup).toMatchObject({
    running: undefined,
    last: { file: join(target, "b.backup") },
    failures: 0,
  });
  expect(verifyBackup({ kind: "verify", file }, quiet())).toEqual(manifest);
  await expect(peer.backup(file)).rejects.toMatchObject({ code: "YARROW_BACKUP_EXISTS" });
  expect(peer.status().backup).toMatchObject({ failures: 1, lastFailure: expect.stringContaining(file) });
  expect(root).toMatch(/^[0-9a-f]{32}$/);

  const data = join(target, "restored");
  const restored = await restoreBackup(file, data);
  const joined = await startPeer({ data, peers: [peer.url ?? ""] });
  expect(joined.peerId).toBe(restored.peerId);
  expect(joined.peerId).not.toBe(peer.peerId);
  await until(() => rootsEqual([peer, joined]));
  const changes = joined.changes({ since: cursor })[Symbol.asyncIterator]();
  await expect(changes.next()).rejects.toMatchObject({ code: "YARROW_CURSOR_LOST" });
});

it("[BAK12] a backup ends with its signal and with its peer, and leaves nothing behind", async () => {
  const peer = await startPeer();
  const target = temporaryFolder();
  const abort = new AbortController();
  const slow = { maxBytesPerSecond: 1, onProgress: () => abort.abort(new Error("enough")) };
  await expect(peer.backup(join(target, "a"), { ...slow, signal: abort.signal })).rejects.toThrow("enough");
  expect(peer.status().backup).toMatchObject({ running: undefined, failures: 0, lastFailure: undefined });
  let closed: Promise<void> | undefined;
  const onProgress = (): void => void (closed ??= peer.close());
  await expect(peer.backup(join(target, "b"), { maxBytesPerSecond: 1, onProgress })).rejects.toMatchObject({
    code: "YARROW_PEER_CLOSED",
  });
  await closed;
  await expect(peer.backup(join(target, "c"))).rejects.toMatchObject({ code: "YARROW_PEER_CLOSED" });
  expect(readdirSync(target)).toEqual([]);
});
