/**
 * Writing to stdout: results only, whole, and at the pace of the reader.
 */
import { once } from "node:events";

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
  throw error;
}
