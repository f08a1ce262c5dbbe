/** How many other peers must have committed an edit before its author is told that it is kept, and what happens without them. */
import { COPIES_MAX, assert } from "@yarrow/protocol";

export interface CopiesPolicy {
  /** Distinct other peers; 0 = an edit is acknowledged as soon as it is committed here. */
  readonly copies: number;
  /** `wait`: for as long as it takes. `degrade`: acknowledge without them after `timeoutMs`, until they are back. */
  readonly whenMissing: "wait" | "degrade";
  /** Milliseconds an edit waits before the peer degrades; without meaning to `wait`. */
  readonly timeoutMs: number;
}

export const NO_COPIES: CopiesPolicy = { copies: 0, whenMissing: "wait", timeoutMs: 10_000 };

/** Fills in defaults and checks the values. */
export function createCopiesPolicy(given: Partial<CopiesPolicy> = {}): CopiesPolicy {
  const policy = { ...NO_COPIES, ...given };
  const { copies, whenMissing, timeoutMs } = policy;
  assert(
    Number.isInteger(copies) && copies >= 0 && copies <= COPIES_MAX,
    `copies must be a whole number from 0 to ${COPIES_MAX}, not ${copies}`,
  );
  assert(
    whenMissing === "wait" || whenMissing === "degrade",
    `whenMissing must be wait or degrade, not ${whenMissing}`,
  );
  assert(Number.isFinite(timeoutMs) && timeoutMs >= 1, `timeoutMs must be a number of at least 1, not ${timeoutMs}`);
  return policy;
}
