/** What a replica tells of lag: of its own, of each link, and of those who follow it. Read only. */
import type { PeerId } from "@yarrow/protocol";
import type { LinkLag } from "./link-lag.ts";

export interface LagStatus {
  /** How old at most is what this replica holds of any writer it hears; 0 on a writer, undefined while not known. */
  readonly lagMs: number | undefined;
  readonly updatesBehind: number | undefined;
  readonly bytesBehind: number | undefined;
  /** How long ago this set was last verified equal to another peer's. */
  readonly verifiedMs: number | undefined;
  readonly writers: readonly { readonly peerId: PeerId; readonly lagMs: number | undefined }[];
}

export interface LinkLagStatus {
  /** How old at most is what we hold of that peer's set; undefined while not known. */
  readonly lagMs: number | undefined;
  readonly updatesBehind: number | undefined;
  readonly bytesBehind: number | undefined;
  readonly verifiedMs: number | undefined;
  /** What a follower at the other end says of itself. */
  readonly follower: Omit<LinkLagStatus, "verifiedMs" | "follower"> | undefined;
}

/** What the follower at the other end of a link last said of itself. */
export function describeReport(lag: LinkLag, now: number, reportMs: number): LinkLagStatus["follower"] {
  const said = lag.report;
  if (said === undefined) return undefined;
  const { lagMs, behind } = said.report;
  // Between two reports nothing is known. One that is overdue counts on.
  const overdueMs = Math.max(0, now - said.at - reportMs);
  return {
    lagMs: lagMs === undefined ? undefined : lagMs + overdueMs,
    updatesBehind: behind?.updates,
    bytesBehind: behind?.bytes,
  };
}

/** Whole ms since then, rounded up; undefined when it never was. */
export function since(at: number | undefined, now: number): number | undefined {
  return at === undefined || at === Number.NEGATIVE_INFINITY ? undefined : Math.max(0, Math.ceil(now - at));
}
