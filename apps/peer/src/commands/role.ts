/**
 * `yarrow promote` and `yarrow demote`: make a running peer a writer or a follower. No restart, and no session is lost.
 */
import type { Command } from "commander";
import { withPeer } from "../control.ts";
import type { StatusReport } from "../control.ts";
import { EXIT_CODES } from "../exit-code.ts";
import type { ExitCode } from "../exit-code.ts";
import { printJson, printLine } from "../stdout.ts";
import { ink, printable } from "../terminal/paint.ts";
import { count } from "../terminal/quantity.ts";
import { dataOption, jsonOption } from "./options.ts";
import type { ControlOptions } from "./options.ts";

type Role = StatusReport["role"];

export function definePromote(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("promote")
    .summary("make a peer a writer")
    .description(
      "Makes a running peer a writer: it takes writes at once, and other peers take what it wrote. Nobody is disconnected.\n" +
        "The data folder remembers it, whatever --role a later start is given.",
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText("after", promoteExamples)
    .action(async (options: ControlOptions) => end(await changeRole("writer", options)));
}

const promoteExamples = `
Another writer that still runs, or comes back, stays one: both write, and both are merged. Demote it to have one.

Examples:
  yarrow demote --data ./a && yarrow promote --data ./b      a planned change: ./b becomes the primary
  yarrow promote --data ./b                                  ./a is gone; what it had not sent comes when it comes back`;

export function defineDemote(program: Command, end: (code: ExitCode) => void): void {
  program
    .command("demote")
    .summary("make a peer a follower")
    .description(
      "Makes a running peer a follower: it refuses writes at once, and serves readers as before. Nobody who reads is disconnected.\n" +
        "Linked peers fetch what it wrote last, for up to two seconds. The data folder remembers it.",
    )
    .addOption(dataOption())
    .addOption(jsonOption())
    .addHelpText("after", "\nExample:\n  yarrow demote --data ./a")
    .action(async (options: ControlOptions) => end(await changeRole("follower", options)));
}

async function changeRole(role: Role, options: ControlOptions): Promise<ExitCode> {
  return withPeer(options.data, async (peer) => {
    const before = await peer.status();
    await peer.setRole(role);
    const { peerId, writers } = await peer.status();
    const others = before.writers.filter((writer) => writer.peerId !== peerId);
    if (options.json) await printJson({ peerId, role, before: before.role, writers });
    else {
      const verb = before.role === role ? "was already" : "is now";
      const does = role === "writer" ? "takes writes" : "takes no writes";
      await printLine(`peer ${peerId} ${verb} a ${role}: it ${does}, and its folder remembers it`);
      const note = noteOn(role, others);
      if (note !== undefined) await printLine(note);
    }
    return EXIT_CODES.good;
  });
}

function noteOn(role: Role, others: StatusReport["writers"]): string | undefined {
  const urls = others.map(({ peerId, url }) => printable(url ?? peerId)).join(", ");
  if (role === "writer") {
    return others.length === 0 ? undefined : `${count(others.length, "other writer")} linked as well: ${urls}`;
  }
  if (others.length > 0) return `writers that are linked: ${urls}`;
  return `${ink("no writer is linked", "yellow")}: nobody takes writes here until one is, or this peer is promoted`;
}
