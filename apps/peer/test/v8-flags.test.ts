import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

it("[OPS3] the flags for V8 are known to this Node", async () => {
  const module = fileURLToPath(new URL("../src/serve/v8-flags.ts", import.meta.url));
  const script = `const { setV8Flags } = await import(process.argv[1]); setV8Flags(); console.log("set");`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script, module]);
  expect(stderr).toBe("");
  expect(stdout).toBe("set\n");
});
