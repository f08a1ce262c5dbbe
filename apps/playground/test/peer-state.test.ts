import { describe, expect, it } from "vitest";
import { agreementOf, inWords, isCutOff, linkBetween, peerState, type PeerView } from "../src/peer-state.ts";
import type { LinkStatus, PeerStatus } from "../src/peers-api.ts";

function peer(name: string, links: readonly LinkStatus[], changes: Partial<PeerStatus> = {}): PeerView {
  const status = { peerId: `id-${name}`, state: "ready", root: "00", documents: { alive: 1 }, links, sessions: 1 };
  const document = { state: "alive", incarnation: 1, fingerprint: "aa" } as const;
  const address = { name, url: `ws://127.0.0.1/${name}`, pid: 1, running: true };
  return { ...address, document, status: { ...status, paused: false, ...changes } };
}

function stopped(name: string): PeerView {
  return { ...peer(name, []), running: false, status: undefined, document: undefined };
}

function holding(view: PeerView, fingerprint: string, incarnation = 1): PeerView {
  return { ...view, document: { state: "alive", incarnation, fingerprint } };
}

const toB: LinkStatus = { peerId: "id-B", state: "open" };

describe("peerState", () => {
  it("is connected with one open link, alone without any, and offline without a process", () => {
    expect(peerState(peer("A", [toB]))).toBe("connected");
    expect(peerState(peer("A", [{ ...toB, state: "waiting" }]))).toBe("alone");
    expect(peerState(stopped("A"))).toBe("offline");
    expect(peerState({ ...peer("A", []), status: undefined })).toBe("starting");
  });
});

describe("linkBetween", () => {
  const b = peer("B", []);

  it("is open when either end says so, found by peer id or by address", () => {
    expect(linkBetween(peer("A", [toB]), b)).toBe("open");
    expect(linkBetween(b, peer("A", [toB]))).toBe("open");
    expect(linkBetween(peer("A", [{ url: "ws://127.0.0.1/B/", state: "open" }]), b)).toBe("open");
  });

  it("is connecting when it is known but not up, and absent when neither end knows of it", () => {
    expect(linkBetween(peer("A", [{ ...toB, state: "waiting" }]), b)).toBe("connecting");
    expect(linkBetween(peer("A", [{ peerId: "id-C", state: "open" }]), b)).toBe("absent");
  });

  it("is cut when either end is paused, and down when either process is gone, whatever the reports say", () => {
    const paused = peer("A", [toB], { paused: true });
    expect(isCutOff(paused)).toBe(true);
    expect(linkBetween(paused, b)).toBe("cut");
    expect(linkBetween(b, paused)).toBe("cut");
    expect(linkBetween(peer("A", [toB]), stopped("B"))).toBe("down");
  });
});

describe("agreementOf", () => {
  const [a, b, c] = [peer("A", []), peer("B", []), peer("C", [])];

  it("is equal only when every peer runs and holds the same document and the same set", () => {
    expect(agreementOf([a, b, c])).toEqual({
      verdict: "equal",
      groups: [["A", "B", "C"]],
      setsEqual: true,
      offline: [],
    });
    expect(agreementOf([a, b, peer("C", [], { root: "01" })])).toMatchObject({
      verdict: "different",
      setsEqual: false,
    });
  });

  it("groups the peers by what they hold, an unwritten document and another incarnation included", () => {
    const unwritten = { ...b, document: undefined };
    expect(agreementOf([a, unwritten, c])).toMatchObject({ verdict: "different", groups: [["A", "C"], ["B"]] });
    expect(agreementOf([a, holding(b, "bb"), c]).groups).toEqual([["A", "C"], ["B"]]);
    expect(agreementOf([a, holding(b, "aa", 3), c]).groups).toEqual([["A", "C"], ["B"]]);
  });

  it("calls nothing equal while a peer is silent", () => {
    expect(agreementOf([a, b, stopped("C")])).toMatchObject({ verdict: "incomplete", offline: ["C"] });
    expect(agreementOf([a, { ...b, status: undefined }, c]).verdict).toBe("incomplete");
    expect(agreementOf([a, holding(b, "bb"), stopped("C")]).verdict).toBe("different");
  });
});

it("inWords joins names as one would say them", () => {
  expect([[], ["A"], ["A", "B"], ["A", "B", "C"]].map(inWords)).toEqual(["", "A", "A and B", "A, B and C"]);
});
