import path from "node:path";
import Database from "better-sqlite3";
import { expect, test } from "vitest";
import { append, bytes, plain, putDocument } from "../../../replica/test/store-samples.ts";
import { openSqliteStore } from "../../src/store/open-store.ts";
import { makeTemporaryFolder } from "./temporary-folder.ts";

/** A store with one document in incarnation 3, of which a change of the stored row was made behind its back. */
function openDamaged(change: string) {
  const folder = makeTemporaryFolder();
  const store = openSqliteStore({ folder, durability: "normal", now: () => 1 });
  store.transaction(() => {
    append(store, "a", 1, 10, "x");
    append(store, "a", 2, 20);
    append(store, "a", 3, 30, "y");
    append(store, "a", 3, 40, "z");
    store.writeSnapshot({
      document: 1,
      incarnation: 3,
      kind: "head",
      sequence: 3,
      stateVector: bytes(),
      update: bytes(1, 2, 3),
    });
    putDocument(store, "a", 3, {
      fingerprint: new Uint8Array(16).fill(5),
      fence: bytes(1),
      tailBytes: 99,
      headBytes: 99,
    });
  });
  const database = new Database(path.join(folder, "yarrow.db"));
  database.exec(`UPDATE document SET ${change}`);
  database.close();
  return store;
}

const CHANGES = [
  "incarnation = incarnation + 1048576",
  "fingerprint = x'0505050505050505050505050505050d'",
  "last_sequence = 12345",
  "last_arrival_ms = 0",
  "tail_bytes = 1",
  "head_bytes = 1",
  "quarantined = 1",
  "checksum = checksum + 1",
];

for (const change of CHANGES) {
  test(`[STO23] a document row is recovered after ${change}`, () => {
    const store = openDamaged(change);
    const recovered = {
      incarnation: 3,
      fence: "bytes 1",
      fingerprint: plain(new Uint8Array(16)),
      lastSequence: 4,
      lastArrivalMs: 40,
      tailBytes: 4,
      headBytes: 3,
      quarantined: true,
    };
    expect(plain(store.readDocument("a"))).toMatchObject(recovered);
    expect(plain(store.listDocumentsByKey("", 9))).toMatchObject([recovered]);
    const mended = store.transaction(() => putDocument(store, "a", 3, { quarantined: false, tailBytes: 7 }));
    expect(plain(store.readDocument("a"))).toEqual(plain(mended));
    expect(store.counts()).toMatchObject({ alive: 1, deleted: 0, quarantined: 0 });
    store.close();
  });
}
