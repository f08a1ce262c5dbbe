/** What can come over a link that should not: each is answered as stated, and browsers and honest peers go on. */
import { LINK_FRAME_BYTES_MAX, encodeFrame, encodeMessage } from "@yarrow/protocol";
import type { ClusterId, Hello, ProcessId, YarrowErrorCode } from "@yarrow/protocol";
import type { Fact } from "@yarrow/replica";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../replica/test/document/random-edits.ts";
import { LINK_SOCKET_FRAME_BYTES_MAX } from "../src/limits.ts";
import type { Peer } from "../src/peer-api.ts";
import { CRAFTED_UPDATES } from "./crafted-updates.ts";
import { HonestClients } from "./honest-clients.ts";
import { rootsEqual, startLine, startPeer, until } from "./peers.ts";
import { RawClient, helloOf } from "./raw-clients.ts";
import type { Close } from "./raw-clients.ts";

const STRANGERS = "f".repeat(32) as ClusterId;

function hello(peer: Peer, changes: Partial<Hello> = {}): Hello {
  return helloOf(peer.status().clusterId, changes);
}

/** Two linked peers, and honest clients at the first. */
async function startPair(): Promise<{ peers: Peer[]; peer: Peer; honest: HonestClients }> {
  const peers = await startLine(2);
  const [peer] = peers as [Peer];
  return { peers, peer, honest: await HonestClients.connect(peer, "shared") };
}

/** The honest peer is still linked, and equal. */
async function checkPair(peers: readonly Peer[]): Promise<void> {
  await until(() => rootsEqual(peers));
  for (const peer of peers) expect(peer.status().links.filter(({ state }) => state === "open")).toHaveLength(1);
}

function refusalsOf(peer: Peer): string[] {
  const refusals: string[] = [];
  peer.on("fact", (fact: Fact) => {
    if (fact.kind === "link-refused") refusals.push(fact.code);
  });
  return refusals;
}

function refusedUpdatesOf(peer: Peer): string[] {
  const refused: string[] = [];
  peer.on("fact", (fact: Fact) => {
    if (fact.kind === "refused-update") refused.push(`${fact.name} ${fact.code}`);
  });
  return refused;
}

const HELLOS: readonly (readonly [string, (peer: Peer) => Hello[], YarrowErrorCode])[] = [
  ["of another cluster", (peer) => [hello(peer, { clusterId: STRANGERS })], "YARROW_CLUSTER_MISMATCH"],
  [
    "of a later protocol",
    (peer) => [hello(peer, { protocolMin: 1_000, protocolMax: 1_001 })],
    "YARROW_PROTOCOL_UNSUPPORTED",
  ],
  ["of no protocol at all", (peer) => [hello(peer, { protocolMin: 2, protocolMax: 1 })], "YARROW_FRAME_INVALID"],
  ["with other fingerprints", (peer) => [hello(peer, { fingerprintVersion: 77 })], "YARROW_FINGERPRINT_UNSUPPORTED"],
  ["of this very process", (peer) => [hello(peer, { processId: peer.processId })], "YARROW_LINK_SELF"],
  ["said twice", (peer) => [hello(peer), hello(peer)], "YARROW_FRAME_INVALID"],
];

const FIRST_FRAMES: readonly (readonly [string, Uint8Array | string])[] = [
  ["an empty frame", new Uint8Array()],
  ["a text frame", "hello"],
  ["a message before the hello", encodeFrame([encodeMessage({ type: "ping", sequence: 1 })])],
  ["a length beyond the frame", Uint8Array.of(0xff, 0x01, 1)],
  ["a message of no length", Uint8Array.of(0)],
  ["a hello that is cut off", encodeFrame([encodeMessage(helloOf(STRANGERS)).subarray(0, 12)])],
  ["a browser's SyncStep1", Uint8Array.of(0, 0, 1, 0)],
  ["a frame over the limit of the protocol", new Uint8Array(LINK_FRAME_BYTES_MAX + 1)],
  ["a frame over the limit of the socket", new Uint8Array(LINK_SOCKET_FRAME_BYTES_MAX + 1)],
];

describe("links", () => {
  it.each(HELLOS)("[BAD5] a hello %s is refused by name, and the link closed", async (_what, hellos, code) => {
    const { peers, peer, honest } = await startPair();
    const refusals = refusalsOf(peer);
    const link = await RawClient.link(peer.url ?? "");
    const closed = await honest.during(async () => {
      link.say(...hellos(peer));
      return link.closed;
    });
    expect(link.messages.filter(({ type }) => type === "refuse")).toMatchObject([{ code }]);
    expect(closed).toMatchObject({ code: 1000, reason: expect.stringContaining(code) });
    expect(refusals).toEqual([code]);
    await checkPair(peers);
  });

  it("[BAD5] two undecided peers refuse each other, and become one cluster through a third", async () => {
    const blank = await startPeer({ peers: ["ws://127.0.0.1:1"] });
    const refusals = refusalsOf(blank);
    const second = await startPeer({ peers: [blank.url ?? ""] });
    await until(() => refusals.includes("YARROW_CLUSTER_UNDECIDED"));
    expect([blank, second].map((peer) => peer.status().state)).toEqual(["joining", "joining"]);
    const decided = await startPeer({ cluster: "decided", peers: [second.url ?? ""] });
    const honest = await HonestClients.connect(decided, "shared");
    await honest.write();
    await until(() => rootsEqual([blank, second, decided]), 20_000);
    expect(second.status().state).toBe("ready");
    await honest.check();
  });

  it("[BAD5] peers of two clusters stay apart, and each keeps its own", async () => {
    const { peer, honest } = await startPair();
    const stranger = await startPeer({ cluster: "strangers", peers: [peer.url ?? ""] });
    const refusals = refusalsOf(stranger);
    const strangers = await HonestClients.connect(stranger, "shared");
    await honest.during(() => strangers.during(() => until(() => refusals.includes("YARROW_CLUSTER_MISMATCH"))));
    expect(stranger.status().links.filter(({ state }) => state === "open")).toEqual([]);
    expect(stranger.status().root).not.toBe(peer.status().root);
  });

  it.each(FIRST_FRAMES)("[BAD6] %s ends the link", async (_what, frame) => {
    const { peers, peer, honest } = await startPair();
    const closed = await honest.during(async (): Promise<Close> => {
      const link = await RawClient.link(peer.url ?? "");
      link.send(frame);
      return link.closed;
    });
    expect([1000, 1003, 1009]).toContain(closed.code);
    await checkPair(peers);
  });

  it.each([1, 2, 3, 4, 5])("[BAD6] random bytes (seed %i) after a good hello end the link at most", async (seed) => {
    const random = createRandom(seed);
    const { peers, peer, honest } = await startPair();
    await honest.during(async () => {
      for (let links = 0; links < 20; links++) {
        const link = await RawClient.link(peer.url ?? "");
        const processId = links.toString(16).padStart(16, "0") as ProcessId;
        link.say(hello(peer, { processId }));
        const body = Uint8Array.from({ length: 1 + random.below(120) }, () => random.below(256));
        // Half of them are whole messages of a known type, with anything in them.
        if (random.chance(0.5)) {
          body[0] = random.below(30);
          link.send(encodeFrame([body]));
        } else link.send(body);
        link.send("enough");
        await link.closed;
      }
    });
    await checkPair(peers);
    expect((await peer.verify({ deep: true })).equal).toBe(true);
  });

  it("[BAD11] a crafted update in a broadcast is refused by name, and passed on to nobody", async () => {
    const { peers, peer, honest } = await startPair();
    const refused = peers.map(refusedUpdatesOf);
    await honest.during(async () => {
      const link = await RawClient.link(peer.url ?? "");
      link.say(hello(peer));
      for (const [index, [, update]] of CRAFTED_UPDATES.entries()) {
        const origin = helloOf(undefined).processId;
        const segments = [{ principal: "", update }];
        link.say({
          type: "broadcast",
          origin,
          sequence: index + 1,
          name: "shared",
          incarnation: 1,
          fence: [],
          segments,
          ageMs: 0,
          ordinal: 0,
        });
      }
      await until(() => refused[0]?.length === CRAFTED_UPDATES.length);
      link.close();
      await link.closed;
    });
    expect(new Set(refused[0])).toEqual(new Set(["shared YARROW_UPDATE_INVALID"]));
    await checkPair(peers);
    expect(refused[1]).toEqual([]);
    for (const each of peers) expect(each.status().documents).toMatchObject({ pending: 0, quarantined: 0 });
  });

  it("[BAD7] a link that says nothing is closed in time, and so is one that falls silent after its hello", async () => {
    const limits = { helloTimeoutMs: 200, pingIntervalMs: 100, linkSilentMs: 400 };
    const peer = await startPeer({ cluster: "test", limits });
    const honest = await HonestClients.connect(peer, "shared");
    const closes = await honest.during(async () => {
      const silent = await RawClient.link(peer.url ?? "");
      const mute = await RawClient.link(peer.url ?? "");
      mute.say(hello(peer));
      return Promise.all([silent.closed, mute.closed]);
    });
    for (const { reason } of closes) expect(reason).toContain("YARROW_LINK_SILENT");
    expect(peer.status().links).toEqual([]);
  });
});
