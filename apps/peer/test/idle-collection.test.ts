import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Fact } from "@yarrow/core";
import { expect, it, vi } from "vitest";
import { collectWhenIdle } from "../src/serve/idle-collection.ts";

const COMMITTED: Fact = { kind: "committed", documents: 1, updates: 1, bytes: 1, rows: 1 };

/** A peer that tells what the test has it tell. */
function makePeer() {
  const told = { sessions: 0, asked: 0, fact: (_fact: Fact): void => {} };
  const peer = {
    on: (_event: string, listener: (fact: never) => void) => ((told.fact = listener as typeof told.fact), () => {}),
    status: () => {
      told.asked++;
      return { sessions: told.sessions };
    },
  };
  return { told, peer: peer as never };
}

const makeGarbage = (): unknown[] => Array.from({ length: 400_000 }, (_, i) => ({ i }));

const used = (): number => process.memoryUsage().heapUsed;

const fallenBelow = (bytes: number) => vi.waitUntil(() => used() < bytes, { timeout: 5_000, interval: 20 });

it("[OPS3] gives memory back once nothing is written any more", async () => {
  const { told, peer } = makePeer();
  const stop = collectWhenIdle(peer, 10);
  let garbage: unknown[] | undefined = makeGarbage();
  const busyBytes = used();
  expect(garbage).toHaveLength(400_000);
  told.fact(COMMITTED);
  garbage = undefined;
  await fallenBelow(busyBytes - 8_000_000);
  stop();
});

it("[OPS3] gives back what was held for sessions that have left, though the heap has not grown since", async () => {
  const { told, peer } = makePeer();
  let held: unknown[] | undefined = makeGarbage();
  const stop = collectWhenIdle(peer, 10);
  told.sessions = 3;
  // The quiet that it began with is over: only those who leave make it collect again.
  await vi.waitUntil(() => told.asked > 5, { timeout: 5_000, interval: 5 });
  const busyBytes = used();
  expect(held).toHaveLength(400_000);
  held = undefined;
  told.sessions = 0;
  await fallenBelow(busyBytes - 8_000_000);
  stop();
});

it("[OPS3] hands the empty pages back to the system", async () => {
  const modules = ["v8-flags.ts", "idle-collection.ts"].map((file) =>
    fileURLToPath(new URL(`../src/serve/${file}`, import.meta.url)),
  );
  const script = `
    const [{ setV8Flags }, { collectWhenIdle }] = await Promise.all(process.argv.slice(1).map((file) => import(file)));
    setV8Flags();
    const resident = () => process.memoryUsage.rss() / 2 ** 20;
    const kept = Array.from({ length: 50_000 }, (_, i) => ({ i }));
    for (let i = 0; i < 3_000_000; i++) kept[i % kept.length].last = { i, list: [i] };
    kept.length = 0;
    const before = resident();
    let asked = 0;
    collectWhenIdle({ on: () => () => {}, status: () => ({ sessions: asked++ === 0 ? 1 : 0 }) }, 10);
    const deadline = performance.now() + 5_000;
    while (resident() > before - 30 && performance.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
    console.log(JSON.stringify([before, resident()]));
    process.exit();
  `;
  const { stdout } = await promisify(execFile)(process.execPath, ["--input-type=module", "-e", script, ...modules]);
  const [before, after] = JSON.parse(stdout) as [number, number];
  expect(before - after).toBeGreaterThan(30);
});
