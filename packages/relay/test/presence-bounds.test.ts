/** How much awareness one session, one document and all documents together may hold. */
import { describe, expect, it } from "vitest";
import { Desk, awareness } from "./desk.ts";
import { thereAre } from "./presence-scene.ts";

describe("the table's bounds", () => {
  it("[REL47] a session owns so many clients, and no more by renaming them", () => {
    const desk = new Desk({ presencePerSessionMax: 2 });
    desk.join(1);
    desk.frame(1, awareness([1, 1, "{}"], [2, 1, "{}"], [3, 1, "{}"]));
    expect(thereAre(desk).map(([clientId]) => clientId)).toEqual([1, 2]);
    desk.frame(1, awareness([1, 2, "{}"]));
    expect(thereAre(desk)).toContainEqual([1, 2, "{}"]);
    desk.frame(1, awareness([1, 3, "null"], [2, 3, "null"], [4, 1, "{}"], [5, 1, "{}"]));
    desk.frame(1, awareness([1, 4, "{}"]));
    expect(thereAre(desk).map(([clientId]) => clientId)).toEqual([4, 5]);
  });

  it("[REL48] a document holds so many states; clocks of those who left make room for those who come", () => {
    const desk = new Desk({ presenceStatesMax: 3 });
    desk.join(1);
    desk.join(2);
    desk.frame(1, awareness([1, 1, "{}"], [2, 1, "{}"]));
    desk.frame(2, awareness([3, 1, "{}"]));
    desk.frame(2, awareness([4, 1, "{}"]));
    expect(thereAre(desk).map(([clientId]) => clientId)).toEqual([1, 2, 3]);
    desk.close(1);
    desk.frame(2, awareness([5, 1, "{}"], [6, 1, "{}"], [7, 1, "{}"]));
    expect(thereAre(desk).map(([clientId]) => clientId)).toEqual([3, 5, 6]);
    expect(desk.relay.counts()).toMatchObject({ presence: 3, presenceRemoved: 0 });
  });

  it("[REL49] all states together hold so many bytes, and give them back", () => {
    const desk = new Desk({ presenceBytesMax: 1_000 });
    desk.join(1);
    desk.join(2, "other");
    const large = JSON.stringify({ text: "x".repeat(200) });
    desk.frame(1, awareness([1, 1, large], [2, 1, large]));
    desk.frame(2, awareness([3, 1, "{}"]));
    expect(thereAre(desk).map(([clientId]) => clientId)).toEqual([1]);
    expect(thereAre(desk, "other")).toHaveLength(1);
    // Growing is bounded as well.
    desk.frame(2, awareness([3, 2, large]));
    expect(thereAre(desk, "other")).toEqual([[3, 1, "{}"]]);
    expect(desk.relay.counts().presenceBytes).toBeLessThanOrEqual(1_000);
    desk.close(1);
    desk.frame(2, awareness([3, 3, large]));
    expect(thereAre(desk, "other")).toEqual([[3, 3, large]]);
    desk.close(2);
    desk.pass(60_000);
    expect(desk.relay.counts()).toMatchObject({ presence: 0, presenceRemoved: 0, presenceBytes: 0 });
    expect(desk.relay.nextDeadline()).toBe(Infinity);
  });
});
