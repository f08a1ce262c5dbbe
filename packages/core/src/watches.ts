/** What a peer keeps an eye on while it runs, beside what the engine tells it. */
import type { Event } from "@yarrow/replica";
import type { Counters } from "./counters.ts";
import { watchLoopDelay } from "./loop-delay.ts";
import type { CheckedOptions } from "./options.ts";
import type { Watchdog } from "./watchdog.ts";
import { watchTrust } from "./trust-watch.ts";

/** Returns how to stop. */
export function startWatches(
  counters: Counters,
  watchdog: Watchdog,
  options: CheckedOptions,
  submit: (event: Event) => void,
): () => void {
  const stops = [
    watchLoopDelay(counters, (ms) => watchdog.windowEnded(ms)),
    watchTrust(options.trust, () => submit({ type: "credentials-changed" }), options.log),
  ];
  return () => stops.forEach((stop) => stop());
}
