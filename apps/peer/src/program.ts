/**
 * The command line as a whole: which commands there are, and what `--help` teaches.
 */
import { styleText } from "node:util";
import { Command } from "commander";
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

type Define = (program: Command, end: (code: ExitCode) => void) => void;

/** In the order of the help. Loaded on demand: a command starts in half the time without the modules of all others. */
const COMMANDS = new Map<string, () => Promise<Define>>(
  Object.entries({
    serve: async () => (await import("./commands/serve.ts")).defineServe,
    demo: async () => (await import("./commands/demo.ts")).defineDemo,
    status: async () => (await import("./commands/status.ts")).defineStatus,
    documents: async () => (await import("./commands/documents.ts")).defineDocuments,
    show: async () => (await import("./commands/show.ts")).defineShow,
    query: async () => (await import("./commands/query.ts")).defineQuery,
    append: async () => (await import("./commands/append.ts")).defineAppend,
    history: async () => (await import("./commands/history.ts")).defineHistory,
    revert: async () => (await import("./commands/revert.ts")).defineRevert,
    delete: async () => (await import("./commands/delete.ts")).defineDelete,
    verify: async () => (await import("./commands/verify.ts")).defineVerify,
    wait: async () => (await import("./commands/wait.ts")).defineWait,
    compact: async () => (await import("./commands/compact.ts")).defineCompact,
    backup: async () => (await import("./commands/backup.ts")).defineBackup,
    restore: async () => (await import("./commands/restore.ts")).defineRestore,
    export: async () => (await import("./commands/export.ts")).defineExport,
    import: async () => (await import("./commands/import.ts")).defineImport,
    link: async () => (await import("./commands/link.ts")).defineLink,
    quarantine: async () => (await import("./commands/quarantine.ts")).defineQuarantine,
    promote: async () => (await import("./commands/role.ts")).definePromote,
    demote: async () => (await import("./commands/role.ts")).defineDemote,
    key: async () => (await import("./commands/key.ts")).defineKey,
  }),
);

/**
 * The program, with all commands or, where `words` begin with one, with that one. `end` is told the exit code of the command that
 * ran. Errors of usage are thrown, not printed.
 */
export async function createProgram(words: readonly string[], end: (code: ExitCode) => void): Promise<Command> {
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
  const named = COMMANDS.get(words[0] ?? "");
  for (const load of named === undefined ? COMMANDS.values() : [named]) (await load())(program, end);
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
