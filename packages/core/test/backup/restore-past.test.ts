/** A backup restored as of an instant before it was taken. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { restorePast } from "../../src/backup/offline.ts";
import { restorePast as restoreHere } from "../../src/backup/restore-past.ts";
import type { Peer } from "../../src/peer-api.ts";
import { rootsEqual, startPeer, temporaryFolder, until } from "../peers.ts";
import { quiet } from "./backup-folder.ts";

async function write(peer: Peer, name: string, text: string): Promise<void> {
  await using note = await peer.open(name);
  note.doc.getText("body").insert(0, text);
  note.doc.getMap("meta").set("length", text.length);
  await note.saved();
}

/** An instant at which nothing arrives. */
async function instant(): Promise<number> {
  const now = Date.now();
  await until(() => Date.now() > now + 1);
  const then = Date.now();
  await until(() => Date.now() > then + 1);
  return then;
}

/** Everything a peer says of its set. */
async function tell(peer: Peer) {
  const documents = peer.documents({ deleted: true });
  const told = await Promise.all(
    documents.map(async ({ name, state, incarnation }) => {
      const { fingerprint, contentDigest, roots } = (await peer.show(name))!;
      return { name, state, incarnation, fingerprint, contentDigest, roots };
    }),
  );
  return { told, root: peer.status().root };
}

it("[HIS15] the folder is a sound peer with the set as it was; linked again it takes back what is newer", async () => {
  const live = await startPeer({ cluster: "live" });
  await write(live, "kept", "as it was");
  await write(live, "gone later", "still here");
  await write(live, "came back", "first life");
  await live.delete("came back");
  await write(live, "came back", "second life");
  await write(live, "gone before", "x");
  await live.delete("gone before");
  const then = await instant();
  const before = await tell(live);
  await write(live, "kept", "changed: ");
  await write(live, "new", "not then");
  await live.delete("gone later");
  await live.delete("came back");
  await write(live, "gone before", "back");
  const above = temporaryFolder();
  const file = join(above, "a.backup");
  await live.backup(file);

  const folder = join(above, "then");
  const { peerId, documents, clusterId } = await restorePast(file, folder, { at: then });
  expect(documents).toEqual({ alive: 3, deleted: 1, damaged: [] });
  expect([peerId === live.peerId, clusterId]).toEqual([false, live.status().clusterId]);
  const apart = await startPeer({ data: folder });
  expect(apart.peerId).toBe(peerId);
  const after = await tell(apart);
  expect(after.told).toEqual(before.told);
  expect(await apart.verify({ deep: true })).toMatchObject({ equal: true, local: { checked: 4, bad: [] } });
  await apart.close();

  const other = join(above, "other");
  const elsewhere = restoreHere(
    {
      kind: "restore-past",
      file,
      folder: other,
      timeMs: then,
      clusterId: "ab".repeat(16) as never,
      acceptDamage: false,
    },
    quiet(),
  );
  expect(elsewhere.clusterId).toBe("ab".repeat(16));
  const stranger = await startPeer({ data: other });
  const contents = ({ told }: Awaited<ReturnType<typeof tell>>) => told.map(({ contentDigest }) => contentDigest);
  expect(contents(await tell(stranger))).toEqual(contents(before));
  expect(await stranger.verify({ deep: true })).toMatchObject({ equal: true });

  const linked = await startPeer({ data: folder, peers: [live.url!] });
  await until(() => rootsEqual([live, linked]));
  expect((await tell(linked)).told).toEqual((await tell(live)).told);
});

it("[HIS15] an instant that the backup does not tell, or a folder that is taken, is refused and leaves nothing", async () => {
  const live = await startPeer({ historyMs: 1, limits: { sweepIntervalMs: 20 } });
  const early = await instant();
  await write(live, "note", "x");
  const late = await instant();
  await write(live, "note", "y");
  await until(() =>
    live
      .at(late)
      .open("note")
      .then(
        () => false,
        () => true,
      ),
  );
  const above = temporaryFolder();
  const file = join(above, "a.backup");
  const { takenMs } = await live.backup(file);
  const attempt = (timeMs: number, folder = join(above, "then")) =>
    restoreHere({ kind: "restore-past", file, folder, timeMs, clusterId: undefined, acceptDamage: false }, quiet());
  for (const timeMs of [early, late]) {
    expect(() => attempt(timeMs)).toThrow(expect.objectContaining({ code: "YARROW_HISTORY_GONE" }));
  }
  const refused = expect.objectContaining({ code: "YARROW_RESTORE_REFUSED" });
  expect(() => attempt(takenMs + 1)).toThrow(refused);
  expect(() => attempt(takenMs, above)).toThrow(refused);
  expect(readdirSync(above)).toEqual(["a.backup"]);
  expect(attempt(takenMs).documents.alive).toBe(1);
  expect(existsSync(join(above, "then", "yarrow.db"))).toBe(true);
  await expect(restorePast(file, join(above, "x"), { at: new Date("soon") })).rejects.toMatchObject({
    code: "YARROW_CONFIG_INVALID",
  });
});
