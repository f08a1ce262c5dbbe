/** Commits rows until the disk fails, and tells how that looked. Started with a limit on the size of files. */
import fs from "node:fs";
import Database from "better-sqlite3";
import { YarrowError } from "@yarrow/protocol";
import { append } from "../../../replica/test/store-samples.ts";
import { openSqliteStore } from "../../src/store/open-store.ts";

const store = openSqliteStore({ folder: process.argv[2] ?? "", durability: "full", now: () => 1 });
const say = (...words: unknown[]): number => fs.writeSync(1, `${words.join(" ")}\n`);
const commit = (): number => store.transaction(() => append(store, "a", 1, 1, "x".repeat(10_000)));

try {
  for (;;) say(commit());
} catch (error) {
  if (!(error instanceof YarrowError)) throw error;
  say(error.name, error.code, error.cause instanceof Database.SqliteError ? error.cause.code : "");
}
try {
  commit();
} catch (error) {
  if (!(error instanceof YarrowError)) throw error;
  say("again", error.name, error.code);
}
say("readable", store.readChanges(0, 10_000).length);
store.close();
