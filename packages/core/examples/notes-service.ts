/**
 * A plain Node service that embeds a peer: notes over HTTP, live in every browser and on every other peer.
 *
 *   GET  /notes          names of all notes
 *   GET  /notes/NAME     the text of one
 *   POST /notes/NAME     adds the body as a line, and answers when it is on disk
 *   DELETE /notes/NAME   deletes it everywhere
 *
 * Browsers edit the same notes with the stock y-websocket provider on the peer's own address.
 * Run it: `node notes-service.js ./data 8080`
 */
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { pathToFileURL } from "node:url";
import { YarrowError, createPeer } from "@yarrow/core";
import type { Peer, PeerOptions } from "@yarrow/core";

export interface NotesService extends AsyncDisposable {
  /** `http://host:port` of the notes. */
  readonly url: string;
  /** The peer inside; its `url` is where browsers and other peers connect. */
  readonly peer: Peer;
}

export async function startNotesService(options: PeerOptions, port = 0): Promise<NotesService> {
  const peer = await createPeer(options);
  const server = createServer((request, response) => {
    handle(peer, request).then(
      ({ status, body }) =>
        response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body)),
      (error: unknown) => {
        const status = error instanceof YarrowError && error.code === "YARROW_NAME_INVALID" ? 400 : 500;
        response.writeHead(status).end(error instanceof Error ? error.message : "failed");
      },
    );
  });
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    peer,
    [Symbol.asyncDispose]: async () => {
      await new Promise((resolve) => server.close(resolve).closeAllConnections());
      await peer.close();
    },
  };
}

async function handle(peer: Peer, request: IncomingMessage): Promise<{ status: number; body: unknown }> {
  const [, collection, ...rest] = new URL(request.url ?? "/", "http://x").pathname.split("/");
  const name = rest.map(decodeURIComponent).join("/");
  if (collection !== "notes") return { status: 404, body: { error: "there is only /notes" } };
  if (name === "") return { status: 200, body: peer.documents().map((document) => document.name) };
  switch (request.method) {
    case "GET": {
      const note = await peer.show(name, { as: { root: "body", kind: "text" } });
      if (note?.state !== "alive") return { status: 404, body: { error: `no note ${name}` } };
      return { status: 200, body: { name, text: note.roots["body"]?.value } };
    }
    case "POST": {
      const line = await readText(request);
      await using note = await peer.open(name);
      const body = note.doc.getText("body");
      body.insert(body.length, `${line}\n`);
      await note.saved();
      return { status: 201, body: { name, text: body.toString() } };
    }
    case "DELETE":
      return (await peer.delete(name))
        ? { status: 200, body: { name } }
        : { status: 404, body: { error: `no note ${name}` } };
    default:
      return { status: 405, body: { error: "GET, POST or DELETE" } };
  }
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString("utf8");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) {
  const [data = "./data", port = "8080"] = process.argv.slice(2);
  const service = await startNotesService({ data, listen: "127.0.0.1:4321" }, Number(port));
  console.log(`notes on ${service.url}/notes, browsers and peers on ${service.peer.url}`);
}
