/**
 * What the shell of a peer counts while it runs; what the engine does is told by facts instead. A plain object of numbers
 * that only grow, unless said otherwise, so that whoever serves metrics can read it at any time. Counting never steers.
 */

/** Upper bounds of the buckets of batch durations, in ms; one more bucket holds what is longer. */
export const BATCH_MS_BOUNDS: readonly number[] = [0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000];

export interface Counters {
  sessionsOpened: number;
  sessionsClosed: number;
  /** Sessions that read too slowly and were switched to resync. */
  sessionsCongested: number;
  /** Sessions that stayed too slow and were cut off. */
  sessionsCutOff: number;
  /** Frames and bytes from browsers. */
  receivedFrames: number;
  receivedBytes: number;
  /** Frames times readers, and their bytes. */
  deliveries: number;
  deliveredBytes: number;
  linkReceivedBytes: number;
  linkSentBytes: number;
  /** Turns of the loop that had events, and the events in them. */
  batches: number;
  events: number;
  /** How many batches took at most so many ms: one number per {@link BATCH_MS_BOUNDS}, and one for the rest. Not cumulative. */
  readonly batchMsBuckets: number[];
  batchMsTotal: number;
  /** Queries asked, those that did not end well, and how long all of them took, waiting included. */
  queries: number;
  queriesFailed: number;
  queryMsTotal: number;
  /** Documents written to the projection, and how long its thread worked for it. */
  projectedDocuments: number;
  projectionMsTotal: number;
  /** Delay of the event loop over the last window; these three go up and down. */
  loopDelayP50Ms: number;
  loopDelayP99Ms: number;
  loopDelayMaxMs: number;
  /** Windows in which the loop was blocked for longer than it may. */
  loopBlocked: number;
  /** Of batches that blocked the loop, how long each part took; `elsewhere`: delays that no batch explains. */
  readonly heldMs: { step: number; commit: number; perform: number; elsewhere: number };
}

export function createCounters(): Counters {
  return {
    sessionsOpened: 0,
    sessionsClosed: 0,
    sessionsCongested: 0,
    sessionsCutOff: 0,
    receivedFrames: 0,
    receivedBytes: 0,
    deliveries: 0,
    deliveredBytes: 0,
    linkReceivedBytes: 0,
    linkSentBytes: 0,
    batches: 0,
    events: 0,
    batchMsBuckets: [0, ...BATCH_MS_BOUNDS].map(() => 0),
    batchMsTotal: 0,
    queries: 0,
    queriesFailed: 0,
    queryMsTotal: 0,
    projectedDocuments: 0,
    projectionMsTotal: 0,
    loopDelayP50Ms: 0,
    loopDelayP99Ms: 0,
    loopDelayMaxMs: 0,
    loopBlocked: 0,
    heldMs: { step: 0, commit: 0, perform: 0, elsewhere: 0 },
  };
}

export function countBatch(counters: Counters, events: number, ms: number): void {
  if (events === 0) return;
  counters.batches += 1;
  counters.events += events;
  counters.batchMsTotal += ms;
  const index = BATCH_MS_BOUNDS.findIndex((bound) => ms <= bound);
  const bucket = index === -1 ? BATCH_MS_BOUNDS.length : index;
  counters.batchMsBuckets[bucket] = (counters.batchMsBuckets[bucket] ?? 0) + 1;
}
