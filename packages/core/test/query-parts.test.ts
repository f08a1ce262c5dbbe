import Database from "better-sqlite3";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import * as Y from "yjs";
import { createPeer } from "../src/create-peer.ts";
import { CommitMarks } from "../src/query/commit-marks.ts";
import { OpenDocuments } from "../src/query/open-documents.ts";
import { ProjectionTable } from "../src/query/projection-table.ts";
import { Projector } from "../src/query/projector.ts";
import { QueryChild } from "../src/query/query-child.ts";
import type { QueryReply } from "../src/query/query-child.ts";
import { COMMIT_MARKS_MAX, PASS_DOCUMENTS_MAX, PROJECTED_BODY_LENGTH_MAX } from "../src/query/query-limits.ts";
import { ReplicaSource } from "../src/query/replica-source.ts";
import { SharedReplies } from "../src/query/shared-replies.ts";
import { startPeer, temporaryFolder } from "./peers.ts";

interface Row {
  readonly name: string;
  readonly error: string | null;
  readonly body: string | null;
}

/** A projector in this thread, and what it has projected. */
function openProjector(
  folder: string,
  unreadable: readonly number[] = [],
  open?: OpenDocuments,
): { projector: Projector; rows: () => Row[] } {
  const source = new ReplicaSource(folder);
  const table = new ProjectionTable(folder);
  const reader = new Database(join(folder, "query.db"), { readonly: true });
  onTestFinished(() => {
    source.close();
    table.close();
    reader.close();
  });
  const rows = (): Row[] => reader.prepare<[], Row>("SELECT name, error, body FROM documents ORDER BY id").all();
  return { projector: new Projector(source, table, unreadable, undefined, open), rows };
}

function passes(projector: Projector): number {
  let count = 1;
  while (projector.pass().more) count++;
  return count;
}

describe("the projector", () => {
  it("[QRY3, QRY11] projects a hot document once a pass, and records what it cannot read", async () => {
    const data = temporaryFolder();
    const peer = await startPeer({ data, durability: "normal" });
    const documents = await Promise.all(["good", "large", "bad", "torn"].map((name) => peer.open(name)));
    for (const handle of documents) handle.doc.getText("t").insert(0, "words");
    const [good, large] = documents;
    large?.doc.getMap("m").set("much", "x".repeat(PROJECTED_BODY_LENGTH_MAX - 10_000));
    large?.doc.getMap("m").set("more", "x".repeat(20_000));
    for (const handle of documents) await handle.saved();
    const idOf = new Database(join(data, "yarrow.db"));
    const id = (name: string): number =>
      Number(idOf.prepare("SELECT id FROM document WHERE name = ?").pluck().get(name));
    const { projector, rows } = openProjector(data, [id("bad")]);
    idOf.prepare("UPDATE update_log SET segments = zeroblob(length(segments)) WHERE document = ?").run(id("torn"));
    idOf.close();
    passes(projector);
    const byName = new Map(rows().map((row) => [row.name, row]));
    expect(byName.get("good")).toEqual({ name: "good", error: null, body: '{"t":"words"}' });
    expect(byName.get("large")).toEqual({ name: "large", error: "too large", body: null });
    expect(byName.get("bad")).toEqual({ name: "bad", error: "unreadable", body: null });
    expect(byName.get("torn")).toEqual({ name: "torn", error: "damaged", body: null });
    for (let index = 0; index < 50; index++) {
      good?.doc.getText("t").insert(0, "y");
      await good?.saved();
    }
    expect(projector.pass()).toMatchObject({ documents: 1, more: false });
    expect(rows().find(({ name }) => name === "good")?.body).toBe(`{"t":"${"y".repeat(50)}words"}`);
    // It is kept open by now, and only what is new is applied to it.
    good?.doc.getText("t").insert(0, "z");
    await good?.saved();
    expect(projector.pass()).toMatchObject({ documents: 1, more: false });
    expect(rows().find(({ name }) => name === "good")?.body).toBe(`{"t":"z${"y".repeat(50)}words"}`);
    expect(projector.pass()).toMatchObject({ documents: 0, more: false });
  });

  it("[QRY3, QRY4] builds in bounded passes, goes on where it stood, and sweeps what left the log unseen", async () => {
    const data = temporaryFolder();
    const peer = await createPeer({ data, historyMs: 0, durability: "normal" });
    onTestFinished(() => peer.close());
    const names = Array.from({ length: PASS_DOCUMENTS_MAX + 10 }, (_, index) => `n${index}`);
    for (let index = 0; index < names.length; index += 100) {
      const handles = await Promise.all(names.slice(index, index + 100).map((name) => peer.open(name)));
      for (const handle of handles) handle.doc.getText("t").insert(0, "a");
      await Promise.all(handles.map((handle) => handle.saved()));
      await Promise.all(handles.map((handle) => handle.close()));
    }
    const first = openProjector(data);
    expect(first.projector.pass()).toMatchObject({ more: true, place: { sweptThrough: PASS_DOCUMENTS_MAX } });
    const second = openProjector(data);
    expect(passes(second.projector)).toBe(1);
    expect(second.rows()).toHaveLength(names.length);
    const handle = await peer.open("n7");
    handle.doc.getText("t").insert(1, "b");
    await handle.saved();
    await peer.delete("n8");
    await peer.compact();
    passes(second.projector);
    expect(second.rows()).toHaveLength(names.length - 1);
    expect(second.rows().find(({ name }) => name === "n7")?.body).toBe('{"t":"ab"}');
  });

  it("[QRY2] a document that leaves the cache while its changes are under way is whole nevertheless", async () => {
    const data = temporaryFolder();
    const peer = await startPeer({ data, durability: "normal" });
    const handles = await Promise.all(["a", "b", "c"].map((name) => peer.open(name)));
    for (const { doc } of handles) doc.getText("t").insert(0, "x".repeat(2_000));
    await Promise.all(handles.map((handle) => handle.saved()));
    const { projector, rows } = openProjector(data, [], new OpenDocuments(1));
    for (const _ of [1, 2, 3]) {
      passes(projector);
      for (const { doc } of [...handles].reverse()) doc.getText("t").insert(0, "y");
      await Promise.all(handles.map((handle) => handle.saved()));
    }
    passes(projector);
    expect(rows().map(({ body }) => body)).toEqual(handles.map(({ doc }) => `{"t":"${doc.getText("t").toString()}"}`));
  });

  it("[QRY2] what is kept open reads as what is read anew", async () => {
    const data = temporaryFolder();
    const peer = await startPeer({ data });
    const handle = await peer.open("n");
    handle.doc.getText("t").insert(0, "x".repeat(2_000));
    await handle.saved();
    const { projector, rows } = openProjector(data);
    for (let step = 0; step < 20; step++) {
      handle.doc.transact(() => {
        handle.doc.getText("t").delete(step * 3, 2);
        handle.doc.getMap("m").set(`k${step % 3}`, new Y.Array());
        handle.doc
          .getMap<Y.Array<number>>("m")
          .get(`k${step % 3}`)
          ?.push([step]);
      });
      await handle.saved();
      projector.pass();
    }
    const kept = rows();
    projector.clear();
    passes(projector);
    expect(rows()).toEqual(kept);
    expect(JSON.parse(kept[0]?.body ?? "")).toMatchObject({ m: { k0: [18], k1: [19], k2: [17] } });
  });
});

describe("the age of a projection", () => {
  it("[QRY5, QRY12] is the time since the first commit that it lacks", () => {
    const marks = new CommitMarks(10, 10, 0);
    expect(marks.lagMs(10, 1_000)).toBe(0);
    expect(marks.committed(10, 1_000)).toBe(false);
    expect(marks.committed(12, 1_000)).toBe(true);
    expect(marks.committed(15, 1_100)).toBe(true);
    expect([10, 11, 12, 13, 15].map((sequence) => marks.lagMs(sequence, 1_500))).toEqual([500, 500, 400, 400, 0]);
    marks.projected(15, 1_500);
    expect(marks.lagMs(15, 9_999)).toBe(0);
    // A query that began before then is still told the truth.
    expect(marks.lagMs(13, 1_500)).toBe(400);
    marks.committed(16, 2_000);
    expect(marks.lagMs(15, 2_050)).toBe(50);
    marks.committed(17, 99_000);
    marks.projected(16, 99_000);
    expect([16, 17].map((sequence) => marks.lagMs(sequence, 99_300))).toEqual([300, 0]);
  });

  it("[QRY12] is never told as less than it is, however many commits it lacks", () => {
    const marks = new CommitMarks(0, 0, 0);
    for (let sequence = 1; sequence <= 3 * COMMIT_MARKS_MAX; sequence++) marks.committed(sequence, sequence * 20);
    const now = 60 * COMMIT_MARKS_MAX;
    for (let sequence = 0; sequence < 3 * COMMIT_MARKS_MAX; sequence += 7) {
      const age = marks.lagMs(sequence, now);
      const truth = now - (sequence + 1) * 20;
      expect(age).toBeGreaterThanOrEqual(truth);
      expect(age).toBeLessThanOrEqual(truth + 1_000);
    }
  });
});

describe("equal questions", () => {
  const reply: QueryReply = {
    outcome: { kind: "rows", columns: [], rows: 0, truncated: false, sequence: 1, building: false, ms: 1 },
    rows: Buffer.from("[]"),
  };

  it("[QRY18] that come close together are asked once, and a failure is nobody's answer but its own", async () => {
    const shared = new SharedReplies();
    let asked = 0;
    const ask = async (): Promise<QueryReply> => {
      asked++;
      if (asked === 3) throw new Error("fails");
      return reply;
    };
    const { signal } = new AbortController();
    const answers = await Promise.all([1, 2, 3].map(() => shared.reply("a", signal, ask)));
    expect(answers.map((answer) => answer.shared)).toEqual([false, true, true]);
    await shared.reply("b", signal, ask);
    expect(asked).toBe(2);
    await expect(shared.reply("c", signal, ask)).rejects.toThrow("fails");
    expect((await shared.reply("c", signal, ask)).shared).toBe(false);
  });

  it("[QRY18] are ended when nobody waits for them any more, and not before", async () => {
    const shared = new SharedReplies();
    let ended = 0;
    const ask = (nobodyWaits: AbortSignal): Promise<QueryReply> =>
      new Promise((_, reject) => {
        nobodyWaits.addEventListener("abort", () => {
          ended++;
          reject(nobodyWaits.reason);
        });
      });
    const [first, second] = [new AbortController(), new AbortController()];
    const answers = [shared.reply("a", first.signal, ask), shared.reply("a", second.signal, ask)];
    const settled = Promise.allSettled(answers);
    first.abort(new Error("first"));
    await expect(answers[0]).rejects.toThrow("first");
    expect(ended).toBe(0);
    second.abort(new Error("second"));
    await settled;
    await expect(answers[1]).rejects.toThrow("second");
    expect(ended).toBe(1);
  });
});

describe("what can go wrong", () => {
  it("[QRY13] a process that ends fails its query, not the peer", async () => {
    let ends = 0;
    const child = new QueryChild(() => ends++);
    await expect(child.run(null as never)).rejects.toMatchObject({ code: "YARROW_QUERY_FAILED" });
    expect([child.isFree, ends]).toEqual([false, 1]);
    child.kill(undefined);
    expect(ends).toBe(1);
  });

  it("[QRY13] a process that has grown large answers, whole, and is not asked again", async () => {
    const file = join(temporaryFolder(), "query.db");
    new Database(file).exec("CREATE TABLE projection (sequence INTEGER, swept_through INTEGER)").close();
    let ends = 0;
    const child = new QueryChild(() => ends++);
    const ask = (sql: string): Promise<QueryReply> =>
      child.run({ file, sql, params: [], rowsMax: 1, bytesMax: 2 ** 30, timeoutMs: 60_000 });
    await ask("SELECT 1");
    expect([child.isFree, ends]).toEqual([true, 0]);
    const digits = 70_000_000;
    const { outcome, rows } = await ask(`SELECT hex(zeroblob(${digits / 2}))`);
    expect([outcome.kind, rows.length]).toEqual(["rows", digits + '[[""]]'.length]);
    expect([child.isFree, ends]).toEqual([false, 1]);
  });

  it("[QRY13] a projection that is not whole in time is told as such", async () => {
    const peer = await startPeer();
    await expect(peer.query("SELECT 1", [], { timeoutMs: 1 })).rejects.toMatchObject({
      code: "YARROW_QUERY_NOT_READY",
    });
  });
});
