/**
 * How a link begins: hello, proof, and the consent of the side that was dialled.
 *
 * Invariants
 * 1. Nothing is believed of the other side before it has proved who it is, where proof is asked for.
 * 2. Whoever dialled opens the link only when the other side has said that it did: a link is in both views or in none.
 */
import type { Hello, PeerId, Proof } from "@yarrow/protocol";
import { FINGERPRINT_VERSION, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from "@yarrow/protocol";
import type { Fact } from "../effect.ts";
import { judgeCredential, proofStatement } from "./credentials.ts";
import { judgeHello, newerLinkStays } from "./handshake.ts";
import type { Link } from "./link.ts";
import type { LinksOptions } from "./links-options.ts";
import type { Links } from "./links.ts";
import { LINKS_PAUSED } from "./pauses.ts";

const NONE = new Uint8Array();
/** Earlier versions open a link as soon as they are greeted. */
const ASKED_SINCE_VERSION = 3;

export class Greeting {
  readonly #options: LinksOptions;
  readonly #links: Links;

  constructor(options: LinksOptions, links: Links) {
    this.#options = options;
    this.#links = links;
  }

  begin(link: Link): void {
    link.sentHello = this.#hello(link);
    link.send(link.sentHello);
  }

  takeHello(link: Link, hello: Hello, now: number): void {
    const { processId, clusterId, directory, credentials } = this.#options;
    if (link.state.kind !== "greeting") return this.#links.refuse(link, "YARROW_FRAME_INVALID", "a second hello", now);
    const verdict = judgeHello({ processId, clusterId: clusterId() }, hello);
    if (verdict.kind === "refuse") {
      this.#links.refuse(link, verdict.code, verdict.detail, now);
      if (verdict.code === "YARROW_LINK_SELF" && link.dialled !== undefined) directory.isSelf(link.dialled);
      return;
    }
    const { until } = link.state;
    if (credentials !== undefined && hello.nonce.length > 0) {
      link.send({ type: "proof", signature: credentials.sign(proofStatement(link.sentHello!, hello)) });
    }
    if (credentials?.roleOf === undefined) return this.#proceed(link, hello, now);
    const refusal = judgeCredential(credentials.roleOf, hello);
    if (refusal !== undefined) return this.#links.refuse(link, refusal.code, refusal.detail, now);
    link.state = { kind: "proving", hello, until };
  }

  /** Who asked for no proof has no use for one. */
  takeProof(link: Link, { signature }: Proof, now: number): void {
    const { state, sentHello } = link;
    const { credentials } = this.#options;
    if ((state.kind === "open" || state.kind === "asking") && credentials?.roleOf === undefined) return;
    if (state.kind !== "proving" || credentials === undefined) {
      return this.#links.refuse(link, "YARROW_FRAME_INVALID", "a proof out of its turn", now);
    }
    const { hello } = state;
    if (!credentials.verify(hello.publicKey, proofStatement(hello, sentHello!), signature)) {
      return this.#links.refuse(
        link,
        "YARROW_CREDENTIAL_REFUSED",
        `peer ${hello.peerId} does not hold the key it names`,
        now,
      );
    }
    this.#proceed(link, hello, now);
  }

  /** The side that was dialled has taken us for a neighbour. */
  takeNeighbour(link: Link, now: number): void {
    if (link.state.kind === "asking") this.#open(link, link.state.hello, now);
  }

  /** Everything is said; whoever was dialled decides, and whoever dialled waits for it. */
  #proceed(link: Link, hello: Hello, now: number): void {
    if (!link.weDialled || hello.protocolMax < ASKED_SINCE_VERSION) return this.#open(link, hello, now);
    this.#options.directory.met(link.dialled!, hello.peerId, hello.processId);
    this.#options.answered(link.dialled!, hello, now);
    link.state = { kind: "asking", hello, until: now + this.#options.config.helloTimeoutMs };
  }

  #open(link: Link, hello: Hello, now: number): void {
    const { processId, clusterId, adoptCluster, directory, peerId, config, admits } = this.#options;
    // Judged anew: the cluster may have been decided while the proof was on its way.
    const verdict = judgeHello({ processId, clusterId: clusterId() }, hello);
    if (verdict.kind === "refuse") return this.#links.refuse(link, verdict.code, verdict.detail, now);
    link.state = { kind: "open", hello, since: now };
    if (this.#links.isPaused(link)) return this.#links.refuse(link, "YARROW_LINK_PAUSED", LINKS_PAUSED, now);
    if (!this.#winsOverOthers(link, hello, now)) return;
    if (!link.weDialled && !admits(link, now)) {
      return this.#links.refuse(link, "YARROW_VIEW_FULL", "this peer has the links it needs", now);
    }
    if (verdict.kind === "adopt" && !adoptCluster(verdict.clusterId)) {
      return this.#links.refuse(link, "YARROW_STORE_FULL", "there is no room to remember the cluster", now);
    }
    if (hello.peerId === peerId || this.#othersHave(link, hello.peerId)) {
      this.#emitFact({ kind: "duplicate-identity", peerId: hello.peerId });
    }
    if (link.dialled !== undefined) directory.linked(link.dialled, hello.peerId, hello.processId);
    link.outgoing.limit(this.#links.rateLimits.of(link.names), now);
    if (!link.weDialled && hello.protocolMax >= ASKED_SINCE_VERSION) link.send({ type: "neighbour" });
    link.announced = hello;
    this.#emitFact({ kind: "link-up", link: link.id, peerId: hello.peerId, url: link.dialled });
    this.#options.opened(link, now);
    this.#followPerhaps(link);
    link.pingDueAt = link.beatsIn ? now : now + config.pingIntervalMs;
  }

  /** Follows who dialled us, if it lives at an address that the operator told us to follow. */
  #followPerhaps(link: Link): void {
    const { own, hello } = link;
    if (hello === undefined || own.follows || own.role !== "follower" || hello.role !== "follower") return;
    if (this.#options.directory.isConfigured(hello)) link.follow();
  }

  /** Closes this link or the older ones to the same process. Returns whether this one stays. */
  #winsOverOthers(link: Link, hello: Hello, now: number): boolean {
    for (const other of this.#links.open()) {
      if (other === link || other.processId !== hello.processId) continue;
      const stays = newerLinkStays(other, link, this.#options.processId, hello.processId);
      const loser = stays ? other : link;
      if (loser.dialled !== undefined) {
        this.#options.directory.linked(loser.dialled, hello.peerId, hello.processId);
      }
      this.#links.refuse(loser, "YARROW_LINK_DUPLICATE", "another link joins these two peers", now);
      if (stays) continue;
      this.#followPerhaps(other);
      return false;
    }
    return true;
  }

  #othersHave(link: Link, peerId: PeerId): boolean {
    return this.#links.open().some((other) => other !== link && other.peerId === peerId);
  }

  #hello(link: Link): Hello {
    const { peerId, processId, addresses, clusterId, lastSequence, credentials } = this.#options;
    return {
      type: "hello",
      protocolMin: PROTOCOL_VERSION_MIN,
      protocolMax: PROTOCOL_VERSION,
      fingerprintVersion: FINGERPRINT_VERSION,
      features: 0,
      clusterId: clusterId(),
      peerId,
      processId,
      addresses,
      lastSequence: lastSequence(),
      publicKey: credentials?.publicKey ?? NONE,
      nonce: credentials?.nonce() ?? NONE,
      ...link.own,
    };
  }

  #emitFact(fact: Fact): void {
    this.#options.emit({ type: "observe", fact });
  }
}
