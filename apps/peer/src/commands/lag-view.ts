/** How far a peer and those that follow it are behind, as people read it. */
import type { StatusReport } from "../control.ts";
import { ink, printable } from "../terminal/paint.ts";
import { count, formatDuration } from "../terminal/quantity.ts";

/** Rows of the status; none where nobody follows anybody. */
export function formatLag({ role, lag, links }: StatusReport): (readonly [string, string])[] {
  const rows: (readonly [string, string])[] = [];
  if (role === "follower") {
    const writers = lag.writers.length === 0 ? "" : ` ${count(lag.writers.length, "writer")}`;
    rows.push(["lag", `${formatBehind(lag)}${writers}`]);
  }
  const followers = links.flatMap(({ peerId, follower }) =>
    follower === null ? [] : [`${printable(peerId ?? "").slice(0, 12)} ${formatBehind(follower)}`],
  );
  if (followers.length > 0) rows.push(["followers", followers.join("\n")]);
  return rows;
}

function formatBehind({ lagMs, updatesBehind }: { lagMs: number | null; updatesBehind: number | null }): string {
  if (lagMs === null) return ink("not known yet how far behind", "yellow");
  const updates = updatesBehind === null ? "" : `, ${count(updatesBehind, "update")}`;
  return `at most ${formatDuration(lagMs)}${updates} behind`;
}
