import { expect, test } from "vitest";
import { Ranges } from "../../src/document/ranges.ts";
import { createRandom } from "./random-edits.ts";

test.each([
  ["into nothing", [], [2, 4], [2, 4], [2, 4]],
  ["behind", [0, 1], [2, 4], [2, 4], [0, 1, 2, 4]],
  ["touching the end", [0, 2], [2, 4], [2, 4], [0, 4]],
  ["touching the start", [2, 4], [0, 2], [0, 2], [0, 4]],
  ["in front", [5, 6], [0, 2], [0, 2], [0, 2, 5, 6]],
  ["within", [0, 9], [3, 4], [], [0, 9]],
  ["the same", [3, 4], [3, 4], [], [3, 4]],
  ["over several", [1, 2, 4, 5, 8, 9], [0, 7], [0, 1, 2, 4, 5, 7], [0, 7, 8, 9]],
  ["into a gap it fills", [0, 2, 4, 6], [2, 4], [2, 4], [0, 6]],
])("[DOC7] a range added %s", (_, before, [start, end], added, after) => {
  const ranges = Ranges.from(before);
  expect(ranges.add(start!, end!)).toEqual(added);
  expect(ranges.view()).toEqual(after);
});

test("[DOC7] ranges agree with a plain set of clocks, whatever is added, asked, taken away or divided", () => {
  const random = createRandom(5);
  const flatOf = (clocks: ReadonlySet<number>) => {
    const flat: number[] = [];
    for (const clock of [...clocks].sort((left, right) => left - right)) {
      if (flat.at(-1) === clock) flat[flat.length - 1] = clock + 1;
      else flat.push(clock, clock + 1);
    }
    return flat;
  };
  const setOf = (flat: readonly number[]) => {
    const clocks = new Set<number>();
    for (let index = 0; index < flat.length; index += 2) {
      for (let clock = flat[index]!; clock < flat[index + 1]!; clock++) clocks.add(clock);
    }
    return clocks;
  };
  for (let run = 0; run < 60; run++) {
    const reach = random.pick([20, 400]);
    const build = (count: number) => {
      const ranges = Ranges.empty();
      for (let index = 0; index < count; index++) {
        const start = random.below(reach);
        const end = start + 1 + random.below(4);
        const before = setOf(ranges.view());
        const added = setOf(ranges.add(start, end));
        expect(added).toEqual(setOf([start, end]).difference(before));
        expect(ranges.view()).toEqual(flatOf(before.union(added)));
      }
      return ranges;
    };
    // Up to 80 ranges, so that both ways of taking in a set are used.
    const left = build(random.below(80));
    const right = build(random.below(80));
    const [leftClocks, rightClocks] = [setOf(left.view()), setOf(right.view())];
    expect(left.minus(right)).toEqual(flatOf(leftClocks.difference(rightClocks)));
    expect(left.containsAll(right)).toBe(rightClocks.isSubsetOf(leftClocks));
    const clock = random.below(reach);
    const { below, above } = left.split(clock);
    expect(below.view()).toEqual(flatOf(new Set([...leftClocks].filter((at) => at < clock))));
    expect(above.view()).toEqual(flatOf(new Set([...leftClocks].filter((at) => at >= clock))));
    const joined = left.clone();
    expect(setOf(joined.addAll(right))).toEqual(rightClocks.difference(leftClocks));
    expect(joined.view()).toEqual(flatOf(leftClocks.union(rightClocks)));
    expect(left.view()).toEqual(flatOf(leftClocks));
  }
});

test("[DOC7] from() joins ranges that touch or overlap", () => {
  expect(Ranges.from([0, 2, 2, 4, 3, 5, 7, 8]).view()).toEqual([0, 5, 7, 8]);
  expect(Ranges.from([0, 9, 1, 2]).view()).toEqual([0, 9]);
});
