/** A peer of the release before, byte by byte as it spoke, at a real peer of this one. */
import { expect, it } from "vitest";
import * as Y from "yjs";
import { startPeer, until } from "./peers.ts";
import { RawClient, varUint } from "./raw-clients.ts";

const PEER = "0102030405060708090a0b0c0d0e0f10";
const PROCESS = "a1a2a3a4a5a6a7a8";
/** The last type that version 2 knows. */
const RECALL = 26;

function frame(...messages: readonly string[]): Uint8Array {
  const bytes = messages.map((hex) => Buffer.from(hex, "hex"));
  return Buffer.concat(bytes.flatMap((message) => [varUint(message.length), message]));
}

/** Type bytes of all messages in frames. */
function typesIn(frames: readonly Buffer[]): number[] {
  return frames.flatMap((bytes) => {
    const types: number[] = [];
    for (let at = 0; at < bytes.length;) {
      let length = 0;
      for (let shift = 0; ; shift += 7) {
        const byte = bytes[at++]!;
        length += (byte & 0x7f) * 2 ** shift;
        if (byte < 0x80) break;
      }
      types.push(bytes[at]!);
      at += length;
    }
    return types;
  });
}

it("[HND25] is greeted, heard and fed, and is told nothing that it does not know", async () => {
  const peer = await startPeer({ cluster: "old and new" });
  const old = await RawClient.link(peer.url ?? "");
  const { clusterId = "" } = peer.status();
  // Versions 1 to 2, fingerprints 1, features that nobody knows, a cluster; a writer without addresses, key or nonce.
  const hello = `01010201ffffffff0f01${clusterId}${PEER}${PROCESS}000000000000`;
  old.send(frame(hello));
  await until(() => peer.status().links[0]?.state === "open");
  expect(peer.status().links[0]).toMatchObject({ peerId: PEER, role: "writer" });

  const doc = new Y.Doc();
  doc.getText("body").insert(0, "from version 2");
  const update = Buffer.from(Y.encodeStateAsUpdate(doc)).toString("hex");
  const segment = `00${(update.length / 2).toString(16).padStart(2, "0")}${update}`;
  // A message of a type that nobody knows, and a broadcast of "n" with one segment and an age of 5 ms.
  old.send(frame("c8010203", `06${PROCESS}01016e010001${segment}05`));
  await until(async () => (await peer.show("n"))?.roots["body"]?.value === "from version 2");

  await using handle = await peer.open("n");
  handle.doc.getText("body").insert(0, "and 3, ");
  await until(() => old.messages.some(({ type }) => type === "broadcast"));
  // A ping; nodes of the root; the documents after the beginning.
  old.send(frame("0301", "0b010100", "0f0200"));
  await until(() => ["pong", "nodes", "stream"].every((type) => old.messages.some((one) => one.type === type)));
  const stream = old.messages.find((one) => one.type === "stream");
  expect(stream).toMatchObject({ documents: [{ name: "n", incarnation: 1 }], next: "" });
  const content = new Y.Doc();
  if (stream?.type === "stream") Y.applyUpdate(content, stream.documents[0]!.update);
  expect(content.getText("body").toString()).toBe("and 3, from version 2");
  expect(Math.max(...typesIn(old.received))).toBeLessThanOrEqual(RECALL);
  expect(peer.status().links[0]?.state).toBe("open");
});

it("[HND26] whose versions are too old is refused with who is to be upgraded", async () => {
  const peer = await startPeer({ cluster: "old and new" });
  const old = await RawClient.link(peer.url ?? "");
  old.send(frame(`010000010001${peer.status().clusterId}${PEER}${PROCESS}0000`));
  const { reason } = await old.closed;
  expect(reason).toMatch(/^YARROW_PROTOCOL_UNSUPPORTED peer 0102.* speaks protocol versions 0 to 0/);
  expect(old.messages.find(({ type }) => type === "refuse")).toMatchObject({
    detail: expect.stringContaining("upgrade the former"),
  });
});
