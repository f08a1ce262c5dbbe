/** A session that reads more slowly than it is written to: dropped frames, one repair, and a limit to patience. */
import { describe, expect, it } from "vitest";
import * as Y from "yjs";
import { Desk, awareness, step1, update } from "./desk.ts";
import type { Heard } from "./desk.ts";

/** Somebody who types, and what each key press sends. */
class Writer {
  readonly document = new Y.Doc();

  type(text: string): Uint8Array {
    const known = Y.encodeStateVector(this.document);
    const body = this.document.getText("body");
    body.insert(body.length, text);
    return update(Y.encodeStateAsUpdate(this.document, known));
  }

  erase(index: number, length: number): Uint8Array {
    const known = Y.encodeStateVector(this.document);
    this.document.getText("body").delete(index, length);
    return update(Y.encodeStateAsUpdate(this.document, known));
  }
}

/** A browser's copy of a document, fed with what it hears. */
function hear(copy: Y.Doc, messages: readonly Heard[]): void {
  for (const message of messages) {
    if (message.says === "step2" || message.says === "update") Y.applyUpdate(copy, message.bytes);
  }
}

function textOf(copy: Y.Doc): string {
  return copy.getText("body").toString();
}

const congested = { type: "session-congested", session: 2 } as const;
const drained = { type: "session-drained", session: 2 } as const;

describe("a slow reader", () => {
  function typedAt(desk: Desk): { writer: Writer; copy: Y.Doc } {
    const writer = new Writer();
    const copy = new Y.Doc();
    desk.join(1);
    hear(copy, desk.join(2).to(2));
    hear(copy, desk.frame(1, writer.type("one ")).to(2));
    return { writer, copy };
  }

  it("[REL27] has its frames dropped while congested, and is repaired by one difference when drained", () => {
    const desk = new Desk();
    const { writer, copy } = typedAt(desk);
    desk.step(congested);
    expect(desk.relay.counts().congested).toBe(1);
    expect(desk.frame(1, writer.type("two ")).to(2)).toEqual([]);
    expect(desk.frame(1, writer.type("three ")).to(2)).toEqual([]);
    expect(desk.frame(1, writer.erase(0, 3)).to(2)).toEqual([]);

    const repair = desk.step(drained).to(2);

    expect(repair.map(({ says }) => says)).toEqual(["step2"]);
    hear(copy, repair);
    expect(textOf(copy)).toBe(" two three ");
    expect(copy.store.pendingStructs).toBeNull();
    expect(desk.relay.counts().congested).toBe(0);
    // And it is live again.
    hear(copy, desk.frame(1, writer.type("four")).to(2));
    expect(textOf(copy)).toBe(" two three four");
  });

  it("[REL27] misses nothing of the batch in which it falls behind or catches up", () => {
    const desk = new Desk();
    const { writer, copy } = typedAt(desk);
    const edit = (text: string) => ({ type: "session-frame", session: 1, bytes: writer.type(text) }) as const;
    hear(copy, desk.step(edit("a"), congested, edit("b")).to(2));
    expect(textOf(copy)).toBe("one ");
    hear(copy, desk.step(edit("c"), drained, edit("d")).to(2));
    hear(copy, desk.step(edit("e")).to(2));
    expect(textOf(copy)).toBe("one abcde");
  });

  it("[REL27] misses nothing when the repair takes its time, nor when it falls behind again meanwhile", () => {
    const desk = new Desk();
    const { writer, copy } = typedAt(desk);
    desk.step(congested);
    desk.frame(1, writer.type("two "));
    desk.replica.holdAnswers();
    hear(copy, desk.step(drained).to(2));
    hear(copy, desk.frame(1, writer.type("three ")).to(2));
    hear(copy, desk.step(congested).to(2));
    hear(copy, desk.frame(1, writer.type("four ")).to(2));
    hear(copy, desk.step(drained).to(2));
    expect(textOf(copy)).toBe("one ");
    // Two answers are under way; the second holds all of the first.
    desk.replica.releaseAnswers();
    const heard = desk.step().to(2);
    expect(heard.map(({ says }) => says)).toEqual(["step2"]);
    hear(copy, heard);
    expect(textOf(copy)).toBe("one two three four ");
    expect(copy.store.pendingStructs).toBeNull();
  });

  it("[REL27] has an answer dropped that comes while it is congested", () => {
    const desk = new Desk();
    const writer = new Writer();
    const copy = new Y.Doc();
    desk.join(1);
    desk.frame(1, writer.type("one "));
    desk.open(2);
    desk.replica.holdAnswers();
    desk.frame(2, step1());
    desk.step(congested);
    desk.replica.releaseAnswers();
    expect(desk.step().to(2)).toEqual([]);
    const heard = desk.step(drained).to(2);
    // It has not been asked yet what it has, so it is now.
    expect(heard.map(({ says }) => says)).toEqual(["step2", "step1"]);
    hear(copy, heard);
    expect(textOf(copy)).toBe("one ");
  });

  it("[REL28] may go on writing, and is asked about gaps when it is drained", () => {
    const desk = new Desk();
    typedAt(desk);
    const mine = new Writer();
    desk.step(congested);
    expect(
      desk
        .frame(2, mine.type("mine"))
        .to(1)
        .map(({ says }) => says),
    ).toEqual(["update"]);
    desk.replica.script({ type: "gap", subscriber: 2, stateVector: new Uint8Array([0]) });
    expect(desk.step().to(2)).toEqual([]);
    expect(
      desk
        .step(drained)
        .to(2)
        .map(({ says }) => says),
    ).toEqual(["step2", "step1"]);
  });

  it("[REL28] may say itself what it has", () => {
    const desk = new Desk();
    const { writer, copy } = typedAt(desk);
    desk.step(congested);
    desk.frame(1, writer.type("two "));
    const reloaded = new Y.Doc();
    expect(desk.frame(2, step1(Y.encodeStateVector(reloaded))).to(2)).toEqual([]);
    const heard = desk.step(drained).to(2);
    expect(heard.map(({ says }) => says)).toEqual(["step2", "step1"]);
    for (const document of [copy, reloaded]) {
      hear(document, heard);
      expect(textOf(document)).toBe("one two ");
    }
  });

  it("[REL27] is not even told that the server is alive, for it has bytes under way", () => {
    const desk = new Desk();
    typedAt(desk);
    desk.step(congested);
    const effects = desk.pass(29_000);
    expect(effects.to(1).length).toBeGreaterThan(0);
    expect(effects.to(2)).toEqual([]);
  });

  it("[REL29] misses no awareness either: it hears who is there, and who has gone", () => {
    const desk = new Desk();
    for (const session of [1, 2, 3]) desk.join(session);
    desk.frame(1, awareness([7, 1, "{}"]));
    desk.frame(3, awareness([8, 1, "{}"]));
    desk.step(congested);
    desk.close(3);
    expect(desk.frame(1, awareness([7, 2, '{"at":5}'])).to(2)).toEqual([]);
    expect(desk.step(drained).presence(2)).toEqual([
      [7, 2, '{"at":5}'],
      [8, 1, "null"],
    ]);
  });

  it("[REL30] is closed with 1013 after 30 s", () => {
    const desk = new Desk();
    typedAt(desk);
    desk.step(congested);
    expect(desk.pass(29_999).closes).toEqual([]);
    expect(desk.pass(1).closes).toEqual([{ session: 2, code: 1013, reason: "reads too slowly" }]);
    expect(desk.replica.batches.flat().at(-1)).toEqual({ type: "detach", subscriber: 2 });
    expect(desk.relay.counts()).toMatchObject({ sessions: 1, congested: 0 });
  });

  it("[REL30] is given more time when it was sent a large document, a second for each 256 KiB", () => {
    const desk = new Desk();
    const writer = new Writer();
    desk.join(1);
    desk.frame(1, writer.type("x".repeat(10 * 1024 * 1024)));
    desk.join(2);
    desk.step(congested);
    // 30 s and 40 s, looked at every 30 s.
    expect(desk.pass(89_999).closes).toEqual([]);
    expect(desk.pass(1).closes).toMatchObject([{ session: 2, code: 1013 }]);
  });

  it("[REL30] is given no more than others once it has that document", () => {
    const desk = new Desk();
    const writer = new Writer();
    desk.join(1);
    desk.frame(1, writer.type("x".repeat(10 * 1024 * 1024)));
    desk.open(2);
    desk.frame(2, step1());
    desk.step(congested);
    desk.replica.holdAnswers();
    desk.step(drained);
    desk.step(congested);
    expect(desk.pass(30_000).closes).toMatchObject([{ session: 2, code: 1013 }]);
  });

  it("[REL30] is closed with 1013 when it falls behind for long a fourth time within a minute", () => {
    const desk = new Desk();
    typedAt(desk);
    for (let time = 0; time < 3; time++) {
      desk.step(congested);
      desk.pass(2_000);
      expect(desk.step(drained).closes).toEqual([]);
      desk.pass(8_000);
    }
    desk.step(congested);
    desk.pass(2_000);
    expect(desk.step(drained).closes).toMatchObject([{ session: 2, code: 1013 }]);
    expect(desk.replica.lastBatch).toEqual([{ type: "detach", subscriber: 2 }]);
  });

  it("[REL30] may fall behind now and then, and for a moment as often as there are large frames", () => {
    const desk = new Desk();
    typedAt(desk);
    for (let time = 0; time < 12; time++) {
      desk.step(congested);
      desk.pass(2_000);
      expect(desk.step(drained).closes).toEqual([]);
      desk.pass(18_001);
    }
    for (let time = 0; time < 12; time++) {
      desk.step(congested);
      desk.pass(1_999);
      expect(desk.step(drained).closes).toEqual([]);
    }
  });

  it("[REL30] is of no interest before it has attached, or when it was not congested", () => {
    const desk = new Desk();
    desk.open(2);
    expect(desk.step(congested, drained).all).toEqual([]);
    desk.frame(2, step1());
    expect(desk.step(drained).all).toEqual([]);
    expect(desk.replica.lastBatch).toEqual([]);
  });
});
