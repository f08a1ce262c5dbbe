import { expect, it } from "vitest";
import { fingerprintBars } from "../src/fingerprint-view.ts";

it("draws one bar for each byte, hue from its high half and height from its low half", () => {
  const bars = fingerprintBars("00f08f" + "7a".repeat(13));
  expect(bars).toHaveLength(16);
  expect(bars.slice(0, 4)).toEqual([
    { hue: 0, level: 1 },
    { hue: 337.5, level: 1 },
    { hue: 180, level: 8 },
    { hue: 157.5, level: 6 },
  ]);
});
