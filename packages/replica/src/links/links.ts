/**
 * All links of this peer: greeting, heartbeats, duplicates, pauses, and what they have to send.
 *
 * Invariants
 * 1. Nothing but a hello is understood before the hello, and nothing is sent after a refusal.
 * 2. At most one open link per process; both sides choose the same one without talking.
 * 3. Every link that ends on our initiative says why first.
 */
import type { Message, Role, YarrowErrorCode } from "@yarrow/protocol";
import { decodeFrame, decodeMessage, YarrowError } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { Fact } from "../effect.ts";
import type { LinkId } from "../event.ts";
import type { Loss, Target } from "../membership/directory.ts";
import { judgeCredential } from "./credentials.ts";
import { Greeting } from "./greeting.ts";
import { Link } from "./link.ts";
import type { LinksOptions } from "./links-options.ts";
import { LINKS_PAUSED, Pauses } from "./pauses.ts";
import { RateLimits } from "./rate-limits.ts";

/** What a refusal means for the next dial, by who refused; "failed" where nothing is said. */
const REFUSED_HERE: { readonly [code: string]: Loss } = {
  YARROW_LINK_PAUSED: "passing",
  YARROW_ROLE_CHANGED: "renewed",
  YARROW_LINK_SHED: "declined",
};
const REFUSED_THERE: { readonly [code: string]: Loss } = {
  ...REFUSED_HERE,
  YARROW_LINK_DUPLICATE: "passing",
  YARROW_VIEW_FULL: "declined",
};

/** What the other side still has to say, by the state of the link. */
const MISSING = { greeting: "hello", proving: "proof", asking: "answer" } as const;

export class Links {
  readonly #options: LinksOptions;
  readonly #links = new Map<LinkId, Link>();
  readonly #pauses = new Pauses();
  readonly rateLimits = new RateLimits();
  readonly #greeting: Greeting;

  constructor(options: LinksOptions) {
    this.#options = options;
    this.#greeting = new Greeting(options, this);
  }

  /** Two live processes have one peer id: a folder was copied and both copies run. Both are served. */
  get duplicateIdentity(): boolean {
    const ids = this.open().map((link) => link.peerId);
    return new Set([...ids, this.#options.peerId]).size <= ids.length;
  }

  get paused(): boolean {
    return this.#pauses.all;
  }

  all(): Link[] {
    return [...this.#links.values()];
  }

  open(): Link[] {
    return this.all().filter((link) => link.state.kind === "open");
  }

  get(id: LinkId): Link | undefined {
    return this.#links.get(id);
  }

  linkOpened(id: LinkId, dialled: string | undefined, now: number): void {
    if (this.#links.has(id)) return;
    const { config } = this.#options;
    const role = this.#options.role();
    const own = { role, follows: role === "follower" && this.#isConfigured(dialled) };
    const wish = dialled === undefined ? "low" : this.#options.wish(dialled);
    const link = new Link(id, dialled, { ...own, wish }, now, config.helloTimeoutMs);
    this.#links.set(id, link);
    if (this.#links.size > config.linksMax) {
      return this.refuse(link, "YARROW_LINK_LIMIT", `this peer has its limit of ${config.linksMax} links`, now);
    }
    // Before any greeting: the other side would take a hello for a link, and its end for an accident.
    if (this.#pauses.all) return this.refuse(link, "YARROW_LINK_PAUSED", LINKS_PAUSED, now);
    this.#greeting.begin(link);
  }

  /** Decodes a frame and hands each message to `take`. Frames that cannot be read end the link. */
  frame(id: LinkId, bytes: Uint8Array, now: number, take: (link: Link, message: Message) => void): void {
    const link = this.#links.get(id);
    if (link === undefined || link.state.kind === "closing") return;
    link.heardAt = now;
    try {
      for (const message of decodeFrame(bytes)) {
        this.#message(link, message, now, take);
        if ((link.state as Link["state"]).kind === "closing") return;
      }
    } catch (error) {
      if (!(error instanceof YarrowError)) throw error;
      this.refuse(link, error.code, error.message, now);
    }
  }

  linkClosed(id: LinkId, reason: string, now: number): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#links.delete(id);
    if (link.state.kind === "closing") return;
    this.#end(link, reason, now, "ended");
  }

  dialFailed(url: string, now: number): void {
    this.#options.directory.lost(url, now, "failed");
  }

  pause(peer: string | undefined, paused: boolean, now: number): void {
    this.#pauses.set(peer, paused);
    for (const link of this.all()) {
      if (this.#pauses.covers(link)) this.refuse(link, "YARROW_LINK_PAUSED", LINKS_PAUSED, now);
    }
    if (!paused) this.#options.hurry(now);
  }

  /** What this side says of itself has changed: every link ends, and is dialled again at once by the side that had dialled it. */
  renew(role: Role, now: number): void {
    for (const link of this.all()) {
      if (link.own.role !== role) this.refuse(link, "YARROW_ROLE_CHANGED", `this peer is a ${role} now`, now);
    }
  }

  /** How fast to send to a peer or address, from now on and whenever it is linked again; undefined = as fast as it goes. */
  limit(name: string, bytesPerSecond: number | undefined, now: number): void {
    const named = this.open().filter(({ names }) => names.includes(name));
    const peers = named.flatMap(({ peerId }) => peerId ?? []);
    this.rateLimits.set(name, bytesPerSecond, { peers, names: named.flatMap(({ names }) => names) });
    for (const link of this.open()) link.outgoing.limit(this.rateLimits.of(link.names), now);
  }

  /** False when no further peer can be paused by name. */
  mayPause(peer: string): boolean {
    return this.#pauses.mayAdd(peer);
  }

  /** True when links to who is at the other end are paused. */
  isPaused(link: Link): boolean {
    return this.#pauses.covers(link);
  }

  /** The list of trusted keys has changed: ends links that it no longer admits. */
  recheckCredentials(now: number): void {
    const roleOf = this.#options.credentials?.roleOf;
    if (roleOf === undefined) return;
    for (const link of this.open()) {
      const refusal = judgeCredential(roleOf, link.hello!);
      if (refusal !== undefined) this.refuse(link, refusal.code, refusal.detail, now);
    }
  }

  /** True when links to this peer or address are paused by name. */
  isPausedByName(name: string | undefined): boolean {
    return this.#pauses.has(name);
  }

  /** Says why, and ends the link. */
  refuse(link: Link, code: YarrowErrorCode, detail: string, now: number): void {
    if (link.state.kind === "closing") return;
    link.send({ type: "refuse", code, detail });
    this.#end(link, `${code}: ${detail}`, now, REFUSED_HERE[code] ?? "failed");
    this.#emitFact({ kind: "link-refused", code, detail, url: link.dialled });
    this.#sendFrames(link, now);
    this.#options.emit({ type: "close-link", link: link.id, code, detail });
  }

  wake(now: number): void {
    const { config, takeDials, emit } = this.#options;
    for (const link of this.all()) this.#wakeLink(link, now, config);
    if (this.#pauses.all) return;
    for (const url of takeDials(now, (target) => this.#mayDial(target))) emit({ type: "dial", url });
  }

  nextDeadline(): number {
    const { config, dialDeadline } = this.#options;
    let next = this.#pauses.all ? Number.POSITIVE_INFINITY : dialDeadline();
    for (const link of this.#links.values()) {
      if ("until" in link.state) next = Math.min(next, link.state.until);
      if (link.state.kind !== "open") continue;
      next = Math.min(next, link.pingDueAt, link.heardAt + config.linkSilentMs, link.outgoing.nextDeadline());
    }
    return next;
  }

  /** Emits what the links have to send. */
  flush(now: number): void {
    for (const link of this.#links.values()) if (link.state.kind !== "closing") this.#sendFrames(link, now);
  }

  #isConfigured(dialled: string | undefined): boolean {
    return dialled !== undefined && this.#options.directory.get(dialled)?.configured === true;
  }

  #message(link: Link, message: Message, now: number, take: (link: Link, message: Message) => void): void {
    if (message.type === "hello") return this.#greeting.takeHello(link, message, now);
    if (message.type === "refuse") return this.#takeRefusal(link, message.code, message.detail, now);
    if (message.type === "proof") return this.#greeting.takeProof(link, message, now);
    if (link.state.kind === "asking") {
      // Who declines tells of others first. Whatever else it says, it says to a neighbour.
      if (message.type === "shuffle-reply") return take(link, message);
      this.#greeting.takeNeighbour(link, now);
      // The link may have lost against another one.
      if ((link.state as Link["state"]).kind === "closing") return;
    }
    if (message.type === "neighbour") return;
    if (link.state.kind !== "open") {
      const first = link.state.kind === "greeting" ? "hello" : "proof";
      return this.refuse(link, "YARROW_FRAME_INVALID", `${first} must come first`, now);
    }
    switch (message.type) {
      case "ping":
        return link.send({ type: "pong", sequence: message.sequence, stopwatchMs: link.lag.stopwatchMs(now) });
      case "pong":
        link.takePong(message, now);
        return this.#options.timed(link);
      case "follow":
        link.takeFollow();
        return this.#options.followed(link);
      case "fragment-taken":
        link.pieceAt = now;
        return link.outgoing.fragmentTaken();
      case "fragment": {
        link.pieceAt = now;
        const whole = link.incoming.take(message);
        link.send({ type: "fragment-taken", transfer: message.transfer });
        const joined = whole === undefined ? undefined : decodeMessage(whole);
        if (joined !== undefined && joined.type !== "fragment") this.#message(link, joined, now, take);
        return;
      }
      default:
        return take(link, message);
    }
  }

  #takeRefusal(link: Link, code: string, detail: string, now: number): void {
    const { directory, emit } = this.#options;
    this.#emitFact({ kind: "link-refused", code, detail, url: link.dialled });
    this.#end(link, `refused by the other side: ${code}: ${detail}`, now, REFUSED_THERE[code] ?? "failed");
    if (code === "YARROW_LINK_SELF" && link.dialled !== undefined) directory.isSelf(link.dialled);
    emit({ type: "close-link", link: link.id, code: code as YarrowErrorCode, detail: `refused: ${detail}` });
  }

  #end(link: Link, reason: string, now: number, why: Loss): void {
    const { directory } = this.#options;
    const { peerId, hello, announced } = link;
    link.state = { kind: "closing" };
    if (link.dialled !== undefined) {
      directory.lost(link.dialled, now, why);
      this.#options.undialled(link.dialled, { declined: why === "declined" && announced === undefined, now });
    }
    this.#emitFact({ kind: "link-down", link: link.id, peerId, reason });
    if (announced === undefined) return;
    // After a refusal nothing is gained by trying sooner than it told; one that renews is tried at once as it is.
    if (peerId !== undefined && (why === "failed" || why === "ended"))
      directory.peerLost(peerId, hello?.addresses ?? [], now);
    this.#options.ended(link, now);
    // Who was let go of because there are links enough lives on, and is reached by another way.
    if (hello === undefined || why === "declined" || this.open().some((other) => other.processId === hello.processId))
      return;
    this.#options.emit({ type: "presence-lost", origin: hello.processId });
  }

  #wakeLink(link: Link, now: number, config: ReplicaConfig): void {
    if ("until" in link.state && now >= link.state.until) {
      const missing = MISSING[link.state.kind];
      this.refuse(link, "YARROW_LINK_SILENT", `no ${missing} within ${config.helloTimeoutMs} ms`, now);
    }
    if (link.state.kind !== "open") return;
    if (link.outgoing.takeDrained()) this.#options.drained(link, now);
    if (now >= link.heardAt + config.linkSilentMs) {
      this.refuse(link, "YARROW_LINK_SILENT", `nothing heard for ${config.linkSilentMs} ms`, now);
    } else if (now >= link.pingDueAt) {
      link.sendPing(now);
      link.pingDueAt = now + link.pingWaitMs(config.pingIntervalMs);
    }
  }

  #mayDial(target: Target): boolean {
    if (this.isPausedByName(target.url) || this.isPausedByName(target.peerId)) return false;
    return !this.open().some(
      (link) =>
        (target.processId !== undefined && link.processId === target.processId) ||
        (link.hello?.addresses.includes(target.url) ?? false),
    );
  }

  #sendFrames(link: Link, now: number): void {
    const frames = link.outgoing.takeFrames(now);
    if (frames.length > 0) this.#options.emit({ type: "send", link: link.id, frames });
  }

  #emitFact(fact: Fact): void {
    this.#options.emit({ type: "observe", fact });
  }
}
