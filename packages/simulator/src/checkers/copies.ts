/**
 * No echo before its copies. Whatever a peer that wants copies sends a tab of the tab's own writing, as an echo or in an answer, is
 * on the disks of so many other peers at that moment, each identity counted once. Degraded peers are excused, and so is everybody
 * for a moment after a disk was allowed to forget.
 */
import * as Y from "yjs";
import type { Browser } from "../browser.ts";
import type { Counters } from "../counters.ts";
import type { SimulatedPeer } from "../peer.ts";
import type { Timeline } from "../timeline.ts";
import { decodeServerFrame } from "../wire-format.ts";
import type { Witness } from "../witness.ts";
import { violated } from "../witness.ts";

/** Longer than an answer is on its way. */
const EXCUSED_MS = 10_000;

export interface CopiesParts {
  readonly timeline: Timeline;
  readonly counters: Counters;
  readonly peers: () => readonly SimulatedPeer[];
  readonly browsers: () => readonly Browser[];
}

export class CopiesChecker implements Witness {
  readonly #parts: CopiesParts;
  /** Edits that a peer has acknowledged without copies, and when that was last seen to change. */
  readonly #skipped = new Map<SimulatedPeer, { readonly skipped: number; readonly at: number }>();
  #forgotAt = Number.NEGATIVE_INFINITY;

  constructor(parts: CopiesParts) {
    this.#parts = parts;
  }

  lost(): void {
    this.#forgotAt = this.#parts.timeline.now;
  }

  sent(peer: SimulatedPeer, address: string, name: string, frame: Uint8Array): void {
    const { timeline, counters, browsers } = this.#parts;
    if (timeline.now - this.#forgotAt < EXCUSED_MS) return;
    const message = decodeServerFrame(frame);
    if (message.type !== "update" && message.type !== "step-2") return;
    const browser = browsers().find(({ place }) => place === address);
    const client = browser?.editor.client;
    const clock = client === undefined ? undefined : Y.parseUpdateMeta(message.update).to.get(client);
    if (client === undefined || clock === undefined) return;
    const copies = peer.replica?.status(peer.now()).copies;
    if (copies === undefined || copies.state !== "synchronous" || this.#hasSkipped(peer, copies.skipped)) return;
    const incarnation = peer.incarnationOf(name);
    counters.echoesWithCopies++;
    const holds = (each: SimulatedPeer): boolean => holdsSoMuch(each, name, incarnation, client, clock);
    // A document that ends in this very step is owed to nobody.
    if (!holds(peer)) return;
    const holders = new Set([peer.disk.store.readPeerId()]);
    for (const each of this.#parts.peers()) {
      if (holders.size > copies.wanted) return;
      if (each !== peer && holds(each)) holders.add(each.disk.store.readPeerId());
    }
    if (holders.size > copies.wanted) return;
    violated(
      "copies",
      `${peer.place} told ${address} in ${name} by ${message.type} that clock ${clock} of client ${client} is kept; ${holders.size} of ${copies.wanted + 1} have it`,
    );
  }

  /** In this very step it has acknowledged without copies, and recovered from that in the same step. */
  #hasSkipped(peer: SimulatedPeer, skipped: number): boolean {
    const { now } = this.#parts.timeline;
    const known = this.#skipped.get(peer);
    if (known?.skipped === skipped) return known.at === now;
    this.#skipped.set(peer, { skipped, at: now });
    return known !== undefined || skipped > 0;
  }
}

/** Its disk has so much of a client, or has seen the incarnation end. */
function holdsSoMuch(
  { disk }: SimulatedPeer,
  name: string,
  incarnation: number,
  client: number,
  clock: number,
): boolean {
  const document = disk.inspector.document(name);
  if (document === undefined) return false;
  // What was spoiled cannot be read, and may be whole in its peer's memory.
  return (
    document.row.incarnation > incarnation || disk.spoiled.has(name) || (document.clocks.get(client) ?? 0) >= clock
  );
}
