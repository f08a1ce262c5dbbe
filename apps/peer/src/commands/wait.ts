/**
 * `yarrow wait`: ends when a peer serves, is linked, or holds the same as those it is linked with. What scripts need between
 * two steps, so that none of them sleeps.
 */
import { setTimeout as delay } from "node:timers/promises";
import { YarrowError } from "@yarrow/core/command";
import { Option } from "commander";
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import type { RunningPeer, StatusReport } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { describeFailure } from "../failure.ts";
import { printJson, printLine } from "../stdout.ts";
import { count, formatDuration } from "../terminal/quantity.ts";
import { dataOption, durationArgument, jsonOption, wholeArgument } from "./options.ts";
import type { ControlOptions } from "./options.ts";

interface WaitOptions extends ControlOptions {
  readonly links?: number;
  readonly equal?: true;
  readonly timeout: number;
}

const TIMEOUT_MS = 30_000;
const LINKS_MAX = 64;
const LOOK_AGAIN_MS = 50;

export function defineWait(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("wait")
    .summary("wait until a peer serves, is linked, or is equal to its peers")
    .description(
      "Waits until a peer runs on the folder and serves documents; with --links also until so many links are open; with\n" +
        "--equal also until it holds the same as every linked peer it exchanges changes with. For scripts, between two steps.",
    )
    .addOption(dataOption())
    .addOption(
      new Option("--links <n>", "until at least so many links are open (default: 1 with --equal, else 0)").argParser(
        wholeArgument(0, LINKS_MAX),
      ),
    )
    .option("--equal", "until the sets are compared, and equal")
    .addOption(
      new Option("--timeout <duration>", "how long to wait").argParser(durationArgument).default(TIMEOUT_MS, "30s"),
    )
    .addOption(jsonOption())
    .addHelpText("after", examples)
    .action(async (options: WaitOptions) => end(await waitFor(options)));
}

const examples = `
Exit codes: 0 it is so; 1 not ready or not linked in time; 3 not equal in time; 4 no peer runs there.

Examples:
  yarrow wait --data ./a                                until the peer that was just started serves
  yarrow wait --data ./b --equal                         before a promotion, an upgrade of the next peer, or a goodbye
  yarrow wait --data ./b --links 2 --timeout 5m`;

/** How a peer is, as far as somebody waits for it. */
type Look =
  | { readonly done: true; readonly status: StatusReport; readonly peers: number }
  | { readonly done: false; readonly code: ExitCode; readonly why: string };

async function waitFor(options: WaitOptions): Promise<ExitCode> {
  const deadline = performance.now() + options.timeout;
  for (;;) {
    const lookedAt = performance.now();
    const found = await look(options, deadline - lookedAt);
    if (found.done) return report(found, options);
    const now = performance.now();
    // A comparison of a large set takes its time; asking again at once would keep the peer busy with nothing else.
    const pauseMs = Math.max(LOOK_AGAIN_MS, now - lookedAt);
    if (now + pauseMs >= deadline) return giveUp(found, options);
    await delay(pauseMs);
  }
}

async function look(options: WaitOptions, leftMs: number): Promise<Look> {
  const wanted = options.links ?? (options.equal ? 1 : 0);
  try {
    return await withPeer(options.data, async (peer): Promise<Look> => {
      const status = await peer.status();
      if (status.state !== "ready") return missing(EXIT_CODES.failed, `it is ${status.state}`);
      const open = status.links.filter(({ state }) => state === "open");
      if (open.length < wanted) return missing(EXIT_CODES.failed, `${open.length} of ${count(wanted, "link")} open`);
      return options.equal ? compare(peer, status, leftMs) : { done: true, status, peers: 0 };
    });
  } catch (error) {
    if (!(error instanceof YarrowError) || error.code !== "YARROW_PEER_NOT_RUNNING") throw error;
    return missing(EXIT_CODES.notRunning, "no peer runs there");
  }
}

/** Two followers that exchange nothing may differ for as long as they like. */
async function compare(peer: RunningPeer, status: StatusReport, leftMs: number): Promise<Look> {
  const exchanging = status.links.filter(({ state, feedsUs, takesOurs }) => state === "open" && (feedsUs || takesOurs));
  if (exchanging.length === 0) return missing(EXIT_CODES.failed, "no linked peer exchanges changes with it");
  const { peers, local } = await peer.verify({ timeoutMs: Math.max(1, Math.ceil(leftMs)) });
  if (local.bad.length > 0) return missing(EXIT_CODES.different, `${count(local.bad.length, "document")} damaged here`);
  const equal = new Set(peers.filter(({ result }) => result === "equal").map(({ peerId }): string => peerId));
  const others = exchanging.filter(({ peerId }) => peerId === null || !equal.has(peerId));
  if (others.length > 0) return missing(EXIT_CODES.different, `not equal to ${count(others.length, "linked peer")}`);
  return { done: true, status, peers: exchanging.length };
}

function missing(code: ExitCode, why: string): Look {
  return { done: false, code, why };
}

async function report(
  { status, peers }: Extract<Look, { done: true }>,
  { json, equal }: WaitOptions,
): Promise<ExitCode> {
  const links = status.links.filter(({ state }) => state === "open").length;
  if (json) await printJson({ state: status.state, links, equal: equal ? true : null });
  else
    await printLine(
      equal ? `ready, and equal to ${count(peers, "linked peer")}` : `ready, ${count(links, "open link")}`,
    );
  return EXIT_CODES.good;
}

/** Another exit code than the error would have: scripts want to tell what did not come true. */
function giveUp({ code, why }: Extract<Look, { done: false }>, { data, timeout }: WaitOptions): ExitCode {
  const error = new YarrowError("YARROW_TIMEOUT", `${data}: not within ${formatDuration(timeout)}: ${why}`, {
    hint: `How it is: yarrow status --data ${data}`,
  });
  process.stderr.write(describeFailure(error, false));
  return code;
}
