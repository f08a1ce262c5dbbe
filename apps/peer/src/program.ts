/**
 * The command line as a whole: which commands there are, and what `--help` teaches.
 */
import { styleText } from "node:util";
import { Command } from "commander";
import { defineAppend } from "./commands/append.ts";
import { defineBackup } from "./commands/backup.ts";
import { defineCompact } from "./commands/compact.ts";
import { defineDelete } from "./commands/delete.ts";
import { defineDemo } from "./commands/demo.ts";
import { defineDocuments } from "./commands/documents.ts";
import { defineKey } from "./commands/key.ts";
import { defineHistory } from "./commands/history.ts";
import { defineLink } from "./commands/link.ts";
import { defineRestore } from "./commands/restore.ts";
import { defineDemote, definePromote } from "./commands/role.ts";
import { defineQuery } from "./commands/query.ts";
import { defineRevert } from "./commands/revert.ts";
import { defineServe } from "./commands/serve.ts";
import { defineShow } from "./commands/show.ts";
import { defineStatus } from "./commands/status.ts";
import { defineVerify } from "./commands/verify.ts";
import { defineWait } from "./commands/wait.ts";
import type { ExitCode } from "./exit-code.ts";
import { VERSION } from "./version.ts";

const examples = `
Start here:
  yarrow demo                                        three peers and a playground on this machine

A set of peers of your own:
  yarrow serve --data ./a                            the first, on 127.0.0.1:4321
  yarrow serve --data ./b --listen 127.0.0.1:4322 --peer ws://127.0.0.1:4321
  yarrow status --data ./a                           how it is
  yarrow verify --data ./a --deep                    proof that both hold the same

Editors connect with y-websocket:  new WebsocketProvider("ws://127.0.0.1:4321", "notes/today", doc)

Exit codes: 0 good, 1 failed or not found, 2 wrong usage, 3 peers differ, 4 no peer runs there.
YARROW_DEBUG=1 adds stacks to errors; NO_COLOR=1 takes the colours away.`;

/** The program; `end` is told the exit code of the command that ran. Errors of usage are thrown, not printed. */
export function createProgram(end: (code: ExitCode) => void): Command {
  const program = new Command("yarrow")
    .description("Yarrow: a multi-master sync server for Yjs documents.")
    .version(VERSION, "-V, --version", "print the version")
    .helpOption("-h, --help", "teach this command")
    .configureHelp({
      showGlobalOptions: false,
      styleTitle: (text) => styleText("bold", text),
      styleCommandText: (text) => styleText("cyan", text),
      styleOptionText: (text) => styleText("cyan", text),
    })
    .addHelpText("after", examples);
  for (const define of [
    defineServe,
    defineDemo,
    defineStatus,
    defineDocuments,
    defineShow,
    defineQuery,
    defineAppend,
    defineHistory,
    defineRevert,
    defineDelete,
    defineVerify,
    defineWait,
    defineCompact,
    defineBackup,
    defineRestore,
    defineLink,
    definePromote,
    defineDemote,
    defineKey,
  ]) {
    define(program, end);
  }
  forAll(program, (command) =>
    command
      .exitOverride()
      .configureOutput({ writeErr: () => {} })
      .showSuggestionAfterError(),
  );
  return program;
}

function forAll(command: Command, visit: (command: Command) => void): void {
  visit(command);
  for (const child of command.commands) forAll(child, visit);
}
