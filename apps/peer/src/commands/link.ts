/**
 * `yarrow link`: the links to other peers; cutting them and healing the cut, and limiting how fast this peer sends.
 */
import type { Command } from "commander";
import { YarrowError } from "@yarrow/core/command";
import { withPeer } from "../control.ts";
import type { StatusReport } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { usageError } from "../failure.ts";
import { parseRate } from "../config/size.ts";
import { printJson, printLine } from "../stdout.ts";
import { printable } from "../terminal/paint.ts";
import { formatBytes } from "../terminal/quantity.ts";
import { dataOption, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";
import { formatLinks } from "./status-view.ts";

export function defineLink(program: Command, end: (code: ExitCode) => void): void {
  const link = program
    .command("link")
    .summary("list, pause, resume and limit links to other peers")
    .description(
      "Links to other peers. A paused link carries nothing; both sides go on alone and merge when it is resumed.",
    )
    // Options belong to the commands below: whoever gives one here has forgotten which of them.
    .allowUnknownOption()
    .addHelpText("after", examples);
  link
    .command("list")
    .description("Lists the links of a running peer.")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (options: ControlOptions) => end(await listLinks(options)));
  for (const verb of ["pause", "resume"] as const) {
    link
      .command(verb)
      .description(verb === "pause" ? "Cuts a link, or all links." : "Heals the cut of a link, or of all links.")
      .argument("[peer]", "peer id (its beginning will do) or address; all links when left out")
      .addOption(dataOption())
      .addOption(jsonOption())
      .action(async (peer: string | undefined, options: ControlOptions) => end(await pauseLinks(verb, peer, options)));
  }
  link
    .command("limit")
    .description(
      "Limits how fast this peer sends to another, also after a reconnect, until it is lifted or the peer is restarted.",
    )
    .argument("<peer>", "peer id (its beginning will do) or address")
    .argument("<rate>", "bytes per second, such as 256KiB or 2M; `off` lifts the limit")
    .addOption(dataOption())
    .addOption(jsonOption())
    .action(async (peer: string, rate: string, options: ControlOptions) => end(await limitLink(peer, rate, options)));
}

const examples = `
Examples:
  yarrow link list --data ./a
  yarrow link pause --data ./a                     cut this peer off from all others
  yarrow link resume --data ./a
  yarrow link pause ws://site-b:4321 --data ./a
  yarrow link limit ws://site-b:4321 256k --data ./a     send at most 256 KiB a second
  yarrow link limit ws://site-b:4321 off --data ./a`;

async function listLinks(options: ControlOptions): Promise<ExitCode> {
  return withPeer(options.data, async (peer) => {
    const { links, paused } = await peer.status();
    if (options.json) await printJson({ paused, links });
    else await printLine(formatLinks({ links, paused }));
    return EXIT_CODES.good;
  });
}

async function pauseLinks(
  verb: "pause" | "resume",
  other: string | undefined,
  options: ControlOptions,
): Promise<ExitCode> {
  return withPeer(options.data, async (peer) => {
    const named = other === undefined ? undefined : resolveLink(verb, other, (await peer.status()).links);
    await peer.pauseLinks(verb === "pause", named);
    if (options.json) await printJson({ paused: verb === "pause", peer: named ?? null });
    else {
      const which = named === undefined ? "all links" : `the link to ${printable(named)}`;
      await printLine(verb === "pause" ? `paused ${which}; \`yarrow link resume\` heals the cut` : `resumed ${which}`);
    }
    return EXIT_CODES.good;
  });
}

async function limitLink(other: string, rate: string, options: ControlOptions): Promise<ExitCode> {
  const bytesPerSecond = rate === "off" ? undefined : readRate(rate);
  return withPeer(options.data, async (peer) => {
    const named = resolveLink(bytesPerSecond === undefined ? "resume" : "pause", other, (await peer.status()).links);
    await peer.limitLink(named, bytesPerSecond);
    if (options.json) await printJson({ peer: named, limit: bytesPerSecond ?? null });
    else {
      const speed = bytesPerSecond === undefined ? "without a limit" : `at most ${formatBytes(bytesPerSecond)}/s`;
      await printLine(`sends ${speed} to ${printable(named)}`);
    }
    return EXIT_CODES.good;
  });
}

/** A size, or a number with `k` or `M` as `dd` and `curl` write it; powers of 1,024. Throws an error of usage. */
function readRate(text: string): number {
  const short = /^(\d+(?:\.\d+)?)([kKmM]?)$/.exec(text);
  const parsed =
    short === null
      ? parseRate(text)
      : { value: Math.round(Number(short[1]) * (short[2] === "" ? 1 : /k/i.test(short[2]!) ? 1_024 : 1_048_576)) };
  if ("value" in parsed && Number.isFinite(parsed.value)) return parsed.value;
  throw usageError(
    `"${printable(text)}" is not a rate`,
    "Write bytes per second, such as 256k, 2M or 1.5MiB, or `off` to lift the limit.",
  );
}

/**
 * The link that is meant: an address, a peer id, or its beginning as the list shows it. Only what is linked can be paused, so
 * that a slip is told; a paused link may have left the list, so a whole id or address is always good for resuming.
 */
function resolveLink(verb: "pause" | "resume", given: string, links: StatusReport["links"]): string {
  const wanted = given.replace(/\/$/, "");
  if (links.some((link) => link.url === wanted || link.peerId === wanted)) return wanted;
  const ids = new Set(
    links.flatMap((link) => link.peerId ?? []).filter((id) => wanted !== "" && id.startsWith(wanted)),
  );
  const [only] = ids;
  if (only !== undefined && ids.size === 1) return only;
  if (ids.size > 1)
    throw usageError(`"${printable(given)}" is the beginning of ${ids.size} peer ids`, "Write more of it.");
  if (verb === "resume" && (/^[0-9a-f]{32}$/.test(wanted) || wanted.includes("://"))) return wanted;
  throw new YarrowError("YARROW_LINK_NOT_FOUND", `no link to "${printable(given)}"`, {
    hint: "`yarrow link list` shows the peers and addresses that can be named.",
  });
}
