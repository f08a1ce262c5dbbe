/** Who is believed about whose cursor. */
import type { ProcessId } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { Desk, awareness, step1 } from "./desk.ts";
import { evict } from "./fake-replica.ts";
import { ADA, BOB, HERE, MOVED, OTHER_PEER, announced, deskWithAda, thereAre, told } from "./presence-scene.ts";

const THIRD_PEER = "00000000000000bb" as ProcessId;

describe("awareness among sessions", () => {
  it("[REL31] counts only from a session that has attached and was not evicted for it", () => {
    const desk = new Desk();
    desk.join(1);
    desk.open(2);
    desk.frame(2, awareness([BOB, 1, "{}"]));
    expect(thereAre(desk)).toEqual([]);

    desk.replica.deny("note", "stale");
    const effects = desk.step(
      { type: "session-frame", session: 2, bytes: step1() },
      { type: "session-frame", session: 2, bytes: awareness([BOB, 1, "{}"]) },
    );
    expect(effects.closes).toHaveLength(1);
    expect(effects.presence(1)).toEqual([]);
    desk.step();
    expect(desk.replica.batches.flat().map(({ type }) => type)).not.toContain("announce-presence");
  });

  it("[REL31] counts from the batch of the SyncStep1 on, which is how a stock provider opens", () => {
    const desk = new Desk();
    desk.join(1);
    desk.open(2);
    const effects = desk.step(
      { type: "session-frame", session: 2, bytes: step1() },
      { type: "session-frame", session: 2, bytes: awareness([BOB, 1, "{}"]) },
    );
    expect(effects.presence(1)).toEqual([[BOB, 1, "{}"]]);
    // The replica has stepped already, so the other peers hear of it in the next step, which is due at once.
    expect(desk.relay.nextDeadline()).toBe(desk.now);
    desk.step();
    expect(announced(desk)).toEqual([[BOB, 1, "{}"]]);
  });

  it("[REL32] goes to everybody at the document, the sender included, in one frame per batch with the latest of each", () => {
    const desk = deskWithAda();
    desk.join(3, "other");
    const effects = desk.step(
      { type: "session-frame", session: 1, bytes: awareness([ADA, 6, HERE]) },
      { type: "session-frame", session: 2, bytes: awareness([BOB, 1, "{}"]) },
      { type: "session-frame", session: 1, bytes: awareness([ADA, 7, MOVED]) },
    );
    expect(effects.types).toEqual(["session-send"]);
    expect(effects.all[0]).toMatchObject({ sessions: [1, 2] });
    expect(effects.presence(2)).toEqual([
      [ADA, 7, MOVED],
      [BOB, 1, "{}"],
    ]);
    expect(announced(desk)).toEqual([
      [ADA, 7, MOVED],
      [BOB, 1, "{}"],
    ]);
  });

  it("[REL33] is believed from anybody at a higher clock, who owns the client from then on", () => {
    const desk = deskWithAda();
    expect(desk.frame(2, awareness([ADA, 6, MOVED])).presence(1)).toEqual([[ADA, 6, MOVED]]);
    desk.close(1);
    expect(thereAre(desk)).toEqual([[ADA, 6, MOVED]]);
    expect(desk.close(2).types).toEqual([]);
    expect(thereAre(desk)).toEqual([]);
  });

  it.each([
    ["repeated as it is", [ADA, 5, HERE]],
    ["repeated otherwise", [ADA, 5, MOVED]],
    ["repeated as gone", [ADA, 5, "null"]],
    ["repeated late", [ADA, 4, MOVED]],
  ] as const)("[REL34] of others, %s, does nothing", (_how, state) => {
    const desk = deskWithAda();
    desk.pass(20_000);
    expect(desk.frame(2, awareness(state)).presence(1)).toEqual([]);
    expect(announced(desk)).toEqual([]);
    expect(thereAre(desk)).toEqual([[ADA, 5, HERE]]);
    // Nor does it prolong the state's life.
    desk.pass(10_000);
    expect(thereAre(desk)).toEqual([]);
  });

  it("[REL34] of one's own, repeated, does nothing", () => {
    const desk = deskWithAda();
    desk.pass(20_000);
    expect(desk.frame(1, awareness([ADA, 5, MOVED])).presence(2)).toEqual([]);
    expect(thereAre(desk)).toEqual([[ADA, 5, HERE]]);
    desk.pass(10_000);
    expect(thereAre(desk)).toEqual([]);
  });

  it("[REL35] is withdrawn by its owner at an equal clock, as a provider does that disconnects", () => {
    const desk = deskWithAda();
    expect(desk.frame(1, awareness([ADA, 5, " null "])).presence(2)).toEqual([[ADA, 5, "null"]]);
    expect(announced(desk)).toEqual([[ADA, 5, "null"]]);
    expect(thereAre(desk)).toEqual([]);
    // Closing afterwards has nothing left to tell.
    expect(desk.close(1).presence(2)).toEqual([]);
  });

  it("[REL35] of somebody unknown, said to be gone, is not kept", () => {
    const desk = deskWithAda();
    desk.frame(2, awareness([99, 3, "null"]));
    expect(desk.relay.counts().presenceRemoved).toBe(0);
  });
});

describe("awareness of a session that ends", () => {
  it("[REL36] is gone at once, with its clock, after a normal close", () => {
    const desk = deskWithAda();
    expect(desk.close(1).presence(2)).toEqual([[ADA, 5, "null"]]);
    expect(announced(desk)).toEqual([[ADA, 5, "null"]]);
  });

  it("[REL36] is gone at once after a final denial", () => {
    const desk = deskWithAda();
    desk.replica.script(evict(1, "invalid"));
    expect(desk.step().presence(2)).toEqual([[ADA, 5, "null"]]);
    desk.step();
    expect(announced(desk)).toEqual([[ADA, 5, "null"]]);
  });

  it("[REL37] stays 5 s after the connection broke, then goes", () => {
    const desk = deskWithAda();
    expect(desk.close(1, true).presence(2)).toEqual([]);
    expect(desk.pass(4_999).presence(2)).toEqual([]);
    expect(thereAre(desk)).toEqual([[ADA, 5, HERE]]);
    expect(desk.pass(1).presence(2)).toEqual([[ADA, 5, "null"]]);
    expect(announced(desk)).toEqual([[ADA, 5, "null"]]);
  });

  it("[REL37] stays 5 s after a close that the client is told to retry", () => {
    const desk = deskWithAda();
    desk.replica.script(evict(1, "overloaded"));
    expect(desk.step().presence(2)).toEqual([]);
    expect(desk.pass(5_000).presence(2)).toEqual([[ADA, 5, "null"]]);
  });

  it("[REL38] is taken over by the tab that comes back within the 5 s with the same clock", () => {
    const desk = deskWithAda();
    desk.close(1, true);
    desk.pass(3_000);
    desk.join(3);
    expect(desk.frame(3, awareness([ADA, 5, HERE])).presence(2)).toEqual([]);
    desk.pass(10_000);
    expect(thereAre(desk)).toEqual([[ADA, 5, HERE]]);
    expect(desk.close(3).presence(2)).toEqual([[ADA, 5, "null"]]);
  });

  it("[REL38] is not taken over by the echo of another, who has spoken before", () => {
    const desk = deskWithAda();
    desk.frame(2, awareness([BOB, 1, "{}"]));
    desk.close(1, true);
    desk.frame(2, awareness([ADA, 5, HERE]));
    expect(desk.pass(5_000).presence(2)).toEqual([[ADA, 5, "null"]]);
  });

  it("[REL38] is not taken over while its owner is there", () => {
    const desk = deskWithAda();
    desk.join(3);
    desk.frame(3, awareness([ADA, 5, HERE]));
    desk.close(3);
    expect(thereAre(desk)).toEqual([[ADA, 5, HERE]]);
  });

  it("[REL39] is not brought back by a late message for 60 s, except at a higher clock", () => {
    const desk = deskWithAda();
    desk.close(1);
    desk.pass(59_999);
    desk.frame(2, awareness([ADA, 5, HERE], [BOB, 1, "{}"]));
    expect(thereAre(desk)).toEqual([[BOB, 1, "{}"]]);
    desk.frame(2, awareness([ADA, 6, HERE]));
    expect(thereAre(desk)).toContainEqual([ADA, 6, HERE]);
    desk.frame(2, awareness([ADA, 6, "null"]));
    desk.pass(60_000);
    desk.frame(2, awareness([ADA, 2, HERE]));
    expect(thereAre(desk)).toContainEqual([ADA, 2, HERE]);
  });

  it("[REL41] ends 30 s after its last renewal, which is a higher clock", () => {
    const desk = deskWithAda();
    desk.pass(15_000);
    desk.frame(1, awareness([ADA, 6, HERE]));
    expect(desk.pass(29_999).presence(2)).toEqual([]);
    expect(desk.pass(1).presence(2)).toEqual([[ADA, 6, "null"]]);
    // The tab was only asleep.
    expect(desk.frame(1, awareness([ADA, 7, HERE])).presence(2)).toEqual([[ADA, 7, HERE]]);
  });
});

describe("awareness between peers", () => {
  it("[REL42] is told to the other peers when it changes, and again every 10 s, so that it does not end there", () => {
    const desk = deskWithAda();
    expect(announced(desk)).toEqual([[ADA, 5, HERE]]);
    desk.pass(9_999);
    expect(desk.replica.batches.flat().filter(({ type }) => type === "announce-presence")).toHaveLength(1);
    const effects = desk.pass(1);
    expect(announced(desk)).toEqual([[ADA, 5, HERE]]);
    expect(effects.presence(2)).toEqual([]);
    desk.frame(1, awareness([ADA, 6, MOVED]));
    expect(announced(desk)).toEqual([[ADA, 6, MOVED]]);
  });

  it("[REL42] is not told again once it has ended", () => {
    const desk = deskWithAda();
    desk.close(1);
    const batches = desk.replica.batches.length;
    desk.pass(100_000);
    const later = desk.replica.batches.slice(batches).flat();
    expect(later.filter(({ type }) => type === "announce-presence")).toEqual([]);
  });

  it("[REL43] told by another peer goes to the sessions of the document, and to the shell, but to no other peer", () => {
    const desk = deskWithAda();
    desk.join(3, "other");
    desk.replica.script(told(OTHER_PEER, [BOB, 3, "{}"]));
    const effects = desk.step();
    expect(effects.types).toEqual(["presence", "session-send"]);
    expect(effects.all[1]).toMatchObject({ sessions: [1, 2] });
    expect(effects.presence(1)).toEqual([[BOB, 3, "{}"]]);
    desk.pass(9_999);
    expect(
      desk.replica.batches.flat().flatMap((event) => (event.type === "announce-presence" ? event.states : [])),
    ).toEqual([{ clientId: ADA, clock: 5, state: HERE }]);
  });

  it("[REL43] is there for a session that joins later", () => {
    const desk = new Desk();
    desk.replica.script(told(OTHER_PEER, [BOB, 3, "{}"]));
    desk.step();
    expect(desk.join(1).presence(1)).toEqual([[BOB, 3, "{}"]]);
  });

  it("[REL50] goes when the peer that told it is lost, and comes back with its next word", () => {
    const desk = deskWithAda();
    desk.replica.script(told(OTHER_PEER, [BOB, 3, "{}"]));
    desk.step();
    desk.replica.script({ type: "presence-lost", origin: THIRD_PEER });
    expect(desk.step().presence(1)).toEqual([]);
    desk.replica.script({ type: "presence-lost", origin: OTHER_PEER });
    expect(desk.step().presence(1)).toEqual([[BOB, 3, "null"]]);
    desk.replica.script(told(OTHER_PEER, [BOB, 4, "{}"]));
    expect(desk.step().presence(1)).toEqual([[BOB, 4, "{}"]]);
  });

  it("[REL44] is kept by repetition from the peer that owns it, silently, and ends 30 s after the last", () => {
    const desk = deskWithAda();
    const repeat = told(OTHER_PEER, [BOB, 3, "{}"]);
    desk.replica.script(repeat);
    desk.step();
    desk.pass(20_000);
    desk.replica.script(repeat, told(THIRD_PEER, [BOB, 3, "{}"]));
    expect(desk.step().presence(1)).toEqual([]);
    desk.pass(20_000);
    // Somebody else's repetition counts for nothing.
    desk.replica.script(told(THIRD_PEER, [BOB, 3, "{}"]));
    desk.step();
    expect(
      desk
        .pass(9_999)
        .presence(2)
        .filter(([clientId]) => clientId === BOB),
    ).toEqual([]);
    expect(desk.pass(1).presence(2)).toContainEqual([BOB, 3, "null"]);
    expect(announced(desk).filter(([clientId]) => clientId === BOB)).toEqual([]);
  });

  it("[REL44] withdrawn by its peer is gone here", () => {
    const desk = deskWithAda();
    desk.replica.script(told(OTHER_PEER, [BOB, 3, "{}"]));
    desk.step();
    desk.replica.script(told(THIRD_PEER, [BOB, 3, "null"]));
    expect(desk.step().presence(1)).toEqual([]);
    desk.replica.script(told(OTHER_PEER, [BOB, 3, "null"]));
    expect(desk.step().presence(1)).toEqual([[BOB, 3, "null"]]);
  });

  it("[REL44] withdrawn before it was heard of stays gone when the state comes late", () => {
    const desk = deskWithAda();
    desk.replica.script(told(OTHER_PEER, [BOB, 3, "null"]), told(OTHER_PEER, [BOB, 3, "{}"]));
    desk.step();
    expect(thereAre(desk)).toEqual([[ADA, 5, HERE]]);
    expect(desk.relay.counts()).toMatchObject({ presence: 1, presenceRemoved: 1 });
  });

  it("[REL45] moves with a tab that reconnects to another peer", () => {
    const desk = deskWithAda();
    desk.close(1, true);
    desk.replica.script(told(OTHER_PEER, [ADA, 5, HERE]));
    desk.step();
    desk.pass(5_000);
    // It is the other peer's now: not withdrawn here, and not told by us.
    expect(thereAre(desk)).toEqual([[ADA, 5, HERE]]);
    desk.replica.script(told(OTHER_PEER, [ADA, 6, MOVED]));
    expect(desk.step().presence(2)).toEqual([[ADA, 6, MOVED]]);
    desk.pass(20_000);
    const states = desk.replica.batches
      .flat()
      .flatMap((event) => (event.type === "announce-presence" ? event.states : []));
    expect(states).toEqual([{ clientId: ADA, clock: 5, state: HERE }]);
  });

  it("[REL45] is not withdrawn among the peers by the one it has just left", () => {
    const desk = deskWithAda();
    desk.replica.script(evict(1, "invalid"), told(OTHER_PEER, [ADA, 6, MOVED]));
    desk.step();
    desk.step();
    expect(announced(desk)).toEqual([]);
    expect(thereAre(desk)).toEqual([[ADA, 6, MOVED]]);
  });

  it("[REL45] moves here from another peer at a higher clock, and is told by us from then on", () => {
    const desk = deskWithAda();
    desk.replica.script(told(OTHER_PEER, [BOB, 3, "{}"]));
    desk.step();
    desk.frame(2, awareness([BOB, 4, "{}"]));
    expect(announced(desk)).toEqual([[BOB, 4, "{}"]]);
    // The old owner's withdrawal comes too late.
    desk.replica.script(told(OTHER_PEER, [BOB, 3, "null"]));
    expect(desk.step().presence(1)).toEqual([]);
  });

  it("[REL46] that no client could have sent is left out", () => {
    const desk = deskWithAda();
    const deep = `${'{"a":'.repeat(17)}1${"}".repeat(17)}`;
    desk.replica.script(
      told(OTHER_PEER, [20, 1, "{"], [21, 1, "[]"], [22, 2 ** 32, "{}"], [23, 1, deep], [24, 1, "{}"]),
      told(OTHER_PEER, [25, 1, JSON.stringify("x".repeat(5_000))]),
    );
    expect(desk.step().presence(1)).toEqual([[24, 1, "{}"]]);
  });
});
