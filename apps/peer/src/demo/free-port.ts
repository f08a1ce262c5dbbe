/**
 * Ports of the demo: the friendly ones where they are free, the next free ones where not.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { YarrowError } from "@yarrow/core/command";

const LOOPBACK = "127.0.0.1";

/** Ports tried in a row before giving up. */
const TRIES_MAX = 200;

/** The first free loopback port from `first` on that is not in `taken`; 0 = any, chosen by the system. Errors: YARROW_LISTEN_FAILED. */
export async function freePort(first: number, taken: ReadonlySet<number>): Promise<number> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const port = first === 0 ? 0 : first + tries;
    if (port > 65_535) break;
    const bound = taken.has(port) ? undefined : await tryPort(port);
    if (bound !== undefined && !taken.has(bound)) return bound;
  }
  throw new YarrowError("YARROW_LISTEN_FAILED", `no free port among the ${TRIES_MAX} from ${first} on`);
}

async function tryPort(port: number): Promise<number | undefined> {
  const probe = createServer();
  try {
    probe.listen(port, LOOPBACK);
    await once(probe, "listening");
    const address = probe.address();
    return typeof address === "object" && address !== null ? address.port : undefined;
  } catch {
    return undefined;
  } finally {
    if (probe.listening) await new Promise((resolve) => probe.close(resolve));
  }
}
