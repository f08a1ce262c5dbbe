/** A peer whose store the test holds in its hands, to fill its disk or to make it fail. */
import { randomBytes } from "node:crypto";
import type { ClusterId, ProcessId } from "@yarrow/protocol";
import { Replica } from "@yarrow/replica";
import { onTestFinished } from "vitest";
import { Listener } from "../src/listener.ts";
import { createClock } from "../src/clock.ts";
import { checkOptions } from "../src/options.ts";
import { RunningPeer } from "../src/peer.ts";
import { openSqliteStore, recordBoot } from "../src/store/open-store.ts";
import type { SqliteStore } from "../src/store/sqlite-store.ts";

export interface PeerOnStore {
  readonly peer: RunningPeer;
  readonly store: SqliteStore;
}

/** Opens the folder and starts a listening peer on it; closed after the test. */
export async function startOnStore(data: string): Promise<PeerOnStore> {
  const options = checkOptions({ data, listen: "127.0.0.1:0" });
  const clock = createClock();
  const store = openSqliteStore({ folder: options.folder, durability: "full", now: clock });
  recordBoot(store, clock());
  const listener = new Listener({ host: "127.0.0.1", port: 0 });
  await listener.listen();
  const processId = randomBytes(8).toString("hex") as ProcessId;
  const replica = new Replica({
    store,
    random: Math.random,
    processId,
    clusterId: "c".repeat(32) as ClusterId,
    addresses: [],
    peers: [],
    discovery: false,
    now: clock(),
  });
  const peer = new RunningPeer({
    publicKey: "",
    options,
    store,
    replica,
    listener,
    processId,
    clock,
    random: Math.random,
  });
  onTestFinished(() => peer.close());
  await peer.start();
  return { peer, store };
}
