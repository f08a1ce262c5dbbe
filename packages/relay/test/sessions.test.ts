/** How sessions end, how those who come back are slowed down, and how all are kept from thinking the server dead. */
import { describe, expect, it } from "vitest";
import { RELAY_DEFAULTS, createRelayConfig } from "../src/index.ts";
import { Desk, awareness, step1, update } from "./desk.ts";
import { evict } from "./fake-replica.ts";

const GARBAGE = new Uint8Array([0xff]);

describe("a session that the replica evicts", () => {
  it.each([
    ["deleted", 4404],
    ["stale", 4404],
    ["read-only", 4403],
    ["invalid", 4400],
    ["too-large", 4413],
    ["overloaded", 1013],
    ["joining", 1013],
    ["quarantined", 1011],
  ] as const)("[REL20] as %s is closed with %i and the detail", (reason, code) => {
    const desk = new Desk();
    desk.join(1);
    desk.replica.script(evict(1, reason));
    const effects = desk.step();
    expect(effects.closes).toEqual([{ session: 1, code, reason: `it is ${reason}` }]);
    expect(effects.types).toEqual(["session-close"]);
    expect(desk.relay.sessions()).toBe(0);
    // The replica has detached it already, and the shell's own notice comes too late to matter.
    desk.close(1);
    expect(desk.replica.lastBatch).toEqual([]);
  });

  it("[REL20] is sent nothing of a document that it may not have", () => {
    const desk = new Desk();
    desk.replica.deny("note", "stale");
    desk.open(1);
    expect(desk.frame(1, step1()).types).toEqual(["session-close"]);
  });

  it("[REL14] is spoken of no more, even when the replica repeats itself", () => {
    const desk = new Desk();
    desk.join(1);
    desk.replica.script(evict(1, "deleted"), evict(1, "invalid"), { type: "saved", subscriber: 1, edits: 1 });
    expect(desk.step().types).toEqual(["session-close"]);
  });

  it("[REL13] passes the eviction of an embedded handle through", () => {
    const desk = new Desk();
    desk.replica.script(evict(900, "deleted"));
    expect(desk.step().types).toEqual(["evict"]);
  });
});

describe("a client that comes back after a denial", () => {
  function denied(desk: Desk, session: number, address: string, name = "note") {
    desk.open(session, name, address);
    return desk.frame(session, step1());
  }

  it("[REL22] is told at once the first time, and left waiting 25 s the next time", () => {
    const desk = new Desk();
    desk.replica.deny("note", "deleted");
    expect(denied(desk, 1, "a").closes).toHaveLength(1);

    expect(denied(desk, 2, "a").all).toEqual([]);
    expect(desk.relay.counts().parked).toBe(1);
    expect(desk.pass(24_999).all).toEqual([]);
    expect(desk.pass(1).closes).toEqual([{ session: 2, code: 4404, reason: "it is deleted" }]);
    expect(desk.relay.sessions()).toBe(0);
  });

  it("[REL22] also when the relay itself denies: it is detached, and parked", () => {
    const desk = new Desk();
    desk.join(1, "note", "a");
    expect(desk.frame(1, GARBAGE).closes).toHaveLength(1);
    desk.join(2, "note", "a");
    expect(desk.frame(2, GARBAGE).all).toEqual([]);
    expect(desk.replica.lastBatch).toEqual([{ type: "detach", subscriber: 2 }]);
  });

  it("[REL23] has everything ignored while it is parked, and is not parked any longer for it", () => {
    const desk = new Desk();
    for (const session of [1, 2]) {
      desk.join(session, "note", "a");
      desk.frame(session, GARBAGE);
    }
    expect(desk.relay.counts().parked).toBe(1);
    desk.pass(20_000);
    for (const bytes of [step1(), update(new Uint8Array([0, 0])), awareness([7, 1, "{}"]), GARBAGE]) {
      expect(desk.frame(2, bytes).all).toEqual([]);
      expect(desk.replica.lastBatch).toEqual([]);
    }
    const moved = desk.step({ type: "session-congested", session: 2 }, { type: "session-drained", session: 2 });
    expect(moved.all).toEqual([]);
    expect(desk.pass(5_000).closes).toMatchObject([{ session: 2, code: 4400 }]);
    expect(desk.replica.lastBatch).toEqual([]);
  });

  it("[REL23] may leave before its time", () => {
    const desk = new Desk();
    desk.replica.deny("note", "stale");
    denied(desk, 1, "a");
    denied(desk, 2, "a");
    desk.close(2);
    expect(desk.relay.counts()).toMatchObject({ sessions: 0, parked: 0 });
    expect(desk.replica.lastBatch).toEqual([]);
    expect(desk.pass(30_000).closes).toEqual([]);
  });

  it("[REL24] is a repeat only by the same address, for the same document, within 60 s", () => {
    const desk = new Desk();
    for (const name of ["note", "other"]) desk.replica.deny(name, "deleted");
    denied(desk, 1, "a");
    expect(denied(desk, 2, "b").closes).toHaveLength(1);
    expect(denied(desk, 3, "a", "other").closes).toHaveLength(1);
    desk.pass(60_000);
    expect(denied(desk, 4, "a").closes).toHaveLength(1);
    desk.pass(59_999);
    expect(denied(desk, 5, "a").closes).toHaveLength(0);
  });

  it("[REL24] does not slow down others behind its address", () => {
    const desk = new Desk();
    desk.join(1, "note", "a");
    desk.frame(1, GARBAGE);
    desk.join(2, "note", "a");
    desk.frame(2, GARBAGE);
    desk.join(3, "note", "a");
    expect(desk.relay.counts().parked).toBe(1);
  });

  it("[REL24] is closed at once again after a reason that may pass", () => {
    const desk = new Desk();
    desk.replica.deny("note", "joining");
    denied(desk, 1, "a");
    expect(denied(desk, 2, "a").closes).toMatchObject([{ code: 1013 }]);
    expect(desk.relay.counts().denials).toBe(0);
  });

  it("[REL24] is remembered, and parked, within bounds", () => {
    const desk = new Desk({ denialsMax: 3, parkedMax: 1 });
    desk.replica.deny("note", "deleted");
    for (const [session, address] of ["a", "b", "c", "d"].entries()) denied(desk, session, address);
    expect(desk.relay.counts().denials).toBe(3);
    // "a" was forgotten for "d".
    expect(denied(desk, 10, "a").closes).toHaveLength(1);
    expect(denied(desk, 11, "d").closes).toHaveLength(0);
    expect(denied(desk, 12, "c").closes).toHaveLength(1);
    expect(desk.relay.counts().parked).toBe(1);
  });
});

describe("keep-alive", () => {
  /** The longest silence towards each of these sessions while time passes. */
  function longestSilence(desk: Desk, sessions: readonly number[], ms: number): number {
    const last = new Map(sessions.map((session) => [session, desk.now]));
    let longest = 0;
    const end = desk.now + ms;
    while (desk.now < end) {
      const effects = desk.pass(100);
      for (const session of sessions) {
        if (effects.to(session).length === 0) continue;
        longest = Math.max(longest, desk.now - (last.get(session) ?? 0));
        last.set(session, desk.now);
      }
    }
    return longest;
  }

  it("[REL25] no session hears nothing for 20 s, whether or not it has spoken", () => {
    const desk = new Desk();
    desk.join(1);
    desk.open(2);
    desk.join(3, "other");
    const silence = longestSilence(desk, [1, 2, 3], 120_000);
    expect(silence).toBeGreaterThan(5_000);
    expect(silence).toBeLessThan(20_000);
  });

  it("[REL25] holds when something else was sent just before its turn", () => {
    const desk = new Desk();
    desk.join(1);
    desk.join(2);
    desk.pass(8_000);
    desk.frame(2, awareness([7, 1, "{}"]));
    expect(longestSilence(desk, [1], 40_000)).toBeLessThan(20_000);
  });

  it("[REL26] is an awareness message about nobody, the same bytes for all", () => {
    const desk = new Desk();
    desk.join(1);
    desk.join(2);
    const sends = desk.pass(18_000).all.flatMap((effect) => (effect.type === "session-send" ? [effect] : []));
    expect(sends.length).toBeGreaterThan(1);
    for (const { frame } of sends) {
      expect(frame).toBe(sends[0]?.frame);
      expect([...frame]).toEqual([0x82, 3, 1, 1, 0]);
    }
  });

  it("[REL25] is not sent to a session that hears enough", () => {
    const desk = new Desk();
    desk.join(1);
    desk.join(2);
    let clock = 0;
    let quiet = 0;
    for (let turn = 0; turn < 60; turn++) {
      quiet += desk.pass(1_000).to(1).length;
      desk.frame(2, awareness([7, (clock += 1), "{}"]));
    }
    expect(quiet).toBe(0);
  });

  it("[REL25] catches up after a long pause with one frame per session", () => {
    const desk = new Desk();
    desk.join(1);
    desk.now += 600_000;
    expect(desk.step().to(1)).toHaveLength(1);
    expect(desk.relay.nextDeadline()).toBeGreaterThan(desk.now);
  });
});

describe("configuration", () => {
  it("[REL40] has defaults that agree with each other, and refuses values that do not", () => {
    expect(createRelayConfig()).toEqual(RELAY_DEFAULTS);
    expect(() => createRelayConfig({ keepAliveMs: 30_000 })).toThrow(/keepAliveMs/);
    expect(() => createRelayConfig({ parkMs: 30_000 })).toThrow(/parkMs/);
    expect(() => createRelayConfig({ presenceRenewalMs: 30_000 })).toThrow(/presenceRenewalMs/);
    expect(() => createRelayConfig({ presenceRemovedMs: 29_000 })).toThrow(/presenceRemovedMs/);
    expect(() => createRelayConfig({ heldBytesMax: Number.NaN })).toThrow(/heldBytesMax/);
  });
});
