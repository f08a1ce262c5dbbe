/** The past as it goes over the control socket: JSON has no dates, which are milliseconds since 1970, and no bytes, which are base64. */
import type { DocumentChange, DocumentHistory, PastDocument } from "./past-api.ts";

type Dateless<T, K extends keyof T> = Omit<T, K>;

/** What a command shows of a past document: everything but the live copy. */
export type PastDetail = Omit<PastDocument, "doc">;

export interface WirePastDetail extends Dateless<PastDetail, "at" | "changedAt" | "firstAt" | "update"> {
  readonly atMs: number;
  readonly changedMs: number | null;
  readonly firstMs: number | null;
  readonly update: string;
}

export interface WireHistory {
  readonly entries: readonly (Dateless<DocumentChange, "at" | "from"> & {
    readonly atMs: number;
    readonly fromMs: number;
  })[];
  readonly next: number | null;
  readonly sinceMs: number | null;
}

export function packDetail({ at, changedAt, firstAt, update, ...rest }: PastDetail): WirePastDetail {
  const times = { atMs: at.getTime(), changedMs: changedAt?.getTime() ?? null, firstMs: firstAt?.getTime() ?? null };
  return { ...rest, ...times, update: Buffer.from(update).toString("base64") };
}

export function unpackDetail({ atMs, changedMs, firstMs, update, ...rest }: WirePastDetail): PastDetail {
  const times = { at: new Date(atMs), changedAt: dateOf(changedMs), firstAt: dateOf(firstMs) };
  return { ...rest, ...times, update: new Uint8Array(Buffer.from(update, "base64")) };
}

export function packHistory({ entries, next, since }: DocumentHistory): WireHistory {
  return {
    entries: entries.map(({ at, from, ...rest }) => ({ ...rest, atMs: at.getTime(), fromMs: from.getTime() })),
    next: next ?? null,
    sinceMs: since?.getTime() ?? null,
  };
}

export function unpackHistory({ entries, next, sinceMs }: WireHistory): DocumentHistory {
  return {
    entries: entries.map(({ atMs, fromMs, ...rest }) => ({ ...rest, at: new Date(atMs), from: new Date(fromMs) })),
    next: next ?? undefined,
    since: dateOf(sinceMs),
  };
}

function dateOf(ms: number | null): Date | undefined {
  return ms === null ? undefined : new Date(ms);
}
