/** The part of the store contract that the past is read by. */
import { expect, test } from "vitest";
import type { Current } from "./store-fixture.ts";
import { append } from "./store-samples.ts";

export function past(current: Current): void {
  test("[STO29] rows of a document come back newest first, before a sequence, whatever their incarnation", () => {
    const { store, reopen } = current();
    store.transaction(() => {
      for (const [name, incarnation] of [
        ["a", 1],
        ["b", 1],
        ["a", 1],
        ["a", 2],
        ["a", 3],
      ] as const) {
        append(store, name, incarnation, 5, "x");
      }
    });
    const document = store.readDocument("a")?.id ?? 0;
    for (const open of [() => store, reopen]) {
      const one = open();
      const sequences = (before: number, limit: number) =>
        one.readLogBefore(document, before, limit).map((row) => row.sequence);
      expect(sequences(Number.MAX_SAFE_INTEGER, 10)).toEqual([5, 4, 3, 1]);
      expect(sequences(5, 2)).toEqual([4, 3]);
      expect(sequences(1, 2)).toEqual([]);
      expect([9, 3, 2, 1].map((below) => one.incarnationBefore(document, below))).toEqual([3, 2, 1, 0]);
      expect(one.incarnationBefore(99, 9)).toBe(0);
    }
  });

  test("[STO30] the time of the last arrival and the instant from which nothing was removed outlive a restart", () => {
    const { store, reopen } = current();
    expect([store.lastArrivalMs(), store.prunedThroughMs()]).toEqual([0, 0]);
    store.transaction(() => {
      append(store, "a", 1, 10, "x");
      append(store, "a", 1, 20, "x");
      append(store, "b", 1, 15, "x");
    });
    expect([store.lastArrivalMs() >= 15, store.prunedThroughMs()]).toEqual([true, 0]);
    const document = store.readDocument("a")?.id ?? 0;
    const remove = (): void => store.deleteLog(document, 1, 2);
    expect(() =>
      store.transaction(() => {
        remove();
        throw new Error("taken back");
      }),
    ).toThrow("taken back");
    expect(store.prunedThroughMs()).toBe(0);
    store.transaction(remove);
    expect(store.prunedThroughMs()).toBe(20);
    store.transaction(() => append(store, "b", 2, 30));
    store.transaction(() => append(store, "b", 3, 40, "y"));
    store.transaction(() => store.sweepDead(31, 10));
    // What had rows until 15 was there until 30.
    expect(store.prunedThroughMs()).toBe(30);
    const again = reopen();
    expect([again.lastArrivalMs(), again.prunedThroughMs()]).toEqual([40, 30]);
    again.transaction(() => again.deleteLog(again.readDocument("b")?.id ?? 0, 3, 99));
    expect(reopen().lastArrivalMs()).toBe(40);
  });
}
