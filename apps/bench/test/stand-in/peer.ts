/**
 * A stand-in for the daemon, as simple as can be: a Y.Doc for each document, a file of updates, stock providers as links. It is
 * here so that the workloads themselves are tested: they must pass where a server keeps its word, and with FORGETFUL=1, where
 * updates are shown first and stored later, they must find the loss.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  readdirSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { WebSocket, WebSocketServer } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { decodeSyncFrame, encodeStep1, encodeStep2, encodeUpdate } from "../../src/wire.ts";

const FLUSH_INTERVAL_MS = 400;
const LOOK_INTERVAL_MS = 50;
const text = { type: "string" } as const;
const { values, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    data: text,
    listen: text,
    admin: text,
    cluster: text,
    root: text,
    as: text,
    peer: { type: "string", multiple: true },
  },
});
const folder = String(values.data);
const peers = (values.peer ?? []) as string[];
const docs = new Map<string, Y.Doc>();
const sessions = new Map<string, Set<WebSocket>>();
const links: WebsocketProvider[] = [];
const waiting: (() => void)[] = [];

if (positionals[0] === "serve") serve();
else await ask();

function open(name: string): Y.Doc {
  const known = docs.get(name);
  if (known !== undefined) return known;
  const doc = new Y.Doc();
  const path = join(folder, `${encodeURIComponent(name)}.updates`);
  if (existsSync(path)) {
    const lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
    for (const line of lines) Y.applyUpdate(doc, Buffer.from(line, "base64"));
  }
  const file = openSync(path, "a");
  doc.on("update", (update: Uint8Array) => {
    const store = () => writeSync(file, `${Buffer.from(update).toString("base64")}\n`);
    if (process.env["FORGETFUL"] === "1") waiting.push(store);
    else {
      store();
      fsyncSync(file);
    }
    for (const session of sessions.get(name) ?? []) session.send(encodeUpdate(update));
  });
  docs.set(name, doc);
  for (const peer of peers) {
    const WebSocketPolyfill = WebSocket as unknown as typeof globalThis.WebSocket;
    links.push(new WebsocketProvider(peer, name, doc, { WebSocketPolyfill, disableBc: true, maxBackoffTime: 200 }));
  }
  return doc;
}

function serve(): void {
  mkdirSync(folder, { recursive: true });
  for (const file of readdirSync(folder))
    if (file.endsWith(".updates")) open(decodeURIComponent(file.slice(0, -".updates".length)));
  const idPath = join(folder, "id");
  if (!existsSync(idPath)) writeFileSync(idPath, createHash("sha256").update(`${Math.random()}`).digest("hex"));
  const listener = createServer((_, response) => void response.end(JSON.stringify([...docs.keys()])));
  new WebSocketServer({ server: listener }).on("connection", (socket, request) => accept(socket, request));
  const admin = createServer(answer);
  setInterval(() => waiting.splice(0).forEach((store) => store()), FLUSH_INTERVAL_MS);
  setInterval(() => peers.forEach((peer) => void look(peer)), LOOK_INTERVAL_MS);
  process.once("SIGTERM", () => process.exit(0));
  admin.listen(0, "127.0.0.1", () => {
    listener.listen(Number(String(values.listen).split(":")[1]), "127.0.0.1", () => {
      const adminUrl = `http://127.0.0.1:${(admin.address() as AddressInfo).port}`;
      writeFileSync(join(folder, "admin"), adminUrl);
      const line = {
        event: "listening",
        url: `ws://${String(values.listen)}`,
        admin: adminUrl,
        peerId: readFileSync(idPath, "utf8"),
      };
      process.stdout.write(`${JSON.stringify(line)}\n`);
    });
  });
}

/** Takes over the names that a peer has. */
async function look(peer: string): Promise<void> {
  const answer = await fetch(peer.replace("ws:", "http:")).catch(() => undefined);
  for (const name of ((await answer?.json()) ?? []) as string[]) open(name);
}

function accept(socket: WebSocket, request: IncomingMessage): void {
  const name = decodeURIComponent((request.url ?? "/").slice(1));
  const doc = open(name);
  const all = sessions.get(name) ?? new Set();
  sessions.set(name, all.add(socket));
  socket.on("close", () => all.delete(socket));
  socket.on("message", (bytes: Buffer) => {
    const frame = decodeSyncFrame(new Uint8Array(bytes));
    if (frame?.kind === "step1") socket.send(encodeStep2(Y.encodeStateAsUpdate(doc, frame.stateVector)));
    else if (frame !== undefined) Y.applyUpdate(doc, frame.update);
  });
  socket.send(encodeStep1(Y.encodeStateVector(doc)));
}

function digest(doc: Y.Doc): string {
  const vector = [...Y.decodeStateVector(Y.encodeStateVector(doc))].sort(([a], [b]) => a - b);
  return createHash("sha256")
    .update(JSON.stringify([vector, doc.getText("text").toString()]))
    .digest("hex");
}

function root(): string {
  const written = [...docs].filter(([, doc]) => doc.store.clients.size > 0).sort(([a], [b]) => (a < b ? -1 : 1));
  return createHash("sha256")
    .update(JSON.stringify(written.map(([name, doc]) => [name, digest(doc)])))
    .digest("hex");
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const { pathname, searchParams } = new URL(request.url ?? "/", "http://localhost");
  if (pathname === "/status") {
    const pending = [...docs.values()].filter((doc) => doc.store.pendingStructs !== null).length;
    response.end(
      JSON.stringify({
        root: root(),
        state: "ready",
        documents: { alive: docs.size, deleted: 0, pending },
        links: [],
        sessions: 0,
      }),
    );
  } else {
    const doc = open(searchParams.get("name") ?? "");
    response.end(
      JSON.stringify({
        contentDigest: digest(doc),
        roots: { text: { kind: "text", value: doc.getText("text").toString() } },
      }),
    );
  }
}

/** `show` and `verify`, answered by the running peer. */
async function ask(): Promise<void> {
  const admin = readFileSync(join(folder, "admin"), "utf8");
  const path = positionals[0] === "show" ? `/show?name=${encodeURIComponent(positionals[1] ?? "")}` : "/status";
  process.stdout.write(await (await fetch(admin + path)).text());
}
