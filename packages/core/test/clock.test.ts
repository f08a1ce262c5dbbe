/** Times of arrival order the past: whatever is done to the clock of the machine. */
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { documentKey } from "@yarrow/replica";
import { createClock } from "../src/clock.ts";
import { createPeer } from "../src/create-peer.ts";
import type { LogLine } from "../src/peer-api.ts";
import { openSqliteStore } from "../src/store/open-store.ts";

function setUp() {
  const machine = { wallMs: 1_000_000, steadyMs: 50 };
  const clock = createClock({ wall: () => machine.wallMs, steady: () => machine.steadyMs });
  const pass = (ms: number): void => {
    machine.wallMs += ms;
    machine.steadyMs += ms;
  };
  return { machine, clock, pass };
}

test("[HIS1] a clock that is set back goes on, and one that is set forward is followed", () => {
  const { machine, clock, pass } = setUp();
  expect(clock()).toBe(1_000_000);
  pass(10);
  machine.wallMs -= 500_000;
  expect(clock()).toBe(1_000_010);
  pass(7);
  expect(clock()).toBe(1_000_017);
  machine.wallMs += 500_000 + 3_600_000;
  expect(clock()).toBe(1_000_017 + 3_600_000);
});

test("[HIS1] a start goes on from the last arrival where the clock was set back meanwhile", () => {
  const { clock, pass } = setUp();
  expect(clock.startAfter(900_000)).toBe(0);
  expect(clock()).toBe(1_000_000);
  expect(clock.startAfter(1_000_400)).toBe(400);
  pass(5);
  expect(clock()).toBe(1_000_405);
});

test("[HIS1] changes after a restart are not older than those before it, and the log says why", async () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "yarrow-clock-"));
  const tomorrow = Date.now() + 86_400_000;
  const store = openSqliteStore({ folder, durability: "normal", now: () => tomorrow });
  store.transaction(() => {
    const { id } = store.createDocument("a", documentKey("a"));
    store.appendLog({ document: id, incarnation: 2, arrivedMs: tomorrow, segments: [] });
  });
  store.close();
  const lines: LogLine[] = [];
  await using peer = await createPeer({ data: folder, cluster: "c", log: (line) => lines.push(line) });
  const note = await peer.open("b");
  note.doc.getText("t").insert(0, "x");
  await note.saved();
  expect(peer.documents()[0]?.changedAt.getTime()).toBeGreaterThanOrEqual(tomorrow);
  expect(lines.some(({ level, message }) => level === "warn" && message.includes("clock"))).toBe(true);
  await peer.close();
  fs.rmSync(folder, { recursive: true });
});
