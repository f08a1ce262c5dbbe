/**
 * Editing traces of the public collection `josephg/editing-traces`, turned into Yjs updates.
 *
 * A concurrent trace is a graph: each transaction names the transactions it comes after. Each agent has one editor, a Y.Doc that
 * is given exactly those before it types. That is possible with one Y.Doc as long as an agent never types on an older version
 * than its own last one; a trace in which one does is refused here.
 */
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import * as Y from "yjs";

export const TRACE_ROOT = "text";
const ASTRAL = /[\u{10000}-\u{10ffff}]/u;

/** `[position, deleted, inserted]`, counted in code points. */
type Patch = readonly [number, number, string];

export interface Transaction {
  /** Indices of the transactions this one comes after. */
  readonly parents: readonly number[];
  readonly agent: number;
  readonly patches: readonly Patch[];
}

export interface Trace {
  readonly agents: number;
  readonly transactions: readonly Transaction[];
  readonly endContent: string;
}

/** One transaction as its agent's editor wrote it. */
export interface TracedUpdate {
  readonly agent: number;
  readonly update: Uint8Array;
  /** State vector of the editor before it typed: what a provider must have before it is given the update. */
  readonly needs: ReadonlyMap<number, number>;
}

interface TraceFile {
  readonly kind?: string;
  readonly numAgents?: number;
  readonly startContent?: string;
  readonly endContent: string;
  readonly txns?: readonly {
    readonly parents?: readonly number[];
    readonly agent?: number;
    readonly patches: readonly Patch[];
  }[];
}

/** Reads a trace, gzipped or not. A sequential one has a single agent, each transaction after the one before it. */
export async function readTrace(path: string): Promise<Trace> {
  const bytes = await readFile(path);
  const text = (bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes).toString("utf8");
  const file = JSON.parse(text) as TraceFile;
  if (file.txns === undefined || typeof file.endContent !== "string")
    throw new Error(`${path} is not an editing trace.`);
  if (file.startContent)
    throw new Error(`${path} starts from a text that nobody wrote; such traces are not supported.`);
  const transactions = file.txns.map((txn, index) => ({
    parents: txn.parents ?? (index === 0 ? [] : [index - 1]),
    agent: txn.agent ?? 0,
    patches: txn.patches,
  }));
  return { agents: file.numAgents ?? 1, transactions, endContent: file.endContent };
}

/**
 * Lets one editor per agent type the trace, and returns its updates in the trace's order.
 * `clientIds` has one id per agent. Errors: an agent that branches from a version older than its own last one.
 */
export function typeTrace(trace: Trace, clientIds: readonly number[]): TracedUpdate[] {
  const astral = trace.transactions.some(({ patches }) => patches.some(([, , text]) => ASTRAL.test(text)));
  const editors = clientIds.map((id) => new Editor(id, astral));
  const versions: (readonly number[])[] = [];
  const typed: number[][] = clientIds.map(() => []);
  const updates: TracedUpdate[] = [];
  trace.transactions.forEach((transaction, index) => {
    const { agent, parents, patches } = transaction;
    const editor = editors[agent];
    if (editor === undefined) throw new Error(`Transaction ${index} names agent ${agent} of ${trace.agents}.`);
    const before = clientIds.map((_, other) => Math.max(0, ...parents.map((parent) => versions[parent]?.[other] ?? 0)));
    const behind = editor.version.findIndex((count, other) => count > (before[other] ?? 0));
    if (behind >= 0)
      throw new Error(`Agent ${agent} branches from an older version at transaction ${index}; not supported.`);
    before.forEach((count, other) => {
      for (let at = editor.version[other] ?? 0; at < count; at++) {
        editor.receive(updates[typed[other]?.[at] ?? -1]?.update);
      }
    });
    updates.push({ agent, needs: editor.stateVector(), update: editor.type(patches) });
    typed[agent]?.push(index);
    before[agent] = (before[agent] ?? 0) + 1;
    editor.version = before;
    versions.push(before);
  });
  for (const editor of editors) editor.doc.destroy();
  return updates;
}

class Editor {
  readonly doc = new Y.Doc();
  /** How many transactions of each agent this editor has. */
  version: readonly number[] = [];
  private readonly text: Y.Text;
  private written: Uint8Array | undefined;
  /** Positions count code points; they are code units too while nobody types anything astral. */
  private readonly astral: boolean;

  constructor(clientId: number, astral: boolean) {
    this.astral = astral;
    this.doc.clientID = clientId;
    this.text = this.doc.getText(TRACE_ROOT);
    this.doc.on("update", (update: Uint8Array) => {
      this.written = update;
    });
  }

  receive(update: Uint8Array | undefined): void {
    if (update === undefined) throw new Error("The trace is not in topological order.");
    Y.applyUpdate(this.doc, update);
    if (this.doc.store.pendingStructs !== null) throw new Error("An editor was given an update before its parents.");
  }

  stateVector(): ReadonlyMap<number, number> {
    return Y.decodeStateVector(Y.encodeStateVector(this.doc));
  }

  type(patches: readonly Patch[]): Uint8Array {
    this.written = undefined;
    this.doc.transact(() => {
      for (const [position, deleted, inserted] of patches) {
        const from = this.units(position);
        if (deleted > 0) this.text.delete(from, this.units(position + deleted) - from);
        if (inserted.length > 0) this.text.insert(from, inserted);
      }
    });
    return this.written ?? Y.encodeStateAsUpdate(new Y.Doc());
  }

  /** Code points to UTF-16 code units. */
  private units(points: number): number {
    if (!this.astral) return points;
    let unit = 0;
    const content = this.text.toString();
    for (let point = 0; point < points; point++) unit += (content.codePointAt(unit) ?? 0) > 0xffff ? 2 : 1;
    return unit;
  }
}
