import type { PeerId, Role } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { createConfig } from "../../src/config.ts";
import { Dialler } from "../../src/membership/dialler.ts";
import { Directory } from "../../src/membership/directory.ts";
import { Roster } from "../../src/membership/roster.ts";
import type { Views } from "../../src/membership/views.ts";

const config = createConfig();
const CONFIGURED = "ws://configured:1";

function idOf(number: number): PeerId {
  return number.toString(16).padStart(32, "0") as PeerId;
}

/** A peer that knows `known` others and one configured address, and has so many links. */
function scene({ links = 0, known = 36, role = "writer" }: { links?: number; known?: number; role?: Role } = {}) {
  let seed = 5;
  const random = (): number => (seed = (seed * 16807) % 2147483647) / 2147483647;
  const directory = new Directory(config, random);
  directory.add(CONFIGURED, { configured: true, now: 0 });
  const never = (): boolean => false;
  const roster = new Roster({ config, random, isLinked: never, isConfigured: never, forgotten: () => {} }, 0);
  roster.setAlone(false, 0);
  for (let i = 0; i < known; i++) {
    const urls = [`ws://known-${i}:1`];
    roster.learn({ peerId: idOf(i), urls, role: "writer", heardAt: 0, reached: true });
    directory.add(urls[0]!, { configured: false, peerId: idOf(i), now: 0 });
  }
  const state = { links };
  const views = {
    mesh: false,
    links: () => Array.from({ length: state.links }),
    target: () => 6,
    floor: () => 4,
    get isolated() {
      return state.links === 0;
    },
  } as unknown as Views;
  const parts = { config, random, directory, roster, views, role: () => role, discovery: true };
  const dialler = new Dialler({ ...parts, isLinked: never, isAlone: () => state.links === 0 }, 0);
  /** Runs so long in which every dial fails after `failMs`, and returns when each was made. */
  const run = (ms: number, failMs = 0): { readonly url: string; readonly at: number }[] => {
    const dialled: { url: string; at: number }[] = [];
    for (let now = 0; now < ms; now += 50) {
      for (const { url, at } of dialled) if (at + failMs === now - 50) directory.lost(url, now, "failed");
      for (const url of dialler.take(now, () => true)) dialled.push({ url, at: now });
    }
    return dialled;
  };
  return { dialler, directory, roster, state, run };
}

describe("dials with views", () => {
  it("[MEM20] as many as are missing, and no more while they are out", () => {
    const { dialler } = scene({ links: 3 });
    expect(dialler.take(0, () => true).length).toBe(3);
    for (let now = 1; now < 14_000; now += 100) expect(dialler.take(now, () => true)).toEqual([]);
  });

  it.each([
    [0, 1],
    [1, 3],
    [4, 1],
    [5, 1],
    [6, 0],
  ])("[MEM20] with %i links a round has %i dials", (links, dials) => {
    expect(scene({ links }).dialler.take(0, () => true).length).toBe(dials);
  });

  it("[MEM20] while nobody can be reached, one in 5 s at last, whatever is known", () => {
    const { run } = scene();
    const dialled = run(600_000);
    expect(dialled.filter(({ at }) => at < 10_000).length).toBeLessThan(20);
    const late = dialled.filter(({ at }) => at >= 60_000).length / 540;
    expect(late).toBeGreaterThan(0.8 / 5);
    // A round is 2.5 to 7.5 s long, and nothing is dialled beside the rounds.
    expect(late).toBeLessThan(1.1 / 5);
    expect(dialled.some(({ url }) => url === CONFIGURED)).toBe(true);
  });

  it("[MEM20] extra dials that were due in an outage are not made in the moment in which it ends", () => {
    const { dialler, state } = scene({ links: 0 });
    state.links = 6;
    dialler.linkOpened(1_000_000);
    expect(dialler.nextDeadline()).toBeLessThan(1_000_000);
    dialler.take(1_000_000, () => true);
    expect(dialler.take(1_000_500, () => true)).toEqual([]);
  });

  it("[MEM14, MEM20] who was declined tries others within half a second, but nobody twice in 15 s", () => {
    const { dialler, directory, run } = scene();
    run(60_000);
    const dialled: { readonly url: string; readonly at: number }[] = [];
    for (let now = 60_000; now < 75_000; now += 50) {
      for (const url of dialler.take(now, () => true)) {
        dialled.push({ url, at: now });
        directory.lost(url, now, "declined");
        dialler.done(url);
        dialler.declined(now);
      }
    }
    expect(dialled.filter(({ at }, i) => i > 0 && at - dialled[i - 1]!.at <= 500).length).toBeGreaterThan(10);
    expect(new Set(dialled.map(({ url }) => url)).size).toBe(dialled.length);
  });

  it("[MEM20] the first dials after the last link has ended are spread over two seconds", () => {
    const firsts = Array.from({ length: 50 }, (_, i) => {
      const { dialler, state } = scene({ links: 6 });
      for (let draw = 0; draw <= i; draw++) dialler.take(draw, () => true);
      dialler.take(0, () => true);
      state.links = 0;
      // The n-th draws the n-th number.
      for (let draw = 0; draw < i; draw++) dialler.linkEnded(1_000_000);
      dialler.linkEnded(1_000);
      return dialler.nextDeadline() - 1_000;
    });
    expect(Math.max(...firsts)).toBeLessThanOrEqual(2_000);
    expect(new Set(firsts.map((first) => Math.floor(first / 250))).size).toBeGreaterThan(1);
  });

  it("[MEM20] a view that is large enough is filled up at leisure", () => {
    const dialled = scene({ links: 5 }).run(600_000);
    expect(dialled.length).toBeLessThan(40);
  });

  it("[MEM21] a full view dials who seems gone, and who was configured and is not spoken of", () => {
    const { roster, run } = scene({ links: 6 });
    roster.fail(idOf(3));
    const dialled = run(300_000, 50).map(({ url }) => url);
    expect(dialled.filter((url) => url === CONFIGURED).length).toBeGreaterThan(0);
    expect(dialled.filter((url) => url === "ws://known-3:1").length).toBeGreaterThan(0);
    expect(dialled.length).toBeLessThan(30);
  });

  it("[MEM21] now and then a full view takes somebody else in, whom it wants", () => {
    const { dialler, run } = scene({ links: 6 });
    const wishes = run(900_000).map(({ url }) => dialler.wish(url));
    expect(wishes.length).toBeGreaterThan(1);
    expect(new Set(wishes)).toContain("high");
  });

  it("[MEM14, MEM23] what is said of a link depends on how much it is needed", () => {
    expect(scene({ links: 0 }).dialler.wish("ws://known-1:1")).toBe("join");
    expect(scene({ links: 3 }).dialler.wish("ws://known-1:1")).toBe("high");
    expect(scene({ links: 4 }).dialler.wish("ws://known-1:1")).toBe("low");
    expect(scene({ links: 4, role: "follower" }).dialler.wish(CONFIGURED)).toBe("keep");
    expect(scene({ links: 4 }).dialler.wish(CONFIGURED)).toBe("low");
  });
});
