/**
 * Gives memory back after a busy time. V8 collects garbage when something allocates, so a peer that falls quiet would hold
 * the garbage of its busiest hour until the next one. When nothing was committed for an interval and the heap has grown since
 * the last collection, one thorough collection is asked for, which also hands the empty pages back to the system (a plain one keeps
 * them: 310 MB stayed where 95 were left after it). It costs 60 ms for a heap of 80 MB and more than twice as much for three
 * times that, at a time when nobody is writing.
 */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Peer } from "@yarrow/core";

const INTERVAL_MS = 10_000;
/** Between two collections: also a peer that only answers readers makes garbage, and each would be a pause for them. */
const INTERVALS_APART = 6;
/** Less than this is not worth a pause. */
const GROWTH_BYTES_MIN = 4 * 1024 * 1024;

/** Watches a peer until the returned function is called. */
export function collectWhenIdle(peer: Pick<Peer, "on">, intervalMs = INTERVAL_MS): () => void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as (how: { readonly type: "major"; readonly flavor: "last-resort" }) => void;
  let busy = true;
  let floorBytes = usedBytes();
  let intervals = INTERVALS_APART;
  const forget = peer.on("fact", (fact) => {
    if (fact.kind === "committed") busy = true;
  });
  const timer = setInterval(() => {
    const wasBusy = busy;
    busy = false;
    intervals++;
    if (wasBusy || intervals < INTERVALS_APART || usedBytes() < floorBytes + GROWTH_BYTES_MIN) return;
    intervals = 0;
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
