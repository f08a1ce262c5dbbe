/** Processor time of a process with all its threads, from `/proc/PID/stat`. */
import { readFileSync } from "node:fs";

/** Linux counts in hundredths of a second in this file, whatever the kernel's own tick. */
const TICKS_PER_SECOND = 100;
/** Fields `utime` and `stime`, counted from the one after the command in parentheses. */
const UTIME = 11;
const STIME = 12;

/** User and system seconds since the process started, ended threads included. Errors: not Linux, or no such process. */
export function processorSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[UTIME]) + Number(fields[STIME])) / TICKS_PER_SECOND;
}
