import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterAll, afterEach, describe, expect, test, vi } from "vitest";
import { COMMAND, run, Workbench } from "./command.ts";
import { say } from "./say.ts";

const bench = new Workbench();
afterAll(() => bench.clean());
afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
});

describe("help and version", () => {
  test("[CLI1] --version prints the version alone", async () => {
    expect(await run(["--version"])).toEqual({ code: 0, stdout: "0.1.0\n", stderr: "" });
  });

  test("[CLI1] --help lists every command, shows where to start and what the exit codes mean", async () => {
    const { code, stdout, stderr } = await run(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const word of [
      "serve",
      "demo",
      "status",
      "documents",
      "show",
      "append",
      "delete",
      "verify",
      "wait",
      "compact",
      "backup",
      "restore",
      "export",
      "import",
      "link",
      "WebsocketProvider",
      "Exit codes",
    ]) {
      expect(stdout).toContain(word);
    }
  });

  test.each([
    ["serve"],
    ["demo"],
    ["status"],
    ["documents"],
    ["show"],
    ["history"],
    ["revert"],
    ["append"],
    ["delete"],
    ["verify"],
    ["wait"],
    ["compact"],
    ["backup"],
    ["restore"],
    ["export"],
    ["import"],
    ["link"],
  ])("[CLI1] %s --help teaches with an example", async (command) => {
    const { code, stdout } = await say([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n {2}yarrow ${command}`));
  });

  test.each([
    [["help"], "Usage: yarrow [options] [command]"],
    [["help", "serve"], "Usage: yarrow serve"],
    [["help", "link"], "Usage: yarrow link"],
    [["link", "help"], "Usage: yarrow link"],
    [["link", "help", "pause"], "Usage: yarrow link pause"],
  ])("[CLI1] %s teaches too, and is no failure", async (words, start) => {
    const { code, stdout, stderr } = await run(words);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toContain(start);
  });

  test.each([[["help", "nope"]], [["link", "help", "nope"]]])("[CLI1] %s is told what is wrong", async (words) => {
    const { code, stderr } = await run(words);
    expect(code).toBe(2);
    expect(stderr).toContain("unknown command 'nope'");
  });

  test("[CLI1] serve --help names every setting", async () => {
    const { stdout } = await say(["serve", "--help"]);
    for (const flag of [
      "data",
      "listen",
      "peer",
      "no-discovery",
      "cluster",
      "advertise",
      "history",
      "durability",
      "copies",
      "when-missing",
      "copies-timeout",
      "admin",
      "insecure",
      "config",
    ]) {
      expect(stdout).toContain(`--${flag}`);
    }
  });
});

describe("wrong usage", () => {
  test("[CLI2] the process ends with the code, and all that is said is on stderr", async () => {
    const { code, stdout, stderr } = await run(["status", "--jsn"]);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe("yarrow: YARROW_USAGE unknown option '--jsn'\n  hint: Did you mean --json?\n");
  });

  test.each<[string, string[], string]>([
    ["no command", [], "YARROW_USAGE which command?"],
    ["an unknown command", ["stauts"], "YARROW_USAGE unknown command 'stauts'\n  hint: Did you mean status?"],
    ["an unknown option", ["status", "--jsn"], "YARROW_USAGE unknown option '--jsn'\n  hint: Did you mean --json?"],
    ["a missing argument", ["show"], "YARROW_USAGE missing required argument 'name'"],
    ["too many arguments", ["status", "x"], "YARROW_USAGE too many arguments for 'status'"],
    ["a missing value", ["serve", "--listen"], "YARROW_USAGE option '--listen <host:port>' argument missing"],
    ["a bad duration", ["verify", "--timeout", "soon"], '"soon" is not a duration'],
    ["a bad number", ["demo", "--peers", "99"], '"99" is not a whole number from 1 to 12'],
    ["a bad choice", ["show", "x", "--format", "xml"], "Allowed choices are json, text, update"],
    ["--as without --root", ["show", "x", "--as", "map"], "YARROW_USAGE --as needs --root NAME"],
    ["two formats", ["show", "x", "--json", "--format", "text"], "exclude each other"],
    [
      "link alone",
      ["link"],
      "link needs to be told what to do: list, pause, resume, limit\n  hint: `yarrow link --help`",
    ],
    [
      "quarantine of a folder",
      ["quarantine", "--data", "a"],
      "quarantine needs to be told what to do: list, release\n",
    ],
    [
      "options before a part of it",
      ["link", "--data", "a", "list"],
      "options of link list stand behind it\n  hint: Begin with: yarrow link list",
    ],
    [
      "an unknown part of it",
      ["quarantine", "lst", "--data", "a"],
      "unknown command 'lst'\n  hint: Did you mean list?",
    ],
    ["an unknown option of a part", ["link", "list", "--jsn"], "unknown option '--jsn'\n  hint: Did you mean --json?"],
    ["a bad setting", ["serve", "--listen", "nowhere"], 'YARROW_CONFIG_INVALID --listen: "nowhere" is not HOST:PORT'],
    [
      "a missing file",
      ["serve", "--config", "/nowhere.yaml"],
      "YARROW_CONFIG_INVALID configuration file /nowhere.yaml does not exist",
    ],
  ])("[CLI2] %s ends with 2 and says what is wrong", async (_title, words, message) => {
    const { code, stdout, stderr } = await say(words);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(message);
    expect(stderr).toMatch(/^yarrow: YARROW_/);
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test("[CLI5] flags, variables and file are checked together, and the file's line is told", async () => {
    const file = join(bench.folder, "yarrow.yaml");
    writeFileSync(file, "histroy: 1d\n");
    const { code, stderr } = await run(["serve", "--listen", "x", "--config", file], { YARROW_DURABILITY: "none" });
    expect(code).toBe(2);
    expect(stderr).toContain("3 problems in the configuration:");
    expect(stderr).toContain('--listen: "x" is not HOST:PORT');
    expect(stderr).toContain("YARROW_DURABILITY: must be one of full, normal");
    expect(stderr).toContain(`${file}:1: unknown key "histroy"; did you mean "history"?`);
  });

  test("[CLI3] YARROW_DEBUG=1 adds the stack", async () => {
    const { code, stderr } = await run(["stauts"], { YARROW_DEBUG: "1" });
    expect(code).toBe(2);
    expect(stderr).toMatch(/\n\s+at /);
  });

  test("[CLI3] colours come only where they are wanted", async () => {
    expect((await run(["stauts"])).stderr).not.toContain("\u001b[");
    expect((await run(["stauts"], { FORCE_COLOR: "1" })).stderr).toContain("\u001b[");
  });
});

describe("no peer", () => {
  test("[CLI7] the process ends with 4", async () => {
    expect((await run(["status", "--data", join(bench.folder, "nobody")])).code).toBe(4);
  });

  test.each([
    [["status"]],
    [["status", "--watch"]],
    [["documents", "--json"]],
    [["show", "x"]],
    [["delete", "x"]],
    [["verify"]],
    [["compact", "--json"]],
    [["link", "list"]],
    [["link", "pause"]],
  ])("[CLI7] %j says so, how to start one, and ends with 4", async (words) => {
    const data = join(bench.folder, "nobody");
    const { code, stdout, stderr } = await say([...words, "--data", data]);
    expect({ code, stdout }).toEqual({ code: 4, stdout: "" });
    expect(stderr).toBe(
      `yarrow: YARROW_PEER_NOT_RUNNING no peer runs on ${data}\n  hint: Start one with: yarrow serve --data ${data}\n`,
    );
  });

  test("[CLI7] YARROW_DATA says which peer is meant, and --data wins over it", async () => {
    expect((await run(["status"], { YARROW_DATA: "/one" })).stderr).toContain("no peer runs on /one");
    expect((await run(["status", "--data", "/two"], { YARROW_DATA: "/one" })).stderr).toContain("no peer runs on /two");
  });
});

test("[CLI8] a Node that is too old is told so before anything is imported", async () => {
  const pretend = `Object.defineProperty(process.versions, "node", { value: "20.19.0" }); import(${JSON.stringify(COMMAND)});`;
  const { code, stderr } = await new Promise<{ code: number; stderr: string }>((resolve) => {
    execFile(process.execPath, ["--input-type=commonjs", "-e", pretend], (error, _stdout, stderr) => {
      resolve({ code: Number(error?.code ?? process.exitCode ?? 0), stderr });
    });
  });
  expect(stderr).toContain("yarrow: YARROW_NODE_UNSUPPORTED needs Node 22.14.0 or newer, and this is Node 20.19.0");
  expect(code).toBe(1);
});

test("[CLI3] a stdout that takes no more is a failure in words", async () => {
  const full = openSync("/dev/full", "w");
  const child = spawn(process.execPath, [COMMAND, "--help"], { stdio: ["ignore", full, "pipe"] });
  closeSync(full);
  const [said, [code]] = await Promise.all([text(child.stderr!), once(child, "exit") as Promise<[number]>]);
  expect([code, said]).toEqual([
    1,
    expect.stringMatching(/^yarrow: YARROW_DISK_SPACE_LOW stdout could not be written: ENOSPC[^\n]*\n$/),
  ]);
});
