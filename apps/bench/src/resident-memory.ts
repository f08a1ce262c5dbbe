/** Resident memory of a process, from `/proc/PID/status`. */
import { readFileSync } from "node:fs";

/** Undefined when it has ended. */
export function residentBytesOf(pid: number): number | undefined {
  try {
    const found = /^VmRSS:\s+(\d+) kB$/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
    return found === null ? undefined : Number(found[1]) * 1024;
  } catch {
    return undefined;
  }
}

/** Not a number when it has ended, which keeps no promise. */
export function residentMB(pid: number): number {
  return (residentBytesOf(pid) ?? Number.NaN) / 1e6;
}
