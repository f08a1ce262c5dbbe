import { expect, test } from "vitest";
import { placeLabels } from "../src/caret-labels.ts";

test("a name stands at its caret where there is room", () => {
  expect(
    placeLabels(
      [
        { caret: 10, width: 30 },
        { caret: 80, width: 30 },
      ],
      300,
    ),
  ).toEqual([10, 80]);
});

test("names of carets close together stand side by side", () => {
  const labels = [
    { caret: 10, width: 30 },
    { caret: 10, width: 20 },
    { caret: 15, width: 20 },
  ];
  expect(placeLabels(labels, 300)).toEqual([10, 42, 64]);
});

test("names near the right edge move back inside, the ones before them too", () => {
  expect(placeLabels([{ caret: 290, width: 30 }], 300)).toEqual([270]);
  expect(
    placeLabels(
      [
        { caret: 250, width: 30 },
        { caret: 290, width: 30 },
      ],
      300,
    ),
  ).toEqual([238, 270]);
});

test("more names than a line holds begin at its left edge", () => {
  expect(
    placeLabels(
      [
        { caret: 5, width: 80 },
        { caret: 9, width: 80 },
      ],
      100,
    ),
  ).toEqual([0, 20]);
});
