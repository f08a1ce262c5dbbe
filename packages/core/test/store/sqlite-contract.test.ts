import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import Database from "better-sqlite3";
import type { StoreDamage, StoreFixture } from "../../../replica/test/store-contract.ts";
import { storeContract } from "../../../replica/test/store-contract.ts";
import { openSqliteStore } from "../../src/store/open-store.ts";

for (const durability of ["full", "normal"] as const) {
  storeContract(`SqliteStore, durability ${durability}`, () => openFixture(durability));
}

function openFixture(durability: "full" | "normal"): StoreFixture {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "yarrow-store-"));
  const open = () => openSqliteStore({ folder, durability, now: () => 1_000 });
  let store = open();
  return {
    get store() {
      return store;
    },
    damage: damageIn(folder),
    reopen: () => {
      store.close();
      store = open();
      return store;
    },
    // SQLite takes a limit below the present size for the present size.
    limitRoom: (limited) => store.limitPages(limited ? 1 : 0),
    close: () => {
      store.close();
      fs.rmSync(folder, { recursive: true });
    },
  };
}

/** Flips the lowest bit of the first byte of a stored blob, past the store. */
function damageIn(folder: string): StoreDamage {
  function flip(table: string, column: string, where: string, ...values: (string | number)[]): void {
    const database = new Database(path.join(folder, "yarrow.db"));
    try {
      const statement = database
        .prepare<unknown[], [Buffer]>(`SELECT ${column} FROM ${table} WHERE ${where}`)
        .raw(true);
      for (const [bytes] of statement.all(...values)) {
        const flipped = Buffer.from(bytes);
        flipped[0] = (flipped[0] ?? 0) ^ 1;
        database.prepare(`UPDATE ${table} SET ${column} = ? WHERE ${where}`).run(flipped, ...values);
      }
    } finally {
      database.close();
    }
  }
  return {
    fence: (document) => flip("fence", "ids", "document = ?", document),
    checkpoint: (document) => flip("checkpoint", "lattice", "document = ?", document),
    log: (sequence) => flip("update_log", "segments", "sequence = ?", sequence),
    snapshot: (document, incarnation, kind) =>
      flip("snapshot", "content", "document = ? AND incarnation = ? AND kind = ?", document, incarnation, kind),
    pending: (document) => flip("pending", "segment", "document = ?", document),
    bucket: (nodePath) => flip("bucket", "items", "path = ?", nodePath),
  };
}
