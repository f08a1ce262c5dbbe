/**
 * Ports of the demo: the friendly ones where they are free, the next free ones where not.
 */
import { once } from "node:events";
import { createServer } from "node:net";
import { YarrowError } from "@yarrow/core";

const LOOPBACK = "127.0.0.1";

/** Ports tried in a row before giving up. */
const TRIES_MAX = 200;

/** The first free loopback port from `first` on that is not in `taken`; 0 = any, chosen by the system. Errors: YARROW_LISTEN_FAILED. */
export async function freePort(first: number, taken: ReadonlySet<number>): Promise<number> {
  for (let port = first; port < first + TRIES_MAX && port <= 65_535; port++) {
    if (taken.has(port)) continue;
    const bound = await tryPort(port);
    if (bound !== undefined && !taken.has(bound)) return bound;
    if (first === 0) port -= 1;
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
