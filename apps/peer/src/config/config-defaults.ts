/**
 * What holds of a setting that nobody gave. Apart from the schema, so that commands which need no more than this start faster.
 */
import type { Settings } from "./config-schema.ts";

/** What holds where nothing is said. `admin`, `cluster`, `advertise`, `role`, `trust`, `query` and `backup-dir` have no default. */
export const CONFIG_DEFAULTS = {
  data: "./yarrow-data",
  listen: "127.0.0.1:4321",
  peer: [],
  discovery: true,
  history: 86_400_000,
  "backup-every": 3_600_000,
  "backup-keep": 48,
  durability: "full",
  copies: 0,
  "when-missing": "wait",
  "copies-timeout": 10_000,
  insecure: false,
  "log-level": "info",
} as const satisfies Settings;
