/** Takes over a changed list of trusted keys while the peer runs. */
import fs from "node:fs";
import type { TrustedKeys } from "./credentials.ts";
import type { LogLine } from "./peer-api.ts";

/** How often the file is looked at. Polled, because lists are often mounted from places that report no changes. */
const TRUST_INTERVAL_MS = 2_000;

/** Returns how to stop. A list that has become unreadable or wrong is logged, and the last good one holds. */
export function watchTrust(
  trust: TrustedKeys | undefined,
  changed: () => void,
  log: (line: LogLine) => void,
): () => void {
  if (trust === undefined) return () => undefined;
  const { file } = trust;
  const reload = (): void => {
    try {
      trust.reload();
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      return log({ level: "error", message: "the list of trusted keys was not taken over", fields: { file, detail } });
    }
    log({ level: "info", message: "took over the list of trusted keys", fields: { file } });
    changed();
  };
  fs.watchFile(file, { interval: TRUST_INTERVAL_MS, persistent: false }, reload);
  return () => fs.unwatchFile(file, reload);
}
