import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, it } from "vitest";

const MODULE = fileURLToPath(new URL("../src/storm/reset-socket.ts", import.meta.url));
const SCRIPT = `
  import { connect, createServer } from "node:net";
  const { resetSocket } = await import(process.argv[1]);
  const server = createServer({ allowHalfOpen: true }, (accepted) => {
    accepted.on("error", (error) => console.error(error));
    accepted.on("data", () => {
      server.close();
      if (process.argv[2] === "ending") accepted.end();
      resetSocket(accepted);
    });
  });
  server.listen(0, "127.0.0.1", () => {
    const socket = connect(server.address().port, "127.0.0.1", () => socket.write("x"));
    socket.on("error", (error) => console.log(error.code)).resume();
  });
`;

it.each([
  ["open", "ECONNRESET\n"],
  ["ending", ""],
])("a process ends that has reset a socket which was %s", async (state, seen) => {
  const parameters = ["--input-type=module", "-e", SCRIPT, MODULE, state];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, parameters, { timeout: 10_000 });
  expect(stderr).toBe("");
  expect(stdout).toBe(seen);
});
