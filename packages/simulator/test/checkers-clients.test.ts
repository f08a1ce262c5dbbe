/** Checkers of what clients see and say, and of what peers say to each other: each is shown a broken promise and must name it. */
import * as Y from "yjs";
import { describe, expect, test } from "vitest";
import { Authorship } from "../src/checkers/authorship.ts";
import { checkAwareness } from "../src/checkers/awareness.ts";
import { Traffic } from "../src/checkers/traffic.ts";
import { Scene } from "./scene.ts";

describe("awareness", () => {
  test("[SIM18] is content when the tabs of two peers see each other, and nobody else", () => {
    const scene = new Scene();
    const left = scene.tab(scene.a);
    const right = scene.tab(scene.b);
    const gone = scene.tab(scene.b);
    scene.cluster.closeTab(gone);
    scene.while();
    checkAwareness(scene.cluster);
    expect(left.seen()).toEqual([right.editor.client]);
  });

  test("[SIM18] sees a tab that is there and not seen", () => {
    const scene = new Scene();
    scene.tab(scene.a);
    scene.tab(scene.b);
    scene.part().while();
    expect(() => checkAwareness(scene.cluster)).toThrow(/^awareness: tab-2 in page does not see tab-3/);
  });

  test("[SIM18] sees one that is seen and not there", () => {
    const scene = new Scene();
    const left = scene.tab(scene.a);
    left.seen = () => [7];
    scene.while();
    expect(() => checkAwareness(scene.cluster)).toThrow(/^awareness: tab-2 in page sees client 7, who is not there/);
  });
});

describe("equivocation", () => {
  test("[SIM3] sees a client that writes a clock twice", () => {
    const authorship = new Authorship();
    for (const word of ["one", "two"]) {
      const doc = new Y.Doc();
      doc.clientID = 7;
      doc.getText("text").insert(0, word);
      const write = (): void => authorship.wrote(7, "page", Y.encodeStateAsUpdate(doc));
      if (word === "one") write();
      else expect(write).toThrow(/^equivocation: client 7 in page wrote clock 0 twice/);
    }
  });
});

describe("traffic", () => {
  test("[SIM19] sees frames that go round in circles", () => {
    const traffic = new Traffic();
    const storm = (): void => {
      for (let frame = 0; frame < 1_000; frame++) traffic.note(5_000, "peer-0", "peer-1", 10);
    };
    expect(storm).toThrow(/^traffic: peer-0 sends peer-1 more than/);
  });

  test("[SIM19] sees more bytes than what was written can need", () => {
    const traffic = new Traffic();
    traffic.note(0, "peer-0", "peer-1", 40_000);
    traffic.checkBudget(2, 0, 60_000);
    traffic.note(0, "peer-0", "peer-1", 10);
    expect(() => traffic.checkBudget(2, 0, 60_000)).toThrow(/^traffic: 40010 bytes between 2 peers/);
    traffic.checkBudget(2, 1, 60_000);
  });
});
