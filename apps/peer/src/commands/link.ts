/**
 * `yarrow link`: the links to other peers; cutting them and healing the cut.
 */
import type { Command } from "commander";
import { YarrowError } from "@yarrow/core/command";
import { withPeer } from "../control.ts";
import type { StatusReport } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { usageError } from "../failure.ts";
import { printJson, printLine } from "../stdout.ts";
import { printable } from "../terminal/paint.ts";
import { dataOption, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";
import { formatLinks } from "./status-view.ts";

export function defineLink(program: Command, end: (code: ExitCode) => void): void {
  const link = program
    .command("link")
    .summary("list, pause and resume links to other peers")
    .description(
      "Links to other peers. A paused link carries nothing; both sides go on alone and merge when it is resumed.",
    )
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
}

const examples = `
Examples:
  yarrow link list --data ./a
  yarrow link pause --data ./a                     cut this peer off from all others
  yarrow link resume --data ./a
  yarrow link pause ws://site-b:4321 --data ./a`;

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
