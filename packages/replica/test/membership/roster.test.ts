import type { PeerId } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { createConfig } from "../../src/config.ts";
import type { Hearsay, Member } from "../../src/membership/roster.ts";
import { Roster } from "../../src/membership/roster.ts";

const config = createConfig({ addressesMax: 100 });
const { memberHorizonMs } = config;

function idOf(number: number): PeerId {
  return number.toString(16).padStart(32, "0") as PeerId;
}

function hearsay(number: number, changes: Partial<Hearsay> = {}): Hearsay {
  return { peerId: idOf(number), urls: [`ws://${number}`], role: "writer", heardAt: 0, reached: true, ...changes };
}

function roster(linked: readonly number[] = [], configured: readonly string[] = []) {
  let seed = 1;
  const forgotten: Member[] = [];
  const made = new Roster(
    {
      config,
      random: () => (seed = (seed * 16807) % 2147483647) / 2147483647,
      isLinked: (peerId) => linked.some((number) => idOf(number) === peerId),
      isConfigured: (url) => configured.includes(url),
      forgotten: (member) => forgotten.push(member),
    },
    0,
  );
  made.setAlone(false, 0);
  return { made, forgotten };
}

describe("who counts as gone", () => {
  it("[MEM17] whoever was not heard of within the horizon", () => {
    const { made } = roster();
    made.learn(hearsay(1));
    expect(made.unlinked(memberHorizonMs).length).toBe(1);
    expect(made.unlinked(memberHorizonMs + 1)).toEqual([]);
    expect(made.passive(memberHorizonMs + 1)).toEqual([]);
    expect(made.lost(memberHorizonMs + 1).length).toBe(1);
    made.learn(hearsay(1, { heardAt: 5 }));
    expect(made.unlinked(memberHorizonMs + 5).length).toBe(1);
    made.learn(hearsay(1, { heardAt: 2 }));
    expect(made.unlinked(memberHorizonMs + 5).length).toBe(1);
  });

  it("[MEM17] nobody grows old while this peer has no link", () => {
    const { made } = roster();
    made.learn(hearsay(1));
    made.setAlone(true, 1_000);
    expect(made.unlinked(1_000 + 100 * memberHorizonMs).length).toBe(1);
    made.setAlone(false, 100 * memberHorizonMs);
    expect(made.unlinked(101 * memberHorizonMs - 1_000).length).toBe(1);
    expect(made.unlinked(101 * memberHorizonMs - 999)).toEqual([]);
  });

  it("[MEM17] a dial that failed makes one seem gone until it is heard of again", () => {
    const { made } = roster();
    made.learn(hearsay(1));
    made.fail(idOf(1));
    expect(made.passive(0)).toEqual([]);
    made.learn(hearsay(1));
    expect(made.passive(0)).toEqual([]);
    made.learn(hearsay(1, { heardAt: 1 }));
    expect(made.passive(1).length).toBe(1);
  });
});

describe("what is passed on", () => {
  it("[MEM17] addresses that nobody reached are told in a mesh only", () => {
    const { made } = roster();
    made.learn(hearsay(1, { reached: false }));
    made.learn(hearsay(2));
    // Few are known, so that a mesh may be near, and whoever is counted must have been heard of.
    for (const mesh of [true, false]) expect(made.tellable(mesh, 10).length).toBe(2);
    for (let number = 3; number <= 2 * config.meshPeersMax; number++) made.learn(hearsay(number, { reached: false }));
    expect(made.tellable(false, 10).map(({ peerId }) => peerId)).toEqual([idOf(2)]);
    expect(made.tellable(true, 10).length).toBe(2 * config.meshPeersMax);
    expect(made.entry(made.get(idOf(1))!, 10, false)).toMatchObject({ ageMs: 10, urls: [] });
    expect(made.entry(made.get(idOf(1))!, 10, true).urls).toEqual(["ws://1"]);
    expect(made.entry(made.get(idOf(2))!, 10, false).urls).toEqual(["ws://2"]);
  });

  it("[MEM17] neither who seems gone, nor who was merely stored, but who is linked", () => {
    const { made } = roster([3]);
    made.restore(idOf(1), ["ws://1"], 0);
    made.learn(hearsay(2));
    made.learn(hearsay(3, { urls: [] }));
    expect(made.tellable(true, memberHorizonMs + 1).map(({ peerId }) => peerId)).toEqual([idOf(3)]);
    expect(made.entry(made.get(idOf(3))!, memberHorizonMs + 1, false).ageMs).toBe(0);
    expect(made.unlinked(memberHorizonMs).length).toBe(2);
  });
});

describe("what is remembered", () => {
  it("[MEM18] in a mesh the longest unheard goes first", () => {
    const { made, forgotten } = roster([1]);
    for (let i = 1; i <= 102; i++) made.learn(hearsay(i, { heardAt: i }));
    made.trim(true, 200);
    expect(made.size).toBe(100);
    expect(forgotten.map(({ peerId }) => peerId).sort()).toEqual([idOf(2), idOf(3)]);
  });

  it("[MEM18] with views: 36 to dial, 12 that seem gone, 12 without an address, and all that are linked", () => {
    const now = memberHorizonMs + 10;
    const linked = Array.from({ length: 8 }, (_, i) => 1_000 + i);
    const { made, forgotten } = roster(linked);
    for (let i = 0; i < 60; i++) {
      made.learn(hearsay(100 + i, { heardAt: now }));
      made.learn(hearsay(200 + i, { heardAt: 1 }));
      made.learn(hearsay(300 + i, { heardAt: now, urls: [] }));
    }
    for (const number of linked) made.learn(hearsay(number));
    made.trim(false, now);
    expect(made.passive(now).length).toBe(36);
    expect(made.lost(now).length).toBe(12);
    expect(made.size).toBe(36 + 12 + 12 + 8);
    expect(forgotten.length).toBe(180 - 60);
    made.trim(false, now);
    expect(forgotten.length).toBe(180 - 60);
  });

  it("[MEM18] who lives at a configured address is not forgotten", () => {
    const { made } = roster([], ["ws://1"]);
    made.learn(hearsay(1, { heardAt: 0 }));
    for (let i = 2; i < 300; i++) made.learn(hearsay(i, { heardAt: 10 }));
    made.trim(false, 20);
    made.trim(true, 20);
    made.trim(false, memberHorizonMs + 5);
    expect(made.get(idOf(1))).toBeDefined();
  });

  it("[MEM18] followers leave room for writers", () => {
    const { made } = roster();
    for (let i = 0; i < 100; i++) made.learn(hearsay(i, { role: i < 80 ? "follower" : "writer" }));
    made.trim(false, 0);
    expect(made.passive(0).filter(({ role }) => role === "writer").length).toBe(20);
    expect(made.passive(0).length).toBe(32);
  });
});
