/** Echoes that wait for copies on other peers. The words: docs/spec/cop.md and docs/spec/rel.md. */
import type { Effect } from "@yarrow/replica";
import { describe, expect, test } from "vitest";
import { Desk } from "./desk.ts";

const OWN = new Uint8Array([1, 1]);
const OTHERS = new Uint8Array([2, 2]);
const ALL = new Uint8Array([3, 3]);

function deliver(deferred?: readonly { subscriber: number; others: Uint8Array | undefined }[]): Effect {
  const change = { type: "deliver", name: "note", incarnation: 1, update: ALL, writers: [1] } as const;
  return deferred === undefined ? change : { ...change, deferred };
}

function echo(subscriber: number): Effect {
  return { type: "echo", subscriber, update: OWN };
}

describe("an echo that waits", () => {
  test("[COP3] leaves the writer what others wrote, and everybody else everything", () => {
    const desk = new Desk();
    for (const session of [1, 2, 3]) desk.join(session);
    desk.replica.script(
      deliver([
        { subscriber: 1, others: OTHERS },
        { subscriber: 2, others: undefined },
      ]),
    );
    const shown = desk.step();
    expect(shown.to(1).map((message) => ("bytes" in message ? message.bytes : undefined))).toEqual([OTHERS]);
    expect(shown.to(2)).toEqual([]);
    expect(shown.to(3)).toMatchObject([{ says: "update", bytes: ALL }]);
    desk.replica.script(echo(1), { type: "confirmed", subscriber: 1, edits: 1 });
    const told = desk.step();
    expect(told.to(1)).toMatchObject([{ says: "update", bytes: OWN }]);
    expect(told.types).toEqual(["session-send"]);
  });

  test("[COP3, REL25] does not leave its writer in silence while others are spoken to", () => {
    const desk = new Desk({ keepAliveMs: 1_000 });
    for (const session of [1, 2]) desk.join(session);
    let heard = 0;
    for (let step = 0; step < 10; step++) {
      desk.replica.script(deliver([{ subscriber: 1, others: undefined }]));
      desk.step();
      heard += desk.pass(300).to(1).length;
    }
    expect(heard).toBeGreaterThanOrEqual(2);
  });

  test("[COP1, REL27] reaches a slow reader when it has drained, and one that waits for its answer after that", () => {
    const desk = new Desk();
    desk.join(1);
    desk.step({ type: "session-congested", session: 1 });
    desk.replica.script(deliver([{ subscriber: 1, others: undefined }]), echo(1));
    expect(desk.step().to(1)).toEqual([]);
    desk.replica.holdAnswers();
    desk.step({ type: "session-drained", session: 1 });
    desk.replica.script(echo(1));
    expect(desk.step().to(1)).toEqual([]);
    desk.replica.releaseAnswers();
    expect(
      desk
        .step()
        .to(1)
        .map(({ says }) => says),
    ).toEqual(["step2", "update", "update"]);
  });

  test("[COP5] closes a slow reader with 1013 that would have to keep more than 8 MiB of them", () => {
    const desk = new Desk({ heldBytesMax: 10 });
    desk.join(1);
    desk.step({ type: "session-congested", session: 1 });
    desk.replica.script(echo(1));
    expect(desk.step().closes).toEqual([]);
    desk.replica.script(echo(1));
    expect(desk.step().closes).toMatchObject([{ session: 1, code: 1013 }]);
  });
});
