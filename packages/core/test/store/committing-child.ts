/**
 * Commits one row after another in the folder it is given, and prints the sequence of each once it is committed, until it is
 * killed.
 */
import fs from "node:fs";
import { append } from "../../../replica/test/store-samples.ts";
import { openSqliteStore } from "../../src/store/open-store.ts";

const folder = process.argv[2] ?? "";
const store = openSqliteStore({ folder, durability: "full", now: () => 1 });
for (;;) {
  const sequence = store.transaction(() => append(store, `document ${process.pid}`, 1, 1, `row of ${process.pid}`));
  // Written at once: what the parent has read was committed.
  fs.writeSync(1, `${sequence}\n`);
}
