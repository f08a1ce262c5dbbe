/** Copied and restored data folders, with real peers. */
import { afterAll, expect, test } from "vitest";
import { runFolders } from "../src/folders.ts";
import { endAllProcesses } from "../src/processes.ts";

afterAll(endAllProcesses);

test(
  "a copied folder joins beside the first, and a folder put back takes back what it had sent",
  { timeout: 120_000 },
  async () => {
    const result = await runFolders();
    expect(result.checks.filter((check) => !check.good)).toEqual([]);
  },
);
