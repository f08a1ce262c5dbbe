/** What the worker does with the past: it reads the store itself, so that nothing of it passes through the loop. */
import type { Incarnation } from "@yarrow/protocol";
import { assert } from "@yarrow/protocol";
import {
  contentDigest,
  encodeDifference,
  listPast,
  pastRecord,
  prepareRevert,
  readHistory,
  readPast,
  readRoots,
} from "@yarrow/replica";
import type { HistoryPage, HistoryQuery, PastListing, PastQuery, PreparedRevert } from "@yarrow/replica";
import type { RootContent } from "../peer-api.ts";
import type { SqliteStore } from "../store/sqlite-store.ts";
import { withPast } from "./open-past.ts";

export type PastQuestion =
  | {
      readonly ask: "show";
      readonly name: string;
      readonly timeMs: number;
      readonly as: { readonly root: string; readonly kind: RootContent["kind"] } | undefined;
    }
  | { readonly ask: "list"; readonly timeMs: number; readonly query: PastQuery }
  | { readonly ask: "history"; readonly name: string; readonly query: HistoryQuery }
  | { readonly ask: "revert"; readonly name: string; readonly timeMs: number; readonly clientId: number };

export interface PastWork {
  readonly kind: "past";
  readonly folder: string;
  readonly question: PastQuestion;
}

export interface PastResult {
  readonly kind: "past";
  readonly answer: PastAnswer;
}

export type PastAnswer =
  | ShownPast
  | { readonly state: "listed"; readonly documents: readonly PastListing[] }
  | { readonly state: "told"; readonly history: HistoryPage | undefined }
  | PreparedRevert;

export interface ShownPast {
  readonly state: "shown";
  readonly alive: boolean;
  readonly incarnation: Incarnation;
  readonly changedMs: number | undefined;
  readonly whole: boolean;
  readonly fingerprint: string;
  readonly contentDigest: string;
  readonly roots: Readonly<Record<string, RootContent>>;
  readonly update: Uint8Array;
}

/** The state vector of one who has nothing. */
const EMPTY_STATE_VECTOR = Uint8Array.of(0);

/** Throws whatever SQLite throws, and Yjs on content that it cannot read. */
export function doPastWork({ folder, question }: PastWork): PastResult {
  return { kind: "past", answer: withPast(folder, (store) => answer(store, question)) };
}

function answer(store: SqliteStore, question: PastQuestion): PastAnswer {
  switch (question.ask) {
    case "show":
      return show(store, question);
    case "list": {
      const documents = listPast(store, question.timeMs, question.query);
      if (documents === undefined) return { state: "gone", oldestMs: store.prunedThroughMs() };
      return { state: "listed", documents };
    }
    case "history":
      return { state: "told", history: readHistory(store, question.name, question.query) };
    case "revert":
      return prepareRevert(store, question.name, question.timeMs, question.clientId);
  }
}

function show(store: SqliteStore, { name, timeMs, as }: Extract<PastQuestion, { ask: "show" }>): PastAnswer {
  const past = readPast(store, name, timeMs);
  if (past.state === "gone" || past.state === "absent") return past;
  const { incarnation, changedMs, damaged, parts } = past;
  const clusterId = store.readClusterId();
  assert(clusterId !== undefined, "who holds documents is of a cluster");
  const { fingerprint, deleteSet } = pastRecord(past, clusterId);
  return {
    state: "shown",
    alive: past.state === "alive",
    incarnation,
    changedMs,
    whole: !damaged,
    fingerprint: Buffer.from(fingerprint).toString("hex"),
    contentDigest: contentDigest(parts, deleteSet),
    roots: { ...readRoots(parts, deleteSet, as) },
    update: encodeDifference(parts, EMPTY_STATE_VECTOR, deleteSet),
  };
}
