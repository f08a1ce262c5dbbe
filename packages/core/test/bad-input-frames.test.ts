/** What a browser can send that it should not: each is answered as stated, and nobody else notices. */
import { readdirSync } from "node:fs";
import { DOCUMENT_BYTES_MAX } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { SESSION_FRAME_BYTES_MAX } from "../src/limits.ts";
import type { Peer } from "../src/peer-api.ts";
import { createRandom } from "../../replica/test/document/random-edits.ts";
import { HonestClients } from "./honest-clients.ts";
import { rootsEqual, startPeer, temporaryFolder, until } from "./peers.ts";
import { CRAFTED_UPDATES, deepJson, hex, quadraticUpdate, sampleUpdate } from "./crafted-updates.ts";
import { RawClient, syncFrame } from "./raw-clients.ts";
import { connectClient } from "./stock-client.ts";

const INVALID = 4400;
const TOO_LARGE = 4413;
const UNSUPPORTED = 1003;

/** Frames that cannot be meant, each with the code that closes their session. */
const FRAMES: readonly (readonly [string, Uint8Array | string, number])[] = [
  ["an empty frame", new Uint8Array(), INVALID],
  ["a text frame", "hello", UNSUPPORTED],
  ["an unknown message type", hex("63"), INVALID],
  ["an unknown sync message", hex("000901"), INVALID],
  ["a length beyond the frame", hex("0002ff01"), INVALID],
  ["a number beyond 2^53", hex("0002ffffffffffffffff7f"), INVALID],
  ["a message type not in its shortest form", Buffer.concat([hex("80008200"), hex("020000")]), INVALID],
  ["a state vector that is no state vector", syncFrame(0, hex("05ff")), INVALID],
  ...CRAFTED_UPDATES.map(([what, bytes]) => [what, syncFrame(2, bytes), INVALID] as const),
  ["a frame over the limit", new Uint8Array(SESSION_FRAME_BYTES_MAX + 1), TOO_LARGE],
  ["an update over the limit of a document", syncFrame(2, new Uint8Array(DOCUMENT_BYTES_MAX + 1)), TOO_LARGE],
];

describe("frames of a browser", () => {
  it.each(FRAMES)("[BAD1] %s closes its session, and disturbs nobody", async (what, frame, code) => {
    const peer = await startPeer();
    const honest = await HonestClients.connect(peer, what);
    const closed = await honest.during(async () => {
      const attacker = await RawClient.attached(peer.url ?? "", what);
      attacker.send(frame);
      return attacker.closed;
    });
    expect(closed).toMatchObject({ code });
    expect(peer.status().documents).toMatchObject({ alive: 2, pending: 0, quarantined: 0 });
  });

  it("[BAD1] what is built alike, but sound, is taken", async () => {
    const peer = await startPeer();
    for (const [document, bytes] of [
      ["text", sampleUpdate()],
      ["JSON 60 deep", deepJson(60)],
    ] as const) {
      const client = await RawClient.attached(peer.url ?? "", document);
      client.send(syncFrame(2, bytes));
      await until(() => peer.documents().some(({ name }) => name === document));
    }
    expect(peer.status().documents.pending).toBe(0);
  });

  it.each([1, 2, 3, 4, 5])("[BAD1] random bytes (seed %i) do no more than close their sessions", async (seed) => {
    const random = createRandom(seed);
    const peer = await startPeer();
    const honest = await HonestClients.connect(peer, "attacked");
    const codes = await honest.during(async () => {
      const closes: Promise<{ code: number }>[] = [];
      for (let frames = 0; frames < 30; frames++) {
        // A repeated denial at one document is held back, so all but the first go elsewhere.
        const document = frames === 0 ? "attacked" : `attacked ${frames}`;
        const attacker = await RawClient.attached(peer.url ?? "", document);
        const bytes = Uint8Array.from({ length: 1 + random.below(200) }, () => random.below(256));
        // Half of them look like messages at first.
        if (random.chance(0.5)) bytes.set([0, random.below(3)].slice(0, bytes.length));
        attacker.send(bytes);
        // Noise that happens to be a message is let pass; this is not.
        attacker.send(hex("63"));
        closes.push(attacker.closed);
      }
      return (await Promise.all(closes)).map(({ code }) => code);
    });
    expect(new Set(codes)).toEqual(new Set([INVALID]));
    expect(peer.status().documents).toMatchObject({ alive: 2, pending: 0 });
  });

  it("[BAD1] an update that is cut off anywhere closes its session, and nothing of it is taken", async () => {
    const peer = await startPeer();
    const honest = await HonestClients.connect(peer, "attacked");
    const whole = sampleUpdate();
    const frame = syncFrame(2, whole);
    const cuts = Array.from(whole, (_, end) => [
      [`attacked: update ${end}`, syncFrame(2, whole.subarray(0, end))] as const,
      [`attacked: frame ${end}`, frame.subarray(0, end)] as const,
    ]).flat();
    const answers = await honest.during(() =>
      Promise.all(
        cuts.map(async ([document, bytes], index) => {
          const attacker = await RawClient.attached(peer.url ?? "", index === 0 ? "attacked" : document);
          attacker.send(bytes);
          return [document, (await attacker.closed).code];
        }),
      ),
    );
    expect(answers).toEqual(cuts.map(([document]) => [document, INVALID]));
    expect(peer.status().documents).toMatchObject({ alive: 2, pending: 0 });
    const sender = await RawClient.attached(peer.url ?? "", "sound");
    sender.send(frame);
    await until(() => peer.documents().some(({ name }) => name === "sound"));
  });

  it("[BAD2] clocks of a client that nobody has heard of are asked for what comes before, not kept, and take nothing from those who are there", async () => {
    const peer = await startPeer();
    const honest = await HonestClients.connect(peer, "attacked");
    const doc = new Y.Doc();
    doc.clientID = 100;
    const victim = connectClient(peer.url ?? "", "victim", "3.1.0", doc);
    await until(() => victim.provider.synced);
    await honest.during(async () => {
      for (const document of ["attacked", "victim"]) {
        const attacker = await RawClient.attached(peer.url ?? "", document);
        const questions = (): number => attacker.received.filter((frame) => frame[0] === 0 && frame[1] === 0).length;
        await until(() => questions() === 1);
        // Clocks 5 to 1,000 of client 100, said to be deleted.
        attacker.send(syncFrame(2, hex("0101640500e30700")));
        // It is asked for what comes before them.
        await until(() => questions() === 2);
        attacker.close();
      }
    });
    expect(peer.status().documents.pending).toBe(0);
    victim.text.insert(0, "1234");
    await until(async () => (await peer.show("victim"))?.roots["body"]?.value === "1234");
    expect(victim.closes).toEqual([]);
    expect(victim.text.toString()).toBe("1234");
  });

  it("[BAD3] an update that costs Yjs seconds costs the peer none, and whoever reads it a worker's time", async () => {
    const peer = await startPeer();
    const honest = await HonestClients.connect(peer);
    const reader = await RawClient.attached(peer.url ?? "", "attacked");
    const attacker = await RawClient.attached(peer.url ?? "", "attacked");
    const frame = Buffer.from(syncFrame(2, quadraticUpdate(4_000)));
    await honest.during(async () => {
      attacker.send(frame);
      await until(() => [attacker, reader].every(({ received }) => received.some((each) => each.equals(frame))));
      // A sixteenth of the work, so that the test need not wait for it all.
      const smaller = await RawClient.attached(peer.url ?? "", "smaller");
      smaller.send(syncFrame(2, quadraticUpdate(1_000)));
      await until(() => peer.documents().some(({ name }) => name === "smaller"));
      expect((await peer.show("smaller"))?.roots["t"]?.value).toHaveLength(2_000);
    });
    // A word goes through two browsers and the peer; nothing may have held any of them up.
    expect(honest.slowestMs).toBeLessThan(1_000);
  });
});

/** Paths that name no document. */
const BAD_NAMES: readonly (readonly [string, string])[] = [
  ["of 300 bytes", "x".repeat(300)],
  ["of 258 bytes once decoded", "%C3%A9".repeat(129)],
  ["that is empty", ""],
  ["with a NUL", "a%00b"],
];

/** What stands in the request line after the first slash, and the document that is meant. */
const NAMES: readonly (readonly [string, string])[] = [
  ["%C3%A9".repeat(128), "é".repeat(128)],
  ["%", "%"],
  ["100%25", "100%"],
  ["%zz", "%zz"],
  ["..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"],
  ["%2E%2E", ".."],
  ["what%3Fis=this", "what?is=this"],
  ["a%0d%0aSet-Cookie:b", "a\r\nSet-Cookie:b"],
  ["%01%7f%1b[31m", "\u0001\u007f\u001b[31m"],
];

describe("names of documents", () => {
  it.each(BAD_NAMES)("[BAD4] one %s is closed with 4400", async (_what, path) => {
    const peer = await startPeer();
    const honest = await HonestClients.connect(peer);
    const closed = await honest.during(async () => (await RawClient.atPath(peer.url ?? "", path)).closed);
    expect(closed).toMatchObject({ code: INVALID });
    expect(peer.documents()).toHaveLength(1);
  });

  it("[BAD4] odd ones are meant literally, on every peer and after a restart, and no file is made of them", async () => {
    const data = temporaryFolder();
    const first = await startPeer({ data, cluster: "names" });
    const second = await startPeer({ cluster: "names", peers: [first.url ?? ""] });
    const honest = await HonestClients.connect(first);
    await honest.during(async () => {
      for (const [path, name] of NAMES) {
        const client = await RawClient.atPath(first.url ?? "", path);
        client.send(syncFrame(0, Uint8Array.of(0)));
        client.send(syncFrame(2, sampleUpdate()));
        await until(() => first.documents().some((document) => document.name === name));
        client.close();
      }
    });
    const names = NAMES.map(([, name]) => name).sort();
    const namesOf = (peer: Peer): string[] =>
      peer
        .documents()
        .flatMap(({ name }) => (name === "another document" ? [] : [name]))
        .sort();
    await until(() => rootsEqual([first, second]));
    expect(namesOf(second)).toEqual(names);
    await first.close();
    expect(readdirSync(data).sort()).toEqual(["identity.key", "lock.db", "yarrow.db"]);
    expect(namesOf(await startPeer({ data }))).toEqual(names);
  });
});
