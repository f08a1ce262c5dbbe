/** Data folders of many small documents, made by `folder.ts` in a process of its own, or taken from those of an earlier run. */
import { constants, copyFileSync, existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { launch } from "../processes.ts";
import type { Progress } from "../progress.ts";
import { within } from "../waiting.ts";
import { FOLDER_PROGRAM } from "./folder.ts";

/** The cluster of all of them. */
export const CLUSTER = "size";
const TIMEOUT_MS = 600_000;

/** Returns µs per document; undefined where they had been made before. `cache`: where they are kept, by their number. */
export async function fillFolder(
  folder: string,
  documents: number,
  cache: string | undefined,
  progress: Progress,
): Promise<number | undefined> {
  const made = cache === undefined ? undefined : join(cache, String(documents));
  if (made !== undefined && existsSync(made)) return copyFolder(made, folder).then(() => undefined);
  const child = launch(process.execPath, [FOLDER_PROGRAM, folder, CLUSTER, String(documents)], {});
  child.stderr?.setEncoding("utf8").on("data", (chunk: string) => {
    const done = Number(chunk.trim().split("\n").at(-1));
    if (Number.isFinite(done)) progress.at(done, documents, `making ${done} of ${documents} documents`);
  });
  const said = await text(child.stdout!);
  if (said === "") throw new Error(`A folder of ${documents} documents could not be made.`);
  if (made !== undefined) await copyFolder(folder, made);
  return (JSON.parse(said) as { usEach: number }).usEach;
}

/** The same documents, and another peer. */
export async function copyFolder(from: string, to: string): Promise<void> {
  mkdirSync(to, { recursive: true, mode: 0o700 });
  copyFileSync(join(from, "yarrow.db"), join(to, "yarrow.db"), constants.COPYFILE_FICLONE);
  await runProgram([FOLDER_PROGRAM, to, "renew"]);
}

/** Runs a program of Node to its end and returns what it said. Errors: it said nothing. */
export async function runProgram(words: readonly string[]): Promise<string> {
  const child = launch(process.execPath, words, {});
  const [said, errors] = await within(
    Promise.all([text(child.stdout!), text(child.stderr!)]),
    TIMEOUT_MS,
    `the end of ${words[0]}`,
  );
  if (said === "") throw new Error(`${words.join(" ")} said nothing. Its last words:\n${errors}`);
  return said;
}
