/**
 * `yarrow link`: the links to other peers; cutting them and healing the cut.
 */
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
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
      .argument("[peer]", "peer id or address; all links when left out")
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
    await peer.pauseLinks(verb === "pause", other);
    if (options.json) await printJson({ paused: verb === "pause", peer: other ?? null });
    else {
      const which = other === undefined ? "all links" : `the link to ${printable(other)}`;
      await printLine(verb === "pause" ? `paused ${which}; \`yarrow link resume\` heals the cut` : `resumed ${which}`);
    }
    return EXIT_CODES.good;
  });
}
