/** Lets the peer's own thread go first where processors are few. */
import os from "node:os";

const NICENESS_MAX = 19;

/** Makes the calling thread so much nicer than it is. Does nothing but on Linux: elsewhere it would be the whole process. */
export function lowerThreadPriority(niceness: number): void {
  if (process.platform === "linux") os.setPriority(Math.min(NICENESS_MAX, os.getPriority() + niceness));
}
