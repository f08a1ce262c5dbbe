/**
 * Has V8 note types from the first call of each function on, not from the eighth or so. A command that ends soon would pay for
 * notes that nobody reads; a peer runs for days, and code that was optimised with more notes is better: a peer with 100 readers
 * takes 2 to 5 % less processor time, long after all of it was compiled, and no more memory.
 */
import { setFlagsFromString } from "node:v8";

/** Call before anything of the engine has run. */
export function profileAtOnce(): void {
  setFlagsFromString("--no-lazy-feedback-allocation");
}
