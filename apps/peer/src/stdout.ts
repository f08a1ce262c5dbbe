/**
 * Writing to stdout: results only, whole, and at the pace of the reader.
 */
import { once } from "node:events";
import { YarrowError } from "@yarrow/core/command";
import { EXIT_CODES } from "./exit-code.ts";
import { describeFailure } from "./failure.ts";

/** Writes, and waits while the reader is behind. */
export async function print(chunk: string | Uint8Array): Promise<void> {
  if (!process.stdout.write(chunk)) await once(process.stdout, "drain");
}

export async function printLine(text: string): Promise<void> {
  await print(`${text}\n`);
}

/** One JSON value on one line. */
export async function printJson(value: unknown): Promise<void> {
  await printLine(JSON.stringify(value));
}

/** A reader that has seen enough (`yarrow documents | head`) is no failure. */
export function endQuietlyWithReader(): void {
  process.stdout.off("error", onStdoutError).on("error", onStdoutError);
}

function onStdoutError(error: NodeJS.ErrnoException): void {
  if (error.code === "EPIPE") process.exit(0);
  // It comes as an event, outside of whatever is awaited: nobody else could say it in words.
  const message = `stdout could not be written: ${error.message}`;
  const isFull = error.code === "ENOSPC" || error.code === "EDQUOT";
  const failure = isFull ? new YarrowError("YARROW_DISK_SPACE_LOW", message, { cause: error }) : new Error(message);
  process.stderr.write(describeFailure(failure, false));
  process.exit(EXIT_CODES.failed);
}
