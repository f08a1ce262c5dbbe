/** Parts of the command that need no process: signals, exit codes, the page's files, counting. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Peer, PeerEvents } from "@yarrow/core";
import { afterEach, describe, expect, test, vi } from "vitest";
import { exitCodeFor } from "../src/commands/verify.ts";
import type { VerifyReport } from "../src/control.ts";
import { readStaticFile } from "../src/demo/playground-files.ts";
import { countFact } from "../src/metrics/count-fact.ts";
import { Instruments } from "../src/metrics/instruments.ts";
import { onStopSignal } from "../src/signals.ts";
import { Registry } from "prom-client";

afterEach(() => vi.restoreAllMocks());

describe("signals", () => {
  test("[CLI10] the first signal asks for a clean end, one right behind it is the same wish, a later one ends at once", async () => {
    const exit = vi.spyOn(process, "exit").mockImplementation(() => undefined as never);
    const clock = vi.spyOn(performance, "now").mockReturnValue(1_000);
    const atOnce = vi.fn<() => void>();
    const stop = onStopSignal(atOnce);
    process.emit("SIGINT", "SIGINT");
    expect(await stop.requested).toBe("SIGINT");
    clock.mockReturnValue(1_100);
    process.emit("SIGINT", "SIGINT");
    expect(exit).not.toHaveBeenCalled();
    clock.mockReturnValue(2_000);
    process.emit("SIGTERM", "SIGTERM");
    expect(atOnce).toHaveBeenCalledOnce();
    expect(exit).toHaveBeenCalledExactlyOnceWith(1);
    stop.release();
  });
});

describe("verify", () => {
  const reportOf = (
    equal: boolean,
    bad: string[],
    ...results: VerifyReport["peers"][number]["result"][]
  ): VerifyReport => ({
    equal,
    root: "",
    local: { checked: 1, bad, past: { damaged: [], complete: true } },
    peers: results.map((result) => ({ peerId: "" as VerifyReport["peers"][number]["peerId"], result, documents: [] })),
  });

  test.each([
    ["all equal", reportOf(true, [], "equal", "equal"), 0],
    ["no peer linked", reportOf(true, []), 0],
    ["one different", reportOf(false, [], "equal", "different"), 3],
    ["one moving", reportOf(false, [], "moving"), 3],
    ["one different, one silent", reportOf(false, [], "unreachable", "different"), 3],
    ["one silent", reportOf(false, [], "equal", "unreachable"), 1],
    ["own rows damaged", reportOf(false, ["x"], "equal"), 1],
  ])("[CLI20] %s", (_title, report, code) => expect(exitCodeFor(report)).toBe(code));
});

describe("the page's files", () => {
  test("[CLI26] only files inside the page are read, a folder as its index", async () => {
    const folder = mkdtempSync(join(tmpdir(), "yarrow-page-"));
    const root = join(folder, "page");
    mkdirSync(join(root, "assets"), { recursive: true });
    writeFileSync(join(root, "index.html"), "<p>");
    writeFileSync(join(root, "assets", "a.js"), "1");
    writeFileSync(join(folder, "secret"), "x");
    expect(await readStaticFile(root, "/")).toMatchObject({ mediaType: "text/html; charset=utf-8", immutable: false });
    expect(await readStaticFile(root, "/assets/a.js")).toMatchObject({
      mediaType: "text/javascript; charset=utf-8",
      immutable: true,
    });
    for (const path of ["/../secret", "/assets/../../secret", "/assets", "/none", "/index.html\0"]) {
      expect(await readStaticFile(root, path), path).toBeUndefined();
    }
    rmSync(folder, { recursive: true });
  });
});

describe("counting", () => {
  test("[OPS1] facts move their counters, with labels and in base units", async () => {
    const registry = new Registry();
    const instruments = new Instruments(registry);
    const link = 1;
    const peerId = "0".repeat(32) as Peer["peerId"];
    const facts: PeerEvents["fact"][] = [
      { kind: "committed", documents: 2, updates: 5, bytes: 100, rows: 2 },
      { kind: "committed", documents: 1, updates: 1, bytes: 10, rows: 1 },
      { kind: "refused-update", name: "x", code: "YARROW_UPDATE_INVALID", detail: "" },
      { kind: "link-up", link, peerId, url: undefined },
      { kind: "link-refused", code: "YARROW_CLUSTER_MISMATCH", detail: "", url: undefined },
      { kind: "broadcast-received", duplicate: true, bytes: 7, ageMs: 12 },
      { kind: "round-ended", link, result: "progress", documents: 3, bytes: 50, ms: 250 },
      { kind: "compacted", name: "x", bytesBefore: 100, bytesAfter: 40 },
    ];
    for (const fact of facts) countFact(instruments, fact);
    const lines = (await registry.metrics()).split("\n");
    for (const line of [
      "yarrow_commits_total 2",
      "yarrow_committed_updates_total 6",
      "yarrow_committed_bytes_total 110",
      'yarrow_refused_updates_total{code="YARROW_UPDATE_INVALID"} 1',
      "yarrow_link_ups_total 1",
      'yarrow_link_refusals_total{code="YARROW_CLUSTER_MISMATCH"} 1',
      'yarrow_broadcast_received_bytes_total{duplicate="true"} 7',
      'yarrow_rounds_ended_total{result="progress"} 1',
      "yarrow_round_duration_seconds_sum 0.25",
      "yarrow_compaction_freed_bytes_total 60",
    ]) {
      expect(lines).toContain(line);
    }
  });
});
