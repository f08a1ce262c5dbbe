/** What is promised of a mesh in numbers, for those who judge by it and for those who draw it. */

/** Of an update without loss, in times the least that would do: one for each other peer. */
export const SENDS_SHARE_MAX = 1.15;

/** At a million documents. */
export const SIZE_LIMITS = {
  digestBytes: 100,
  digestMs: 1,
  roundTrips: 5,
  repairBytes: 150_000,
  repairMs: 1_000,
  residentMB: 250,
  startMs: 3_000,
  bookkeepingUs: 100,
  perSecond: 10_000,
  loopMs: 50,
  /** Bytes of a filling that was cut off three times, or shared by three, of those of one that was not. */
  again: 1.1,
} as const;
