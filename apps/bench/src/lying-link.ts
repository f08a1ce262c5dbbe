/**
 * A link that greets as a follower and then sends changes. Written from docs/PROTOCOL.md, byte by byte: what a modified follower could
 * say, said by a program that has no part of Yarrow in it.
 */
import { randomBytes } from "node:crypto";
import * as encoding from "lib0/encoding";
import { WebSocket } from "ws";
import * as Y from "yjs";
import { within } from "./waiting.ts";

const TYPES = { hello: 1, broadcast: 6, documents: 14, stream: 16 } as const;
const VERSION = 2;
const FINGERPRINT_VERSION = 1;
const ANSWER_TIMEOUT_MS = 10_000;

export const LIES = ["broadcast", "deletion", "documents", "stream"] as const;
export type Lie = (typeof LIES)[number];

/** Greets, lies, and resolves with what the close frame says. */
export async function sendLie(url: string, clusterId: string, lie: Lie): Promise<string> {
  const socket = new WebSocket(url, "yarrow.peer.1");
  const closed = new Promise<string>((resolve, reject) => {
    socket.on("error", reject);
    socket.on("close", (code, reason) => resolve(`${code} ${String(reason)}`));
  });
  socket.on("open", () => {
    socket.send(frame(hello(clusterId)));
    socket.send(frame(change(lie)));
  });
  try {
    return await within(closed, ANSWER_TIMEOUT_MS, `the answer to a lie (${lie})`);
  } finally {
    socket.terminate();
  }
}

/** A length before each message. */
function frame(message: Uint8Array): Uint8Array {
  return encoding.encode((encoder) => encoding.writeVarUint8Array(encoder, message));
}

function hello(clusterId: string): Uint8Array {
  return encoding.encode((encoder) => {
    for (const value of [TYPES.hello, VERSION, VERSION, FINGERPRINT_VERSION, 0, 1])
      encoding.writeVarUint(encoder, value);
    encoding.writeUint8Array(encoder, Buffer.from(clusterId, "hex"));
    encoding.writeUint8Array(encoder, randomBytes(16));
    encoding.writeUint8Array(encoder, randomBytes(8));
    const [follower, addresses, follows, lastSequence, publicKey, nonce] = [1, 0, 1, 0, 0, 0];
    for (const value of [follower, addresses, follows, lastSequence, publicKey, nonce]) {
      encoding.writeVarUint(encoder, value);
    }
  });
}

function change(lie: Lie): Uint8Array {
  const doc = new Y.Doc();
  doc.getText("body").insert(0, "smuggled");
  const update = Y.encodeStateAsUpdate(doc);
  return encoding.encode((encoder) => {
    const uint = (value: number): void => encoding.writeVarUint(encoder, value);
    const document = (incarnation: number): void => {
      encoding.writeVarString(encoder, "followers/0");
      uint(incarnation);
      uint(0);
    };
    if (lie === "broadcast" || lie === "deletion") {
      uint(TYPES.broadcast);
      encoding.writeUint8Array(encoder, randomBytes(8));
      uint(1);
      document(lie === "deletion" ? 2 : 1);
      uint(lie === "deletion" ? 0 : 1);
      if (lie === "broadcast") {
        encoding.writeVarString(encoder, "");
        encoding.writeVarUint8Array(encoder, update);
      }
      return uint(0);
    }
    uint(TYPES[lie]);
    uint(1);
    if (lie === "documents") uint(1);
    uint(1);
    document(1);
    encoding.writeVarUint8Array(encoder, update);
    uint(0);
    uint(0);
  });
}
