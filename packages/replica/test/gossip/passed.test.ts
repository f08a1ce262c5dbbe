/** Acknowledgements on their way back: the ways of several peers can form a circle, and nothing runs in one. */
import type { Acknowledge, CoverAsk, PeerId, ProcessId } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import { Contribution, encodeContribution } from "../../src/document/contribution.ts";
import { Passed } from "../../src/gossip/passed.ts";
import { stage } from "./puppet.ts";

const ORIGIN = "ee".repeat(8) as ProcessId;
const SOMEBODY = "ab".repeat(16) as PeerId;

function ask(sequence: number, subject: number): CoverAsk {
  const contribution = encodeContribution(new Contribution());
  return { type: "cover-ask", origin: ORIGIN, sequence, subject, name: "n", incarnation: 1, contribution };
}

function acknowledge(sequence: number): Acknowledge {
  return { type: "acknowledge", origin: ORIGIN, sequence, peerId: SOMEBODY };
}

describe("acknowledgements", () => {
  it("[GOS23] go on once, however often they come round, and once more when they are asked for again", () => {
    const { puppets } = stage(2);
    const [first, second] = puppets;
    const passed = (): number => first.types().filter((type) => type === "acknowledge").length;
    first.say(ask(1, 1));
    second.say(acknowledge(1));
    expect(passed()).toBe(1);
    second.say(acknowledge(1)).say(acknowledge(1));
    expect(passed()).toBe(0);
    first.say(ask(2, 2));
    second.say(acknowledge(2)).say(acknowledge(1));
    expect(passed()).toBe(1);
    first.say(ask(3, 1));
    second.say(acknowledge(1)).say(acknowledge(1));
    expect(passed()).toBe(1);
  });

  it("[GOS23] are remembered for the latest questions only", () => {
    const passed = new Passed();
    for (let subject = 1; subject <= 10_000; subject++) passed.add(ORIGIN, subject, SOMEBODY);
    expect(passed.size).toBe(4_096);
    expect(passed.add(ORIGIN, 10_000, SOMEBODY)).toBe(false);
    expect(passed.add(ORIGIN, 1, SOMEBODY)).toBe(true);
  });
});
