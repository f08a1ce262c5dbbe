/** What measures must itself be right: stamps, ranges, quantiles, traces of system calls. */
import { availableParallelism } from "node:os";
import { describe, expect, test } from "vitest";
import * as Y from "yjs";
import { ClockSet, clocksOf } from "../src/clock-ranges.ts";
import { KEYSTROKE_ROOT, KeystrokeWriter, readStamps } from "../src/keystrokes.ts";
import { readList, shareProcessors } from "../src/processors.ts";
import { median, quantile, seededRandom } from "../src/statistics.ts";
import { orderOf, readSystemCalls } from "../src/system-calls.ts";
import { formatTable } from "../src/table.ts";
import { decodeSyncFrame, encodeStep1, encodeStep2, encodeUpdate } from "../src/wire.ts";

describe("keystrokes", () => {
  test("updates written by hand are updates that Yjs integrates, in runs from the last to the first", () => {
    const doc = new Y.Doc();
    const writer = new KeystrokeWriter(77);
    for (let at = 0; at < 80; at++) Y.applyUpdate(doc, writer.next(1_764_000_000_000 + at));
    expect(doc.store.pendingStructs).toBeNull();
    const stamps = [
      ...doc
        .getText(KEYSTROKE_ROOT)
        .toString()
        .matchAll(/t=17640000000(\d\d)\.000/gu),
    ].map(([, digits]) => Number(digits));
    const run = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => from + at);
    expect(stamps).toEqual([...run(64, 80), ...run(32, 64), ...run(0, 32)]);
  });

  test("stamps are found in merged frames, each once", () => {
    const writer = new KeystrokeWriter(78);
    const times = [1_764_000_000_000.125, 1_764_000_000_001.25, 1_764_000_000_002.5];
    const merged = Y.mergeUpdates(times.map((time) => writer.next(time)));
    const found: number[] = [];
    expect(readStamps(Buffer.from(encodeUpdate(merged)), (stamp) => found.push(stamp))).toBe(3);
    expect(found).toEqual(times);
  });

  test("bytes that look like a stamp and are none do not count", () => {
    expect(readStamps(Buffer.from("t=nothing that is a time, t=1"))).toBe(0);
  });
});

describe("wire", () => {
  test("what is encoded is decoded", () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(decodeSyncFrame(encodeStep1(bytes))).toEqual({ kind: "step1", stateVector: bytes });
    expect(decodeSyncFrame(encodeStep2(bytes))).toEqual({ kind: "step2", update: bytes });
    expect(decodeSyncFrame(encodeUpdate(bytes))).toEqual({ kind: "update", update: bytes });
    expect(decodeSyncFrame(Uint8Array.of(1, 1, 0))).toBeUndefined();
  });
});

describe("processors", () => {
  test("a list of them is read as the kernel writes it", () => {
    expect(readList("0,2-4,7")).toEqual([0, 2, 3, 4, 7]);
  });

  test("server and clients share none, and leave none unused", () => {
    const shared = shareProcessors();
    if (shared === undefined) return expect(availableParallelism() === 1 || process.platform !== "linux").toBe(true);
    const [server, clients] = [readList(shared.server), readList(shared.clients)];
    expect([...server, ...clients]).toEqual(readList(shared.all));
    expect(Math.min(server.length, clients.length)).toBeGreaterThan(0);
  });
});

describe("clocks", () => {
  test("an update carries the clocks of its structs, and none that it skips", () => {
    const doc = Object.assign(new Y.Doc(), { clientID: 5 });
    const updates: Uint8Array[] = [];
    doc.on("update", (update: Uint8Array) => updates.push(update));
    for (const text of ["ab", "c", "def"]) doc.getText("t").insert(0, text);
    expect(clocksOf(Y.mergeUpdates([updates[0]!, updates[2]!])).get(5)).toEqual([
      [0, 2],
      [3, 6],
    ]);
  });

  test("ranges that touch become one, in any order", () => {
    const random = seededRandom(4);
    for (let round = 0; round < 200; round++) {
      const set = new ClockSet();
      const model = new Set<number>();
      for (let step = 0; step < 12; step++) {
        const from = Math.floor(random() * 40);
        const to = from + Math.floor(random() * 8);
        set.add(from, to);
        for (let clock = from; clock < to; clock++) model.add(clock);
      }
      for (let clock = 0; clock < 48; clock++) expect(set.has(clock, clock + 1)).toBe(model.has(clock));
      for (let clock = 0; clock < 45; clock++)
        expect(set.has(clock, clock + 3)).toBe([0, 1, 2].every((more) => model.has(clock + more)));
    }
  });
});

describe("figures", () => {
  test("quantiles and medians", () => {
    expect([quantile([1, 2, 3, 4], 0.5), quantile([1, 2, 3, 4], 0.99), quantile([], 0.5)]).toEqual([3, 4, Number.NaN]);
    expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
  });

  test("a table aligns numbers to the right and words to the left", () => {
    expect(
      formatTable(
        ["who", "how many"],
        [
          ["a", 12_345],
          ["abcd", 1.5],
        ],
      ),
    ).toBe(["who   how many", "----  --------", "a       12,345", "abcd      1.50"].join("\n"));
  });
});

describe("system calls", () => {
  const WAL = "/x/store.sqlite-wal";
  const append = `10 pwrite64(21<${WAL}>, "..token-a..", 4096, 56) = 4096`;
  const sync = `10 fdatasync(21<${WAL}>) = 0`;
  const echo = `10 writev(30<socket:[99]>, [{iov_base="..token-a..", iov_len=40}], 1) = 40`;

  const order = (...lines: string[]) => orderOf(readSystemCalls(lines.join("\n")), "token-a");

  test("appended, synced, echoed: in order", () => {
    expect(order(append, sync, echo)).toEqual({ appended: true, synced: true, echoed: true, inOrder: true });
  });

  test("an echo before the sync is out of order", () => {
    expect(order(append, echo, sync).inOrder).toBe(false);
  });

  test("a sync of what was there before the write proves nothing", () => {
    expect(order(sync, append, echo)).toEqual({ appended: true, synced: false, echoed: true, inOrder: false });
  });

  test("a sync of another file proves nothing", () => {
    expect(order(append, `10 fdatasync(22</x/other-wal>) = 0`, echo).inOrder).toBe(false);
  });

  test("a sync that has begun and not returned when the echo leaves is out of order", () => {
    const begun = `10 fdatasync(21<${WAL}> <unfinished ...>`;
    const resumed = `10 <... fdatasync resumed>) = 0`;
    const other = echo.replace("10 ", "11 ");
    expect(order(append, begun, other, resumed).inOrder).toBe(false);
    expect(order(append, begun, resumed, other).inOrder).toBe(true);
  });
});
