/** What `/readyz` answers: whether this peer serves, and, when asked, whether what it serves is fresh enough. */
import type { PeerStatus } from "./peer-api.ts";

/** Why not; undefined when it is ready. Links never matter but for `maxLagMs`. */
export function notReady({ state, lag }: PeerStatus, maxLagMs: number | undefined): string | undefined {
  if (state === "joining") return "joining";
  if (maxLagMs === undefined) return undefined;
  if (lag.lagMs === undefined) return "it is not known how far this peer is behind";
  return lag.lagMs > maxLagMs ? `${lag.lagMs} ms behind; wanted is at most ${maxLagMs} ms` : undefined;
}

/** `maxLagMs` of a query; undefined when it is not asked for, NaN when it is no number of at least 0, or given more than once. */
export function readMaxLag(url: string | undefined): number | undefined {
  const [value, ...others] = new URL(url ?? "/", "http://localhost").searchParams.getAll("maxLagMs");
  if (value === undefined) return undefined;
  return others.length === 0 && /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
}
