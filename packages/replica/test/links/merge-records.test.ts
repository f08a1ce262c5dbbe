import type { PeerId } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { Surplus } from "../../src/anti-entropy/surplus.ts";
import type { Effect } from "../../src/effect.ts";
import { Link } from "../../src/links/link.ts";
import { MergeRecords } from "../../src/merge-records.ts";
import { HELLO } from "../../../protocol/test/samples.ts";

function linkTo(number: number): Link {
  const link = new Link(number, undefined, { role: "writer", follows: false, wish: "keep" }, 0, 1_000);
  const peerId = number.toString(16).padStart(32, "0") as PeerId;
  link.state = { kind: "open", hello: { ...HELLO, peerId, role: "follower" }, since: 0 };
  return link;
}

describe("what repairs brought", () => {
  it("[ROL12] what comes without a pause is one record; after a pause, or after being equal, another begins", () => {
    const records = new MergeRecords();
    const link = linkTo(1);
    records.received(link, 2, 10, 1_000);
    records.received(link, 1, 5, 60_999);
    expect(records.list()).toMatchObject([{ documents: 3, bytes: 15, sinceMs: undefined, atMs: 60_999 }]);
    records.received(link, 1, 5, 120_999);
    expect(records.list()).toHaveLength(2);
    records.equal(link, 121_000);
    records.received(link, 0, 0, 121_500);
    records.received(link, 4, 9, 122_000);
    expect(records.list().at(-1)).toMatchObject({ documents: 4, bytes: 9, sinceMs: 121_000 });
  });

  it("[ROL12] the newest 32 are kept, and of 256 peers when they were equal", () => {
    const records = new MergeRecords();
    for (let number = 1; number <= 33; number++) records.received(linkTo(number), 1, 1, number);
    expect(records.list().map(({ atMs }) => atMs)).toEqual(Array.from({ length: 32 }, (_, i) => i + 2));
    for (let number = 1; number <= 257; number++) records.equal(linkTo(number), 1_000 + number);
    records.received(linkTo(1), 1, 1, 100_000);
    expect(records.list().at(-1)?.sinceMs).toBeUndefined();
    records.received(linkTo(2), 1, 1, 100_000);
    expect(records.list().at(-1)?.sinceMs).toBe(1_002);
  });
});

describe("a surplus", () => {
  it("[ROL11] counts what is ahead in five rounds in a row, of at most 1,000 documents, and tells once", () => {
    const effects: Effect[] = [];
    const surplus = new Surplus({ roundsAlarm: 5, emit: (effect) => effects.push(effect) });
    const link = linkTo(1);
    const names = Array.from({ length: 1_001 }, (_, i) => `d${i}`);
    for (let round = 1; round <= 4; round++) surplus.found(link, round, names);
    surplus.found(link, 5, []);
    expect(link.theyHoldMore).toBe(0);
    for (let round = 6; round <= 9; round++) surplus.found(link, round, names);
    expect(effects).toEqual([]);
    for (const round of [10, 11]) surplus.found(link, round, names);
    expect(link.theyHoldMore).toBe(1_000);
    expect(effects).toMatchObject([{ fact: { kind: "follower-ahead", documents: 1_000 } }]);
    surplus.settled(link);
    expect(link.theyHoldMore).toBe(0);
  });
});
