/**
 * Logs on stderr, so that stdout belongs to what other programs read: JSON lines, or lines for people on a terminal.
 */
import { styleText } from "node:util";
import { destination, pino } from "pino";
import type { DestinationStream, Logger } from "pino";
import { printable } from "./terminal/paint.ts";

export type LogLevel = "debug" | "info" | "warn" | "error";

/** A logger on stderr. Written synchronously: the last lines before an exit are the ones that matter. */
export function createLog(level: LogLevel): Logger {
  const stream: DestinationStream = process.stderr.isTTY
    ? { write: (line) => void process.stderr.write(formatLine(line)) }
    : createLineStream();
  return pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
}

/** Whoever read the log may have gone; the peer still has to end in order, and has no other place to say so. */
function createLineStream(): DestinationStream {
  return destination({ fd: 2, sync: true }).on("error", () => {});
}

const LEVEL_STYLES = new Map<unknown, Parameters<typeof styleText>[0]>([
  ["debug", "dim"],
  ["info", "cyan"],
  ["warn", "yellow"],
  ["error", "red"],
]);

/** One JSON line of the log as a line for people: time of day, level, message, then the fields. */
export function formatLine(json: string): string {
  const { level, time, msg, pid: _pid, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const onStderr = { stream: process.stderr };
  const style = LEVEL_STYLES.get(level) ?? "reset";
  const rest = Object.entries(fields).map(
    ([name, value]) =>
      `${styleText("dim", `${name}=`, onStderr)}${printable(typeof value === "string" ? value : JSON.stringify(value))}`,
  );
  const clock = styleText("dim", String(time).slice(11, 23), onStderr);
  const label = styleText(style, String(level).padEnd(5), onStderr);
  return `${[clock, label, printable(String(msg)), ...rest].join(" ")}\n`;
}
