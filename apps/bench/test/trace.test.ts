/** A trace of two people who type at once, made here, through three peers in a line. */
import { afterAll, describe, expect, test } from "vitest";
import * as Y from "yjs";
import { endAllProcesses } from "../src/processes.ts";
import { isGood } from "../src/results.ts";
import { seededRandom } from "../src/statistics.ts";
import { TRACE_ROOT, type Trace, type Transaction, readTrace, typeTrace } from "../src/trace-format.ts";
import { runTrace } from "../src/trace.ts";
import { makeScratch } from "../src/scratch.ts";
import { writeFile } from "node:fs/promises";

const CLIENT_IDS = [11, 12];

/** Two agents who type alone for a while, then take over each other's work, again and again; some of it astral. */
function makeTrace(transactions: number, seed: number): Trace {
  const random = seededRandom(seed);
  const docs = CLIENT_IDS.map((id) => Object.assign(new Y.Doc(), { clientID: id }));
  const heads: number[][] = [[], []];
  const txns: Transaction[] = [];
  while (txns.length < transactions) {
    const agent = random() < 0.5 ? 0 : 1;
    const doc = docs[agent]!;
    if (random() < 0.2) {
      Y.applyUpdate(doc, Y.encodeStateAsUpdate(docs[1 - agent]!));
      heads[agent] = [...new Set([...heads[agent]!, ...heads[1 - agent]!])];
    }
    const text = doc.getText(TRACE_ROOT);
    const points = [...text.toString()];
    const position = Math.floor(random() * (points.length + 1));
    const deleted = random() < 0.2 ? Math.min(1, points.length - position) : 0;
    const inserted = random() < 0.05 ? "🌾" : String.fromCharCode(97 + Math.floor(random() * 26));
    const from = points.slice(0, position).join("").length;
    doc.transact(() => {
      text.delete(from, points.slice(position, position + deleted).join("").length);
      text.insert(from, inserted);
    });
    txns.push({ parents: heads[agent]!, agent, patches: [[position, deleted, inserted]] });
    heads[agent] = [txns.length - 1];
  }
  Y.applyUpdate(docs[0]!, Y.encodeStateAsUpdate(docs[1]!));
  return { agents: 2, transactions: txns, endContent: docs[0]!.getText(TRACE_ROOT).toString() };
}

afterAll(endAllProcesses);

describe("typing a trace", () => {
  test("each editor is given exactly the parents, and the merge of all updates is the recorded end", () => {
    const trace = makeTrace(400, 1);
    const doc = new Y.Doc();
    for (const { update } of typeTrace(trace, CLIENT_IDS)) Y.applyUpdate(doc, update);
    expect(doc.getText(TRACE_ROOT).toString()).toBe(trace.endContent);
  });

  test("what an update needs is what its editor had, no more", () => {
    const trace: Trace = {
      agents: 2,
      transactions: [
        { parents: [], agent: 0, patches: [[0, 0, "ab"]] },
        { parents: [], agent: 1, patches: [[0, 0, "x"]] },
        { parents: [0], agent: 0, patches: [[2, 0, "c"]] },
        { parents: [1, 2], agent: 1, patches: [[0, 1, ""]] },
      ],
      endContent: "",
    };
    const needs = typeTrace(trace, CLIENT_IDS).map((update) => Object.fromEntries(update.needs));
    expect(needs).toEqual([{}, {}, { 11: 2 }, { 11: 3, 12: 1 }]);
  });

  test("an agent that branches from an older version is refused", () => {
    const patches = [[0, 0, "a"]] as const;
    const trace: Trace = {
      agents: 1,
      transactions: [
        { parents: [], agent: 0, patches },
        { parents: [], agent: 0, patches },
      ],
      endContent: "aa",
    };
    expect(() => typeTrace(trace, [11])).toThrow("branches from an older version at transaction 1");
  });

  test("a sequential trace is one agent's, each transaction after the one before", async () => {
    await using scratch = await makeScratch("trace-file");
    const path = scratch.inside("sequential.json");
    await writeFile(
      path,
      JSON.stringify({
        startContent: "",
        endContent: "ba",
        txns: [{ patches: [[0, 0, "a"]] }, { patches: [[0, 0, "b"]] }],
      }),
    );
    const trace = await readTrace(path);
    expect(trace.transactions.map(({ parents, agent }) => ({ parents, agent }))).toEqual([
      { parents: [], agent: 0 },
      { parents: [0], agent: 0 },
    ]);
  });
});

describe("three peers in a line", () => {
  test(
    "ordered ids end with the recorded text on every peer, the late fourth included",
    { timeout: 60_000 },
    async () => {
      const result = await runTrace({ trace: makeTrace(400, 2), timeoutMs: 40_000 });
      expect(result.checks.filter((check) => !check.good)).toEqual([]);
      expect(result.tables[0]?.rows.map(([peer]) => peer)).toEqual(["A", "B", "C", "D"]);
    },
  );

  test("random ids end with equal texts", { timeout: 60_000 }, async () => {
    const result = await runTrace({ trace: makeTrace(200, 3), randomIds: true, timeoutMs: 40_000 });
    expect(isGood(result), JSON.stringify(result.checks)).toBe(true);
  });
});
