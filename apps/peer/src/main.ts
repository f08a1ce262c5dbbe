/**
 * Runs one command line and says how it ended. Imported by `bin/yarrow.js`, once the version of Node is known to fit.
 */
import { CommanderError } from "commander";
import type { Command } from "commander";
import { EXIT_CODES, exitCodeOf } from "./exit-code.ts";
import type { ExitCode } from "./exit-code.ts";
import { describeFailure, usageError } from "./failure.ts";
import { createProgram } from "./program.ts";
import { endQuietlyWithReader } from "./stdout.ts";

/** The exit code; whatever had to be said is on stdout and stderr by then. `words` without the program's name. */
export async function runCommandLine(words: readonly string[]): Promise<ExitCode> {
  endQuietlyWithReader();
  let exitCode: ExitCode = EXIT_CODES.good;
  const program = await createProgram(words, (code) => {
    exitCode = code;
  });
  try {
    if (words.length === 0) throw usageError(`which command?\n\n${program.helpInformation()}`);
    await program.parseAsync([...words], { from: "user" });
    return exitCode;
  } catch (error) {
    const failure = error instanceof CommanderError ? failureOf(error, program, words) : error;
    if (failure === undefined) return EXIT_CODES.good;
    process.stderr.write(describeFailure(failure, isDebugging()));
    return exitCodeOf(failure);
  }
}

/** Commander throws for `--help` and `--version` too, once they are printed: those are no failure. */
function failureOf(error: CommanderError, program: Command, words: readonly string[]): Error | undefined {
  if (error.exitCode === 0) return undefined;
  if (error.code === "commander.help") {
    const [word = ""] = words;
    if (words.slice(0, 2).includes("help")) return failureOfHelp(program, words);
    const group = program.commands.find((command) => command.name() === word);
    const names = group?.commands.map((command) => command.name()) ?? [];
    const said = names.find((name) => words.includes(name));
    // Whose value the word is nobody can tell here: options of a part stand behind its name.
    if (said !== undefined)
      return usageError(`options of ${word} ${said} stand behind it`, `Begin with: yarrow ${word} ${said}`);
    return usageError(
      `${word} needs to be told what to do: ${names.join(", ")}`,
      `\`yarrow ${word} --help\` teaches each.`,
    );
  }
  const [first = "", ...rest] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = /\(Did you mean (.*)\?\)/.exec(rest.join(" "))?.[1];
  const hint =
    suggestion === undefined
      ? "`yarrow --help` lists the commands, `yarrow COMMAND --help` teaches one."
      : `Did you mean ${suggestion}?`;
  return usageError(first, hint);
}

/** For `help COMMAND` and `GROUP help`, commander ends with the exit code that stands until it is known how the command ended. */
function failureOfHelp(program: Command, words: readonly string[]): Error | undefined {
  let command = program;
  for (const name of words.toSpliced(words.indexOf("help"), 1)) {
    const next = command.commands.find((each) => each.name() === name);
    if (next === undefined) return usageError(`unknown command '${name}'`, "`yarrow --help` lists the commands.");
    command = next;
  }
  return undefined;
}

function isDebugging(): boolean {
  const value = process.env["YARROW_DEBUG"];
  return value !== undefined && value !== "" && value !== "0";
}
