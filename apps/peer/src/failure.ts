/**
 * How a failure reads on stderr: one line with the code, what the message adds below it, and a hint. The stack is for people
 * who debug Yarrow itself (`YARROW_DEBUG=1`).
 */
import { YarrowError } from "@yarrow/core/command";
import { paint } from "./terminal/paint.ts";

/** The words for a failure, with a line feed at the end. `debug` adds the stack and the causes. */
export function describeFailure(error: unknown, debug: boolean): string {
  const lines: string[] = [];
  if (error instanceof YarrowError) {
    lines.push(`${paint("yarrow:", "bold")} ${paint(error.code, "red")} ${error.message}`);
    if (error.hint !== undefined) lines.push(`  ${paint("hint:", "cyan")} ${error.hint}`);
  } else {
    const message = error instanceof Error ? error.message : String(error);
    lines.push(`${paint("yarrow:", "bold")} ${paint("unexpected error:", "red")} ${message}`);
    if (!debug) lines.push(`  ${paint("hint:", "cyan")} Run it again with YARROW_DEBUG=1 to see where it comes from.`);
  }
  if (debug) {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause)
      lines.push(cause.stack ?? cause.message);
  }
  return `${lines.join("\n")}\n`;
}

/** A wrong command line: exit code 2. */
export function usageError(message: string, hint?: string): YarrowError {
  return new YarrowError("YARROW_USAGE", message, hint === undefined ? {} : { hint });
}
