/**
 * Gives memory back after a busy time. V8 collects garbage when something allocates, so a peer that falls quiet would hold
 * the garbage of its busiest hour until the next one. Once nothing was committed and nobody has left for some intervals, one thorough
 * collection is asked for, which also hands the empty pages back to the system (a plain one keeps them: 310 MB stayed where 95 were
 * left after it). It costs 60 ms for a heap of 80 MB and more than twice as much for three times that, when nobody is writing.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Peer } from "@yarrow/core";

const INTERVAL_MS = 10_000;
/** Half a minute at least: by then the documents that were in memory have been let go, after 20 s without use. */
const QUIET_INTERVALS = 4;
/** Less than this is not worth a pause. What sessions leave behind is: it was counted as used while they were there. */
const GROWTH_BYTES_MIN = 4 * 1024 * 1024;

/** Watches a peer until the returned function is called. */
export function collectWhenIdle(peer: Pick<Peer, "on" | "status">, intervalMs = INTERVAL_MS): () => void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (how: { readonly type: "major"; readonly flavor: "last-resort" }) => void;
  let quietIntervals = 0;
  let sessions = 0;
  let haveLeft = false;
  let floorBytes = usedBytes();
  const forget = peer.on("fact", (fact) => {
    if (fact.kind === "committed") quietIntervals = 0;
  });
  const timer = setInterval(() => {
    const before = sessions;
    ({ sessions } = peer.status());
    if (sessions < before) {
      haveLeft = true;
      quietIntervals = 0;
    }
    quietIntervals++;
    if (quietIntervals !== QUIET_INTERVALS || (!haveLeft && usedBytes() < floorBytes + GROWTH_BYTES_MIN)) return;
    haveLeft = false;
    collect({ type: "major", flavor: "last-resort" });
    floorBytes = usedBytes();
  }, intervalMs);
  timer.unref();
  return () => {
    clearInterval(timer);
    forget();
  };
}

function usedBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
