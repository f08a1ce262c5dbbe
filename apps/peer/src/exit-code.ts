/**
 * How every `yarrow` command ends. Stable: scripts branch on these.
 */
import { YarrowError } from "@yarrow/core/command";

export const EXIT_CODES = {
  good: 0,
  /** Something failed, or what was asked for does not exist. */
  failed: 1,
  /** The command line or the configuration is wrong. */
  usage: 2,
  /** Two replicas differ, or one of them moved while they were compared. */
  different: 3,
  /** No peer runs on that data folder. */
  notRunning: 4,
} as const;

export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES];

/** The exit code that an error stands for. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof YarrowError)) return EXIT_CODES.failed;
  switch (error.code) {
    case "YARROW_USAGE":
    case "YARROW_CONFIG_INVALID":
    case "YARROW_QUERY_INVALID":
      return EXIT_CODES.usage;
    case "YARROW_PEER_NOT_RUNNING":
      return EXIT_CODES.notRunning;
    default:
      return EXIT_CODES.failed;
  }
}
