/**
 * Ending on request: the first signal asks for a clean end, a second one ends at once.
 */

/** Ctrl-C reaches a process twice when a package manager stands between it and the terminal; this close together it is one wish. */
const SAME_WISH_MS = 300;

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

export interface StopRequest {
  /** Resolves with the signal at the first request. */
  readonly requested: Promise<NodeJS.Signals>;
  /** Gives the signals back to Node's own handling. */
  release(): void;
}

/** Listens for signals. `atOnce` runs before the process ends on the second one. */
export function onStopSignal(atOnce: () => void = () => {}): StopRequest {
  let resolve: (signal: NodeJS.Signals) => void = () => {};
  const requested = new Promise<NodeJS.Signals>((settle) => {
    resolve = settle;
  });
  let firstMs: number | undefined;
  const listener = (signal: NodeJS.Signals): void => {
    if (firstMs === undefined) {
      firstMs = performance.now();
      resolve(signal);
    } else if (performance.now() - firstMs > SAME_WISH_MS) {
      atOnce();
      process.exit(1);
    }
  };
  for (const signal of SIGNALS) process.on(signal, listener);
  return {
    requested,
    release: () => {
      for (const signal of SIGNALS) process.off(signal, listener);
    },
  };
}
