/** The servers that are measured side by side: a Yarrow peer, and what its users would otherwise take. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { PeerProcess, freePort, kill, launch } from "./processes.ts";
import { waitUntil } from "./waiting.ts";

const COMPETITORS = fileURLToPath(new URL("../competitors/", import.meta.url));
const Y_WEBSOCKET_SERVER = join(COMPETITORS, "node_modules/@y/websocket-server");

/** A running server on an empty folder. */
interface Server {
  readonly url: string;
  readonly pid: number;
  close(): Promise<void>;
}

export interface Contender {
  readonly name: string;
  start(folder: string): Promise<Server>;
}

export const yarrow: Contender = {
  name: "yarrow (durability full)",
  start: async (folder) => {
    const peer = await PeerProcess.start({ data: folder, port: await freePort(), durability: "full" });
    return { url: peer.url, pid: peer.pid, close: () => peer.kill() };
  },
};

export const yWebsocketServer: Contender = {
  name: "@y/websocket-server 0.1.1 + LevelDB",
  start: async (folder) => {
    const port = await freePort();
    const environment = { PORT: String(port), HOST: "127.0.0.1", YPERSISTENCE: folder };
    const child = launch(process.execPath, [join(Y_WEBSOCKET_SERVER, "src/server.js")], environment, COMPETITORS);
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (said += text));
    child.stdout?.resume();
    await waitUntil(() => child.exitCode !== null || canConnect(port), {
      describe: () => `@y/websocket-server on port ${port}`,
    });
    if (child.exitCode !== null) throw new Error(`@y/websocket-server ended with ${child.exitCode}: ${said}`);
    return { url: `ws://127.0.0.1:${port}`, pid: child.pid ?? 0, close: () => kill(child, "SIGKILL") };
  },
};

/** Installs the competitors where they are missing. They stay outside the workspace, so that Yarrow's own set-up stays light. */
export async function installCompetitors(say: (words: string) => void): Promise<void> {
  if (existsSync(join(Y_WEBSOCKET_SERVER, "package.json"))) return;
  say(`installing the competitors into ${COMPETITORS} (npm ci, once)`);
  try {
    // leveldown brings binaries for the usual systems; its install script would compile.
    await promisify(execFile)("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: COMPETITORS });
  } catch (error) {
    const { stderr = "" } = error as { stderr?: string };
    throw new Error(
      `The competitors could not be installed. Run "npm ci --ignore-scripts" in ${COMPETITORS}.\n${stderr}`,
      { cause: error },
    );
  }
}

/** Versions from the competitors' lockfile, for the results. */
export async function competitorVersions(): Promise<string> {
  const lock = JSON.parse(await readFile(join(COMPETITORS, "package-lock.json"), "utf8")) as {
    packages: Record<string, { version?: string }>;
  };
  const names = ["@y/websocket-server", "y-leveldb", "leveldown", "ws", "yjs"];
  return names.map((name) => `${name} ${lock.packages[`node_modules/${name}`]?.version ?? "?"}`).join(", ");
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("error", () => resolve(false));
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
  });
}
