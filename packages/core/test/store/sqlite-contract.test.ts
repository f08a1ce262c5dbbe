import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import type { StoreFixture } from "../../../replica/test/store-contract.ts";
import { storeContract } from "../../../replica/test/store-contract.ts";
import { openSqliteStore } from "../../src/store/open-store.ts";
import { damageIn } from "./flip-bits.ts";

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
