/**
 * Gives the server that is measured processors of its own.
 *
 * Clients stand for other machines, which never wait for the server's processor. On one machine they do, unless told otherwise:
 * where an idle virtual processor counts as taken (KVM guests that see stolen time), the kernel puts a process that a socket
 * wakes on the processor of the one that wrote, behind it. The first of a hundred readers then hears of an update when the last
 * was written to: 0.8 ms later, for a server that slept before it wrote; for one that never syncs a disk, seldom.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Processors {
  /** In the form of `taskset`: `0,2-3`. */
  readonly all: string;
  readonly server: string;
  readonly clients: string;
}

/** How the processors that this process may use are shared out; undefined where they cannot be: one alone, or no `taskset`. */
export function shareProcessors(): Processors | undefined {
  try {
    const all = /^Cpus_allowed_list:\s*(?<list>\S+)/mu.exec(readFileSync("/proc/self/status", "utf8"))?.groups?.[
      "list"
    ];
    if (all === undefined) return undefined;
    const numbers = readList(all);
    if (numbers.length < 2) return undefined;
    execFileSync("taskset", ["--version"], { stdio: "ignore" });
    const half = Math.ceil(numbers.length / 2);
    return { all, server: numbers.slice(0, half).join(","), clients: numbers.slice(half).join(",") };
  } catch {
    return undefined;
  }
}

/** Binds a process, with all its threads, to processors. */
export function bind(pid: number, list: string): void {
  execFileSync("taskset", ["--all-tasks", "--cpu-list", "--pid", list, String(pid)], { stdio: "ignore" });
}

/** `0,2-4` is 0, 2, 3, 4. */
export function readList(list: string): number[] {
  return list.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split("-").map(Number);
    return Array.from({ length: last - first + 1 }, (_, at) => first + at);
  });
}
