/** Awareness between peers that tell each other only while somebody looks. */
import { describe, expect, it } from "vitest";
import { awareness } from "./desk.ts";
import { ADA, BOB, CAROL, HERE, MOVED, OTHER_PEER, announced, deskWithAda, told } from "./presence-scene.ts";

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
