/** Waiting for conditions. Nothing here waits for a time: a deadline only turns a condition that never holds into an error. */

const POLL_INTERVAL_MS = 25;

export interface WaitOptions {
  readonly timeoutMs?: number;
  /** What was waited for; used in the error, called only then. */
  readonly describe?: () => string;
}

/** Asks again and again until the condition holds. A condition that throws counts as not holding. */
export async function waitUntil(condition: () => boolean | Promise<boolean>, options: WaitOptions = {}): Promise<void> {
  const { timeoutMs = 30_000, describe = () => "a condition" } = options;
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      if (await condition()) return;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() > deadline) throw new Error(`Waited ${timeoutMs} ms for ${describe()}.`, { cause });
    await pause(POLL_INTERVAL_MS);
  }
}

/** A timer as a promise, for rates, schedules and polling. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Rejects when `promise` has not settled by the deadline. */
export async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Waited ${timeoutMs} ms for ${what}.`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}
