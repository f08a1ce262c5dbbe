/** How a browser comes in, writes, hears of others and goes. Read from top to bottom. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { Desk, QUERY, awareness, step1, step2, update } from "./desk.ts";

/** A document with this text, written by one client. */
function written(text: string, clientId = 7): Y.Doc {
  const document = new Y.Doc();
  document.clientID = clientId;
  document.getText("body").insert(0, text);
  return document;
}

describe("a browser that joins", () => {
  it("[REL1] is sent nothing before its SyncStep1", () => {
    const desk = new Desk();
    expect(desk.open(1).all).toEqual([]);
    expect(desk.replica.lastBatch).toEqual([]);
  });

  it("[REL2] hears what it lacks, then is asked what it has, then hears who is there", () => {
    const desk = new Desk();
    desk.join(1);
    desk.frame(1, update(Y.encodeStateAsUpdate(written("hello"))));
    desk.frame(1, awareness([7, 1, '{"name":"Ada"}']));

    desk.open(2);
    const heard = desk.frame(2, step1()).to(2);

    expect(heard.map(({ says }) => says)).toEqual(["step2", "step1", "awareness"]);
    const copy = new Y.Doc();
    Y.applyUpdate(copy, bytesOf(heard[0]));
    expect(copy.getText("body").toString()).toBe("hello");
    expect(Y.decodeStateVector(bytesOf(heard[1]))).toEqual(new Map([[7, 5]]));
    expect(heard[2]).toEqual({ says: "awareness", states: [[7, 1, '{"name":"Ada"}']] });
  });

  it("[REL2] is sent only what its state vector lacks", () => {
    const desk = new Desk();
    const mine = written("hello");
    desk.join(1);
    desk.frame(1, update(Y.encodeStateAsUpdate(mine)));
    desk.open(2);
    const [answer] = desk.frame(2, step1(Y.encodeStateVector(mine))).to(2);
    expect(bytesOf(answer)).toEqual(new Uint8Array([0, 0]));
  });

  it("[REL3] has what it sent before its SyncStep1 dropped, and is asked for it", () => {
    const desk = new Desk();
    desk.open(1);
    desk.frame(1, update(Y.encodeStateAsUpdate(written("early"))));
    expect(desk.replica.lastBatch).toEqual([]);
    const heard = desk.frame(1, step1()).to(1);
    expect(heard.map(({ says }) => says)).toEqual(["step2", "step1"]);
  });

  it("[REL4] may send its first edits in the same batch; they follow its attach", () => {
    const desk = new Desk();
    const bytes = Y.encodeStateAsUpdate(written("hello"));
    const effects = desk.step(
      { type: "session-opened", session: 1, name: "note", address: "a" },
      { type: "session-frame", session: 1, bytes: step1() },
      { type: "session-frame", session: 1, bytes: update(bytes) },
    );
    expect(desk.replica.batches).toHaveLength(1);
    expect(desk.replica.lastBatch.map(({ type }) => type)).toEqual(["attach", "edit"]);
    // Held back until the answer, although it was delivered first.
    expect(effects.to(1).map(({ says }) => says)).toEqual(["step2", "step1", "update"]);
  });

  it("[REL5] gets everything new while its answer is being encoded, in order, after the answer", () => {
    const desk = new Desk();
    desk.join(1);
    desk.open(2);
    desk.replica.holdAnswers();
    desk.frame(2, step1());
    const mine = written("a");
    const first = desk.frame(1, update(Y.encodeStateAsUpdate(mine)));
    const known = Y.encodeStateVector(mine);
    mine.getText("body").insert(1, "b");
    const second = desk.frame(1, update(Y.encodeStateAsUpdate(mine, known)));
    expect(first.to(2)).toEqual([]);
    expect(second.to(2)).toEqual([]);

    desk.replica.releaseAnswers();
    const heard = desk.step().to(2);

    expect(heard.map(({ says }) => says)).toEqual(["step2", "step1", "update", "update"]);
    const copy = new Y.Doc();
    for (const message of heard) if (message.says !== "step1") Y.applyUpdate(copy, bytesOf(message));
    expect(copy.getText("body").toString()).toBe("ab");
  });

  it("[REL5] is closed with 1013 when too much happens before its answer", () => {
    const desk = new Desk({ heldBytesMax: 1_000 });
    desk.join(1);
    desk.open(2);
    desk.replica.holdAnswers();
    desk.frame(2, step1());
    const effects = desk.frame(1, update(Y.encodeStateAsUpdate(written("x".repeat(2_000)))));
    expect(effects.closes).toEqual([{ session: 2, code: 1013, reason: expect.any(String) }]);
    expect(desk.relay.nextDeadline()).toBe(desk.now);
    desk.step();
    expect(desk.replica.lastBatch).toEqual([{ type: "detach", subscriber: 2 }]);
  });

  it("[REL6] shares the bytes of an answer with those who join at once", () => {
    const desk = new Desk();
    const shared = new Uint8Array([0, 0]);
    const answer = { type: "answer", name: "note", incarnation: 1, update: shared, stateVector: shared } as const;
    desk.open(1);
    desk.open(2);
    desk.replica.holdAnswers();
    desk.frame(1, step1());
    desk.frame(2, step1());
    desk.replica.script({ ...answer, subscriber: 1 }, { ...answer, subscriber: 2 });
    const frames = desk
      .step()
      .all.flatMap((effect) => (effect.type === "session-send" && effect.frame[3] === 1 ? [effect.frame] : []));
    expect(frames).toHaveLength(2);
    expect(frames[0]).toBe(frames[1]);
  });
});

describe("a browser that writes", () => {
  it("[REL7] hears its own update back, in the one frame that all others get", () => {
    const desk = new Desk();
    for (const session of [1, 2, 3]) desk.join(session);
    desk.join(4, "other");
    const bytes = Y.encodeStateAsUpdate(written("hello"));

    const effects = desk.frame(2, update(bytes));

    expect(effects.types).toEqual(["session-send", "deliver"]);
    expect(effects.all[0]).toMatchObject({ sessions: [1, 2, 3] });
    expect(effects.to(2)).toEqual([{ says: "update", bytes }]);
  });

  it("[REL7] shares one frame and one update with those who write in the same batch", () => {
    const desk = new Desk();
    for (const session of [1, 2]) desk.join(session);
    const effects = desk.step(
      { type: "session-frame", session: 1, bytes: update(Y.encodeStateAsUpdate(written("a", 7))) },
      { type: "session-frame", session: 2, bytes: update(Y.encodeStateAsUpdate(written("b", 8))) },
    );
    expect(effects.types).toEqual(["session-send", "deliver"]);
  });

  it("[REL8] hears an update back that brought nothing new, alone", () => {
    const desk = new Desk();
    for (const session of [1, 2]) desk.join(session);
    const bytes = Y.encodeStateAsUpdate(written("hello"));
    desk.frame(1, update(bytes));
    const effects = desk.frame(2, update(bytes));
    expect(effects.to(2)).toEqual([{ says: "update", bytes }]);
    expect(effects.to(1)).toEqual([]);
  });

  it("[REL9] may answer our SyncStep1 with nothing, unnoticed", () => {
    const desk = new Desk();
    desk.join(1);
    expect(desk.frame(1, step2(new Uint8Array([0, 0]))).all).toEqual([]);
    expect(desk.replica.lastBatch).toEqual([]);
    // As an update it is an edit like any other.
    expect(desk.frame(1, update(new Uint8Array([0, 0]))).to(1)).toHaveLength(1);
  });

  it("[REL10] is asked again when an edit leaves a gap, at most once a second, and not forgotten", () => {
    const desk = new Desk();
    desk.join(1);
    const gap = (clock: number) =>
      ({ type: "gap", subscriber: 1, stateVector: new Uint8Array([1, 7, clock]) }) as const;
    desk.replica.script(gap(1), gap(2));
    expect(desk.step().to(1)).toEqual([{ says: "step1", bytes: new Uint8Array([1, 7, 1]) }]);
    desk.replica.script(gap(3));
    expect(desk.step().to(1)).toEqual([]);
    expect(desk.pass(999).to(1)).toEqual([]);
    expect(desk.pass(1).to(1)).toEqual([{ says: "step1", bytes: new Uint8Array([1, 7, 3]) }]);
    expect(desk.pass(5_000).to(1)).toEqual([]);
  });
});

describe("a browser that asks again", () => {
  it("[REL11] is answered at most once a second, with its last state vector", () => {
    const desk = new Desk();
    desk.join(1);
    expect(desk.frame(1, step1()).to(1)).toEqual([]);
    const document = written("hello");
    desk.frame(1, step1(Y.encodeStateVector(document)));
    expect(desk.pass(999).to(1)).toEqual([]);
    const heard = desk.pass(1).to(1);
    expect(heard.map(({ says }) => says)).toEqual(["step2", "step1"]);
    expect(desk.replica.lastBatch).toMatchObject([{ type: "attach", stateVector: Y.encodeStateVector(document) }]);
    desk.pass(1_000);
    expect(desk.frame(1, step1()).to(1)).toHaveLength(2);
  });

  it("[REL11] has one question under way at a time", () => {
    const desk = new Desk();
    desk.open(1);
    desk.replica.holdAnswers();
    desk.frame(1, step1());
    desk.frame(1, step1());
    desk.pass(10_000);
    expect(desk.replica.batches.flat().filter(({ type }) => type === "attach")).toHaveLength(1);
    desk.replica.releaseAnswers();
    desk.step();
    desk.pass(1_000);
    expect(desk.replica.batches.flat().filter(({ type }) => type === "attach")).toHaveLength(2);
  });

  it("[REL12] is told who is there when it queries, at most once a second", () => {
    const desk = new Desk();
    desk.join(1);
    desk.frame(1, awareness([7, 1, "{}"]));
    desk.join(2);
    expect(desk.frame(2, QUERY).to(2)).toEqual([{ says: "awareness", states: [[7, 1, "{}"]] }]);
    expect(desk.frame(2, QUERY).to(2)).toEqual([]);
    desk.pass(1_000);
    expect(desk.frame(2, QUERY).to(2)).toHaveLength(1);
  });
});

describe("what is not for sessions", () => {
  it("[REL13] passes through in its place, both ways", () => {
    const desk = new Desk();
    desk.join(1);
    desk.replica.script(
      { type: "deleted", request: 5, existed: true, failure: undefined },
      { type: "saved", subscriber: 900, edits: 1 },
      { type: "rebound", name: "note", incarnation: 3 },
      { type: "presence", name: "note", origin: "aa" as never, states: [] },
      { type: "saved", subscriber: 1, edits: 1 },
    );
    const effects = desk.step(
      { type: "delete", request: 5, name: "gone" },
      { type: "session-frame", session: 1, bytes: update(Y.encodeStateAsUpdate(written("x"))) },
      { type: "attach", subscriber: 900, name: "note", stateVector: new Uint8Array([0]) },
    );
    expect(desk.replica.lastBatch.map(({ type }) => type)).toEqual(["delete", "edit", "attach"]);
    expect(effects.types).toEqual(["session-send", "deliver", "answer", "deleted", "saved", "rebound", "presence"]);
  });

  it("[REL13] wakes for the replica's deadline as for its own", () => {
    const desk = new Desk();
    expect(desk.relay.nextDeadline()).toBe(Infinity);
    desk.replica.deadline = desk.now + 5;
    expect(desk.relay.nextDeadline()).toBe(desk.now + 5);
  });
});

describe("a browser that leaves", () => {
  it("[REL14] is detached and hears nothing more", () => {
    const desk = new Desk();
    for (const session of [1, 2]) desk.join(session);
    desk.close(1);
    expect(desk.replica.lastBatch).toEqual([{ type: "detach", subscriber: 1 }]);
    expect(desk.frame(2, update(Y.encodeStateAsUpdate(written("x")))).to(1)).toEqual([]);
    expect(desk.relay.sessions()).toBe(1);
    expect(desk.relay.sessionsOf("note")).toBe(1);
  });

  it("[REL14] leaves nothing behind but its denials and clocks", () => {
    const desk = new Desk();
    desk.open(1);
    desk.join(2);
    desk.close(1);
    desk.close(2);
    expect(desk.relay.counts()).toEqual({
      sessions: 0,
      documents: 0,
      congested: 0,
      parked: 0,
      denials: 0,
      presence: 0,
      presenceRemoved: 0,
      presenceBytes: 0,
    });
    expect(desk.relay.nextDeadline()).toBe(Infinity);
  });
});

function bytesOf(message: unknown): Uint8Array {
  const { bytes } = message as { bytes?: Uint8Array };
  if (bytes === undefined) throw new Error("no bytes were heard");
  return bytes;
}
