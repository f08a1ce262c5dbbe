/**
 * How V8 treats a process that runs for days. Its defaults are those of pages and commands: compile little, and give memory back
 * at every pause. Measured on a peer with 100 readers and 200 updates a second, long after it had started: the first takes 2 to 5 %
 * off its processor time, the others about 3, 2 and, where writers pause for a second now and then, 3 %.
 *
 * All Node versions from 22 to 26 know them; one that does not would say so on stderr, which a test would see.
 */
import { setFlagsFromString } from "node:v8";

const FLAGS = [
  // Types are noted from the first call of a function on, not from the eighth or so: code that was optimised with more notes is better.
  "--no-lazy-feedback-allocation",
  // A function that is called with each update would wait for 3,000 of them before it is optimised, and the first stage for 400.
  "--invocation-count-for-turbofan=1000",
  "--invocation-count-for-maglev=100",
  // A moment without a writer is no idleness, and what is compiled is needed again: `idle-collection.ts` waits for real quiet.
  "--gc-memory-reducer-start-delay-ms=600000",
];

/** Call before anything of the engine has run. */
export function setV8Flags(): void {
  for (const flag of FLAGS) setFlagsFromString(flag);
}
