/** Addresses told and learned. What is learned survives a restart, so that one reachable address is enough to come back. */
import type { Addresses, PeerId } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { Link } from "../links/link.ts";
import type { Links } from "../links/links.ts";
import type { Store } from "../store.ts";
import { StoreFullError } from "../store.ts";
import type { Directory } from "./directory.ts";
import { isPeerUrl } from "./directory.ts";

/** Addresses remembered of one peer. */
const URLS_PER_PEER_MAX = 8;

export interface ExchangeParts {
  readonly config: ReplicaConfig;
  readonly store: Store;
  readonly directory: Directory;
  readonly links: Links;
  readonly discovery: boolean;
  /** Where others can dial this peer: nothing to learn. */
  readonly addresses: readonly string[];
}

export class Exchange {
  readonly #parts: ExchangeParts;
  readonly #known = new Map<PeerId, readonly string[]>();
  readonly #unwritten = new Set<PeerId>();
  #dueAt: number;

  constructor(parts: ExchangeParts, now: number) {
    this.#parts = parts;
    this.#dueAt = now + parts.config.addressExchangeMs;
    if (!parts.discovery) return;
    for (const { peerId, urls } of parts.store.listAddresses()) {
      this.#known.set(peerId, urls);
      for (const url of urls) parts.directory.add(url, { configured: false, peerId, now });
    }
  }

  linkOpened(link: Link, now: number): void {
    const { hello } = link;
    if (hello === undefined) return;
    const dialled = link.dialled === undefined ? [] : [link.dialled];
    this.learn([{ peerId: hello.peerId, urls: [...new Set([...hello.addresses, ...dialled])] }], now);
    this.#tell(link);
  }

  learn(peers: Addresses["peers"], now: number): void {
    const { discovery, directory, addresses, config } = this.#parts;
    if (!discovery) return;
    for (const { peerId, urls } of peers) {
      // Under our own id another process may live, on a copy of our disk: it is dialled like any other, and noticed.
      const good = urls.filter((url) => isPeerUrl(url) && !addresses.includes(url));
      if (good.length === 0) continue;
      const known = this.#known.get(peerId) ?? [];
      const fresh = [...new Set(good)].filter((url) => !known.includes(url));
      if (fresh.length === 0 || (known.length === 0 && this.#known.size >= config.addressesMax)) continue;
      // A peer may come back elsewhere every time: the newest are kept. More would break the message they travel in.
      this.#known.set(peerId, [...known, ...fresh].slice(-URLS_PER_PEER_MAX));
      this.#unwritten.add(peerId);
      for (const url of fresh) directory.add(url, { configured: false, peerId, now });
    }
  }

  /** Call when nothing is staged. */
  wake(now: number): void {
    this.#write(now);
    if (now < this.#dueAt) return;
    this.#dueAt = now + this.#parts.config.addressExchangeMs;
    for (const link of this.#parts.links.open()) this.#tell(link);
  }

  nextDeadline(): number {
    return this.#dueAt;
  }

  #tell(link: Link): void {
    if (!this.#parts.discovery || this.#known.size === 0) return;
    const peers = [...this.#known].map(([peerId, urls]) => ({ peerId, urls }));
    link.send({ type: "addresses", peers });
  }

  #write(now: number): void {
    if (this.#unwritten.size === 0) return;
    const { store } = this.#parts;
    try {
      store.transaction(() => {
        for (const peerId of this.#unwritten) {
          store.writeAddress({ peerId, urls: this.#known.get(peerId) ?? [], seenMs: Math.floor(now) });
        }
      });
    } catch (error) {
      // Without room the addresses live in memory; they are learned again after a restart.
      if (!(error instanceof StoreFullError)) throw error;
    }
    this.#unwritten.clear();
  }
}
