/** Real peers on loopback with real disks, and what a test does with them. Everything is given back when the test ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished, vi } from "vitest";
import { createPeer } from "../src/create-peer.ts";
import type { Peer, PeerOptions } from "../src/peer-api.ts";

/** A folder that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "yarrow-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A listening peer, closed after the test if it still runs. */
export async function startPeer(options: Partial<PeerOptions> = {}): Promise<Peer> {
  const folder = options.data ?? temporaryFolder();
  const peer = await createPeer({ listen: "127.0.0.1:0", ...options, data: folder });
  onTestFinished(() => peer.close());
  return peer;
}

/** Peers of one cluster, each linked to the one before. */
export async function startLine(count: number, options: Partial<PeerOptions> = {}): Promise<Peer[]> {
  const peers: Peer[] = [];
  for (let index = 0; index < count; index++) {
    const before = peers.at(-1)?.url;
    peers.push(await startPeer({ cluster: "test", ...options, ...(before === undefined ? {} : { peers: [before] }) }));
  }
  await until(() => peers.every((peer) => peer.status().links.some(({ state }) => state === "open")));
  return peers;
}

/** Waits until a condition holds. */
export async function until(condition: () => boolean | Promise<boolean>, timeoutMs = 10_000): Promise<void> {
  await vi.waitFor(
    async () => {
      if (!(await condition())) throw new Error(`not yet: ${condition.toString()}`);
    },
    { timeout: timeoutMs, interval: 10 },
  );
}

export function rootsEqual(peers: readonly Peer[]): boolean {
  return new Set(peers.map((peer) => peer.status().root)).size === 1;
}
