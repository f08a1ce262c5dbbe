import type { ClusterId, Hello, PeerId, ProcessId } from "@yarrow/protocol";
import { FINGERPRINT_VERSION, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import type { Identity } from "../../src/links/handshake.ts";
import { judgeHello, newerLinkStays } from "../../src/links/handshake.ts";

const OURS = "0000000000000001" as ProcessId;
const THEIRS = "0000000000000002" as ProcessId;
const RED = "aa".repeat(16) as ClusterId;
const BLUE = "bb".repeat(16) as ClusterId;

const me: Identity = { processId: OURS, clusterId: RED };
const hello: Hello = {
  type: "hello",
  protocolMin: PROTOCOL_VERSION_MIN,
  protocolMax: PROTOCOL_VERSION,
  fingerprintVersion: FINGERPRINT_VERSION,
  features: 0,
  clusterId: RED,
  peerId: "cc".repeat(16) as PeerId,
  processId: THEIRS,
  role: "writer",
  addresses: [],
  follows: false,
  lastSequence: 0,
  publicKey: new Uint8Array(),
  nonce: new Uint8Array(),
  wish: "keep",
};

describe("judging a hello", () => {
  it.each<[string, Partial<Identity>, Partial<Hello>, object]>([
    ["the same cluster", {}, {}, { kind: "open", protocol: PROTOCOL_VERSION }],
    ["a later release", {}, { protocolMax: PROTOCOL_VERSION + 9 }, { kind: "open", protocol: PROTOCOL_VERSION }],
    ["unknown features", {}, { features: 2 ** 40 }, { kind: "open" }],
    ["a blank other side", {}, { clusterId: undefined }, { kind: "open" }],
    ["a blank self", { clusterId: undefined }, {}, { kind: "adopt", clusterId: RED }],
    ["two blanks", { clusterId: undefined }, { clusterId: undefined }, { code: "YARROW_CLUSTER_UNDECIDED" }],
    ["strangers", {}, { clusterId: BLUE }, { code: "YARROW_CLUSTER_MISMATCH" }],
    ["itself", {}, { processId: OURS }, { code: "YARROW_LINK_SELF" }],
    ["itself, blank", { clusterId: undefined }, { processId: OURS }, { code: "YARROW_LINK_SELF" }],
    [
      "only later versions",
      {},
      { protocolMin: PROTOCOL_VERSION + 1, protocolMax: PROTOCOL_VERSION + 2 },
      { code: "YARROW_PROTOCOL_UNSUPPORTED" },
    ],
    ["only earlier versions", {}, { protocolMin: 0, protocolMax: 0 }, { code: "YARROW_PROTOCOL_UNSUPPORTED" }],
    ["an empty range", {}, { protocolMin: 2, protocolMax: 1 }, { code: "YARROW_FRAME_INVALID" }],
    ["other fingerprints", {}, { fingerprintVersion: 2 }, { code: "YARROW_FINGERPRINT_UNSUPPORTED" }],
  ])("[HND6] %s", (_, mine, theirs, verdict) => {
    expect(judgeHello({ ...me, ...mine }, { ...hello, ...theirs })).toMatchObject(verdict);
  });

  it.each([
    ["older", { protocolMin: 0, protocolMax: 0 }, /^peer cccc.* 0 to 0, .*: upgrade the former$/],
    ["newer", { protocolMin: PROTOCOL_VERSION + 1, protocolMax: PROTOCOL_VERSION + 1 }, /: upgrade the latter$/],
  ])("[HND26] says who is to be upgraded: the other is %s", (_, versions, detail) => {
    expect(judgeHello(me, { ...hello, ...versions })).toMatchObject({ detail: expect.stringMatching(detail) });
  });

  it("[HND10] tells both cluster ids to whoever must find the mistake", () => {
    expect(judgeHello(me, { ...hello, clusterId: BLUE })).toMatchObject({
      detail: expect.stringMatching(`${RED}.*${BLUE}`),
    });
  });
});

describe("two links between two processes", () => {
  const sides = [
    [true, true],
    [true, false],
    [false, true],
    [false, false],
  ] as const;

  it.each(sides)("[HND8] older dialled by us: %s, newer dialled by us: %s: both sides agree", (older, newer) => {
    for (const [mine, theirs] of [
      [OURS, THEIRS],
      [THEIRS, OURS],
    ] as const) {
      const here = newerLinkStays({ weDialled: older }, { weDialled: newer }, mine, theirs);
      const there = newerLinkStays({ weDialled: !older }, { weDialled: !newer }, theirs, mine);
      expect(there).toBe(here);
      // Seen in the other order by the other side, the same link must still win.
      if (older !== newer) expect(newerLinkStays({ weDialled: newer }, { weDialled: older }, mine, theirs)).toBe(!here);
    }
  });

  it("[HND8] the one that the lower process dialled stays", () => {
    expect(newerLinkStays({ weDialled: false }, { weDialled: true }, OURS, THEIRS)).toBe(true);
    expect(newerLinkStays({ weDialled: false }, { weDialled: true }, THEIRS, OURS)).toBe(false);
  });
});
