/** Awareness between peers that tell each other only while somebody looks. */
import type { ProcessId } from "@yarrow/protocol";
import type { Effect } from "@yarrow/replica";
import { describe, expect, it } from "vitest";
import { Desk, awareness } from "./desk.ts";

const ADA = 7;
const BOB = 8;
const CAROL = 9;
const HERE = '{"name":"Ada"}';
const MOVED = '{"name":"Ada","cursor":5}';

const OTHER_PEER = "00000000000000aa" as ProcessId;

/** States that another peer tells of. */
function told(origin: ProcessId, ...states: readonly (readonly [number, number, string])[]): Effect {
  return {
    type: "presence",
    name: "note",
    origin,
    states: states.map(([clientId, clock, state]) => ({ clientId, clock, state })),
  };
}

/** What the other peers have been told in the last step. */
function announced(desk: Desk): (readonly [number, number, string])[] {
  return desk.replica.lastBatch.flatMap((event) =>
    event.type === "announce-presence"
      ? event.states.map(({ clientId, clock, state }) => [clientId, clock, state] as const)
      : [],
  );
}

/** A desk at which Ada (session 1) and Bob (session 2) look at a note, and Ada has said so. */
function deskWithAda(): Desk {
  const desk = new Desk();
  desk.join(1);
  desk.join(2);
  desk.frame(1, awareness([ADA, 5, HERE]));
  return desk;
}

describe("awareness between peers", () => {
  it("[PRE3] is told again when somebody elsewhere begins to look: of our own sessions, and of those that are there", () => {
    const desk = deskWithAda();
    desk.replica.script(told(OTHER_PEER, [BOB, 3, HERE]));
    desk.step();
    desk.frame(1, awareness([ADA, 6, "null"]));
    desk.frame(2, awareness([CAROL, 1, MOVED]));
    desk.replica.script({ type: "presence-wanted", name: "note" }, { type: "presence-wanted", name: "another" });
    desk.step();
    expect(desk.relay.nextDeadline()).toBe(desk.now);
    desk.step();
    expect(announced(desk)).toEqual([[CAROL, 1, MOVED]]);
    expect(desk.relay.nextDeadline()).toBeGreaterThan(desk.now);
  });

  it("[PRE3] is forgotten when nobody looks any more, for it is not told meanwhile; clocks of who has gone are not", () => {
    const desk = deskWithAda();
    desk.replica.script(told(OTHER_PEER, [BOB, 3, HERE], [CAROL, 7, HERE]));
    desk.step();
    desk.replica.script(told(OTHER_PEER, [CAROL, 7, "null"]));
    desk.step();
    expect(desk.relay.presenceOf("note").map(({ clientId }) => clientId)).toEqual([ADA, BOB]);
    desk.close(1);
    expect(desk.relay.presenceOf("note").map(({ clientId }) => clientId)).toEqual([BOB]);
    desk.close(2);
    expect(desk.relay.presenceOf("note")).toEqual([]);
    desk.join(3);
    expect(desk.relay.presenceOf("note")).toEqual([]);
    desk.replica.script(told(OTHER_PEER, [BOB, 3, HERE], [CAROL, 6, HERE]));
    desk.step();
    expect(desk.relay.presenceOf("note").map(({ clientId }) => clientId)).toEqual([BOB]);
  });
});
