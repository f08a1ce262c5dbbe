/** A peer and strangers that the test plays, and clusters in which not everybody can be linked to everybody. */
import type { Hello, Message, PeerId, ProcessId } from "@yarrow/protocol";
import { decodeFrame, encodeFrame, encodeMessage, PROTOCOL_VERSION } from "@yarrow/protocol";
import { expect } from "vitest";
import { clusterIdOf } from "../../src/document/keys.ts";
import type { Peer } from "./cluster.ts";
import { Cluster, peerIdOf } from "./cluster.ts";

/** Nobody answers there. */
export const NOWHERE = "ws://nowhere:1";

export function linked(cluster: Cluster, peer: Peer): PeerId[] {
  const open = peer.replica.status(cluster.now).links.filter(({ state }) => state === "open");
  return open.map(({ peerId }) => peerId!).sort();
}

export function membership(cluster: Cluster, peer: Peer) {
  return peer.replica.status(cluster.now).membership;
}

/** Six times as fast as by default, so that a test need not live through many heartbeats. */
export const QUICK = { shuffleMs: 5_000, addressExchangeMs: 5_000, memberHorizonMs: 30_000 };

/** A cluster in which every peer but the first was given the address of the first. */
export function joined(
  count: number,
  { seed = count, ...options }: Parameters<Cluster["add"]>[0] & { readonly seed?: number } = {},
): Cluster {
  const cluster = new Cluster(seed);
  const first = cluster.add({ config: QUICK });
  for (let i = 1; i < count; i++) cluster.add({ config: QUICK, peers: [first.url], ...options });
  return cluster;
}

export function isWhole(cluster: Cluster): boolean {
  const left = new Set(cluster.peers);
  const reached = [...left].slice(0, 1);
  for (const peer of reached) {
    left.delete(peer);
    const ids = linked(cluster, peer);
    for (const other of left) {
      if (!ids.includes(other.replica.peerId) || reached.includes(other)) continue;
      reached.push(other);
    }
  }
  return left.size === 0;
}

export function isSymmetric(cluster: Cluster): boolean {
  const views = new Map(cluster.peers.map((peer) => [peer.replica.peerId, linked(cluster, peer)]));
  return [...views].every(([peerId, ids]) => ids.every((other) => views.get(other)?.includes(peerId) === true));
}

/** The other end of a link, played by the test. */
export class Stranger {
  readonly link: number;
  readonly #cluster: Cluster;
  readonly #peer: Peer;

  constructor(cluster: Cluster, peer: Peer, number: number, hello: Partial<Hello> = {}) {
    this.link = 10_000 + number;
    this.#cluster = cluster;
    this.#peer = peer;
    cluster.step(peer, { type: "link-opened", link: this.link, dialled: undefined });
    this.say({
      type: "hello",
      ...{ protocolMin: 1, protocolMax: PROTOCOL_VERSION, fingerprintVersion: 1, features: 0 },
      clusterId: clusterIdOf("test"),
      peerId: peerIdOf(number),
      processId: number.toString(16).padStart(16, "0") as ProcessId,
      ...{ role: "writer", addresses: [], follows: false, lastSequence: 0 },
      ...{ publicKey: new Uint8Array(), nonce: new Uint8Array(), wish: "low" },
      ...hello,
    });
  }

  say(...messages: Message[]): void {
    const bytes = encodeFrame(messages.map(encodeMessage));
    this.#cluster.step(this.#peer, { type: "link-frame", link: this.link, bytes });
  }

  /** Everything it was told, by type. */
  heard<T extends Message["type"]>(type: T): Extract<Message, { type: T }>[] {
    const frames = this.#peer.of("send").flatMap(({ link, frames: sent }) => (link === this.link ? sent : []));
    return frames
      .flatMap((frame) => decodeFrame(frame))
      .filter((one): one is Extract<Message, { type: T }> => one.type === type);
  }

  get open(): boolean {
    return this.#peer.facts("link-up").some(({ link }) => link === this.link) && this.code === undefined;
  }

  get code(): string | undefined {
    return this.#peer.of("close-link").find(({ link }) => link === this.link)?.code;
  }
}

/** A peer that has heard of so many others that a mesh is out of the question, and is linked to `links` of them. */
export function inViews(
  links: number,
  config: Parameters<Cluster["add"]>[0] = {},
): { cluster: Cluster; peer: Peer; strangers: Stranger[] } {
  const cluster = new Cluster();
  const peer = cluster.add(config);
  const strangers = Array.from({ length: links }, (_, i) => new Stranger(cluster, peer, 100 + i, { wish: "join" }));
  const gossip = new Stranger(cluster, peer, 99, { wish: "keep" });
  const peers = Array.from({ length: 60 }, (_, i) => ({
    ...{ peerId: peerIdOf(1_000 + i), role: "writer" as const, ageMs: 0, urls: [`ws://unreachable-${i}:1`] },
  }));
  // The second time it knows that this is no mesh, and that only what was reached is told.
  for (let i = 0; i < 2; i++) gossip.say({ type: "shuffle-reply", path: [], peers });
  cluster.step(peer, { type: "link-closed", link: gossip.link, reason: "" });
  expect(membership(cluster, peer)).toMatchObject({ mode: "views", active: links });
  peer.mark();
  return { cluster, peer, strangers };
}

/** Lets time pass in which everybody at the other ends gives signs of life. */
export function pass(cluster: Cluster, strangers: readonly Stranger[], ms: number): void {
  for (let passed = 0; passed < ms; passed += 5_000) {
    for (const one of strangers) if (one.code === undefined) one.say({ type: "ping", sequence: passed });
    cluster.run(5_000);
  }
}
