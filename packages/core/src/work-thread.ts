/** The thread that `worker-pool.ts` starts: makes way for the peer's own thread, before it even loads what it works with. */
import { lowerThreadPriority } from "./lower-priority.ts";

lowerThreadPriority(5);
await import("./work-jobs.ts");
