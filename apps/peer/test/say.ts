/** The command line run in the process of the test: what is said does not depend on a process of its own, and there are many cases. */
import { vi } from "vitest";
import { runCommandLine } from "../src/main.ts";
import type { Outcome } from "./command.ts";

/** Restore mocks and stubbed variables after each test. */
export async function say(words: readonly string[]): Promise<Outcome> {
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((chunk, ...rest) => {
      said[name] += String(chunk);
      for (const done of rest) if (typeof done === "function") done();
      return true;
    });
  }
  vi.stubEnv("NO_COLOR", "1");
  return { code: await runCommandLine(words), ...said };
}
