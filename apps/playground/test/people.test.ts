import { expect, test } from "vitest";
import { colorAt, shade } from "../src/people.ts";

test("people at one peer never share a colour, and no eye can tell the colours apart", () => {
  for (const place of [0, 1, 2, 3, 4, 5, 6, 7]) {
    const blueOf = (color: string) => Number.parseInt(color.slice(5), 16);
    const shades = [0, 1, 2, 3].map((step) => shade(colorAt(place), step));
    expect(new Set(shades).size).toBe(4);
    for (const color of shades) {
      expect(color).toMatch(/^#[0-9a-f]{6}$/);
      expect(color.slice(0, 5)).toBe(colorAt(place).slice(0, 5));
      expect(Math.abs(blueOf(color) - blueOf(colorAt(place)))).toBeLessThan(4);
    }
  }
});
