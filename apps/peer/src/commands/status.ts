/**
 * `yarrow status`: how a peer is, once or while you look on.
 */
import { setTimeout as delay } from "node:timers/promises";
import { YarrowError } from "@yarrow/core/command";
import { Option } from "commander";
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import type { StatusReport } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { onStopSignal } from "../signals.ts";
import { printJson, printLine } from "../stdout.ts";
import { ink } from "../terminal/paint.ts";
import { createScreen } from "../terminal/screen.ts";
import { dataOption, durationArgument, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";
import { formatStatus } from "./status-view.ts";

interface StatusOptions extends ControlOptions {
  readonly watch?: true;
  readonly interval: number;
}

const INTERVAL_MS = 1_000;
const INTERVAL_MS_MIN = 100;

export function defineStatus(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("status")
    .summary("show how a peer is")
    .description(
      "Shows a running peer: its documents, browsers, store and links, and the fingerprint of its whole set.",
    )
    .addOption(dataOption())
    .option("--watch", "go on showing it until Ctrl-C; with --json one line each time")
    .addOption(
      new Option("--interval <duration>", "how often --watch looks")
        .argParser(durationArgument)
        .default(INTERVAL_MS, "1s"),
    )
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (options: StatusOptions) =>
      end(options.watch ? await watchStatus(options) : await showStatus(options)),
    );
}

const examples = `
Two peers with the same fingerprint hold the same documents, byte for byte.

Examples:
  yarrow status --data ./a
  yarrow status --data ./a --watch
  yarrow status --data ./a --json | jq .root`;

async function showStatus(options: StatusOptions): Promise<ExitCode> {
  return withPeer(options.data, async (peer) => {
    const status = await peer.status();
    if (options.json) await printJson(status);
    else await printLine(formatStatus(status));
    return EXIT_CODES.good;
  });
}

/** Starts only with a running peer, but outlives its restarts: that is when somebody wants to look on. */
async function watchStatus(options: StatusOptions): Promise<ExitCode> {
  const stop = onStopSignal();
  const ended = new AbortController();
  void stop.requested.then(() => ended.abort());
  const screen = createScreen(process.stdout);
  try {
    let status: StatusReport | undefined = await withPeer(options.data, (peer) => peer.status());
    while (!ended.signal.aborted) {
      if (options.json) await printJson(status ?? { state: "not-running" });
      else screen.show(status === undefined ? notRunning() : formatStatus(status));
      await delay(Math.max(INTERVAL_MS_MIN, options.interval), undefined, { signal: ended.signal }).catch(() => {});
      if (!ended.signal.aborted) status = await readStatus(options.data);
    }
    return EXIT_CODES.good;
  } finally {
    screen.close();
    stop.release();
  }
}

async function readStatus(data: string): Promise<StatusReport | undefined> {
  try {
    return await withPeer(data, (peer) => peer.status());
  } catch (error) {
    if (error instanceof YarrowError && error.code === "YARROW_PEER_NOT_RUNNING") return undefined;
    throw error;
  }
}

function notRunning(): string {
  return `${ink("no peer runs here now", "yellow")}; waiting for it to come back`;
}
