/** The thread that `projection.ts` starts: follows the replica's database and writes `query.db`. */
import { performance } from "node:perf_hooks";
import { parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { assert } from "@yarrow/protocol";
import { lowerThreadPriority } from "../lower-priority.ts";
import type { ProjectionCommand, ProjectionReport, ProjectionSetup } from "./projection-message.ts";
import { ProjectionTable, removeProjection } from "./projection-table.ts";
import { Projector } from "./projector.ts";
import { ReplicaSource } from "./replica-source.ts";

const port = parentPort;
assert(port !== null, "projection-thread runs as a worker only");
const { folder, working, unreadable } = workerData as ProjectionSetup;

lowerThreadPriority(2);

const source = new ReplicaSource(folder);
let table: ProjectionTable | undefined;
let projector: Projector | undefined;
let scheduled = false;

port.on("message", (command: ProjectionCommand) => {
  if (command.kind === "rebuild") attempt(() => opened().clear());
  else for (const name of command.touched) attempt(() => opened().touch(name));
  schedule();
});

/** Passes are turns of the event loop, so that commands are heard between them. */
function schedule(): void {
  if (scheduled) return;
  scheduled = true;
  setImmediate(() => {
    scheduled = false;
    attempt(onePass);
  });
}

function onePass(): void {
  const started = performance.now();
  const { place, more, documents, lastDocument } = opened().pass();
  const { sequence, sweptThrough } = place;
  report({
    kind: "progress",
    sequence,
    documents,
    ms: performance.now() - started,
    building: sweptThrough === undefined ? undefined : { through: sweptThrough, last: lastDocument },
    done: !more,
  });
  if (more) schedule();
}

function opened(): Projector {
  table ??= new ProjectionTable(folder);
  projector ??= new Projector(source, table, unreadable, (id) => Atomics.store(working, 0, id));
  return projector;
}

/** A damaged projection is made anew, which loses nothing; any other failure is told, and the thread is replaced. */
function attempt(act: () => void): void {
  try {
    act();
  } catch (error) {
    const code = error instanceof Database.SqliteError ? error.code : "";
    const detail = error instanceof Error ? error.message : String(error);
    if (isDamage(code)) {
      table?.close();
      table = undefined;
      projector = undefined;
      removeProjection(folder);
    }
    report({ kind: "failed", detail: code === "" ? detail : `${code}: ${detail}` });
  }
}

function isDamage(code: string): boolean {
  return code.startsWith("SQLITE_CORRUPT") || code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CONSTRAINT");
}

function report(message: ProjectionReport): void {
  port?.postMessage(message);
}
