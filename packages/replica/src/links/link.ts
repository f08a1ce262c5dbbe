/** One connection to another peer, from its opening to its end. */
import type { Hello, Message, Pong, PeerId, ProcessId, Role, Wish } from "@yarrow/protocol";
import { encodeMessage } from "@yarrow/protocol";
import type { LinkId } from "../event.ts";
import { LinkLag } from "../lag/link-lag.ts";
import { Incoming } from "./incoming.ts";
import { Outgoing } from "./outgoing.ts";

const BEATS_SINCE_VERSION = 2;
const TREES_SINCE_VERSION = 3;
const INTEREST_SINCE_VERSION = 3;
const FIRST_PING_WAIT_MS = 125;

/**
 * Bytes of answers that a congested socket still takes. Without them a slow link that is kept busy by others would never be repaired:
 * its questions come while it is congested, time after time.
 */
const ANSWERS_CONGESTED_BYTES_MAX = 1024 * 1024;

/**
 * What does not wait for a rate: without it a link ends, or the other side believes something wrong. All of it is small, and none
 * of it means more when it comes behind what was sent before: a beat says how long that has waited.
 */
const URGENT: ReadonlySet<Message["type"]> = new Set([
  "hello",
  "proof",
  "neighbour",
  "follow",
  "refuse",
  "ping",
  "pong",
  "fragment-taken",
  "acknowledge",
  "beat",
  "lag-report",
] as const);

export type LinkState =
  /** Our hello is out, theirs has not come. */
  | { readonly kind: "greeting"; readonly until: number }
  /** Their hello has come, and must be proved before anything is believed of it. */
  | { readonly kind: "proving"; readonly hello: Hello; readonly until: number }
  /** Everything was said; the side that was dialled decides whether we become neighbours. */
  | { readonly kind: "asking"; readonly hello: Hello; readonly until: number }
  | { readonly kind: "open"; readonly hello: Hello; readonly since: number }
  /** Refused or lost; waits for the shell to report the end. */
  | { readonly kind: "closing" };

/** What this side says of itself: its role holds for the link's life; that it follows may be said later. */
export interface OwnPart {
  readonly role: Role;
  readonly follows: boolean;
  /** How much this side wanted the link when it dialled. */
  readonly wish: Wish;
}

export class Link {
  readonly id: LinkId;
  readonly dialled: string | undefined;
  #own: OwnPart;
  /** As it was sent; undefined when the link was refused before. */
  sentHello: Hello | undefined;
  state: LinkState;
  /** What the other side said, from when others were told that the link is open; they will be told of its end. */
  announced: Hello | undefined;
  readonly outgoing = new Outgoing();
  readonly incoming = new Incoming();
  readonly lag: LinkLag;
  heardAt: number;
  pingDueAt: number;
  /** When a piece of a large message last came, or was taken by the other side. */
  pieceAt = Number.NEGATIVE_INFINITY;
  #pingSequence = 0;
  #pingSentAt = 0;
  rttMs: number | undefined;
  #socketCongested = false;
  /** Bytes of answers since the socket became congested. */
  #answeredBytes = 0;
  /** Live updates were dropped or refused: only anti-entropy makes the two equal again. */
  dirty = false;
  /** When both sets were last known equal. */
  equalAt: number | undefined;
  equal = false;
  /** Where the other side's order of arrival stood when it last told. */
  toldSequence = 0;
  /** Documents of which the other side, a follower, has for some time held more than this writer. */
  theyHoldMore = 0;
  /** Documents of which this follower holds more than the other side, as of the last round. */
  weHoldMore = 0;

  constructor(id: LinkId, dialled: string | undefined, own: OwnPart, now: number, helloTimeoutMs: number) {
    this.id = id;
    this.dialled = dialled;
    this.#own = own;
    this.lag = new LinkLag(now);
    this.state = { kind: "greeting", until: now + helloTimeoutMs };
    this.heardAt = now;
    this.pingDueAt = Number.POSITIVE_INFINITY;
  }

  /** The socket holds more than its budget. */
  get socketCongested(): boolean {
    return this.#socketCongested;
  }

  set socketCongested(congested: boolean) {
    this.#socketCongested = congested;
    this.#answeredBytes = 0;
  }

  /** It takes no live push. */
  get congested(): boolean {
    return this.socketCongested || this.outgoing.over;
  }

  /** All that an operator may call the other side. */
  get names(): string[] {
    return [this.peerId, this.dialled, ...(this.hello?.addresses ?? [])].filter((name) => name !== undefined);
  }

  get weDialled(): boolean {
    return this.dialled !== undefined;
  }

  get hello(): Hello | undefined {
    return this.state.kind === "open" ? this.state.hello : undefined;
  }

  get peerId(): PeerId | undefined {
    return this.hello?.peerId;
  }

  get processId(): ProcessId | undefined {
    return this.hello?.processId;
  }

  /** How much the side that dialled wanted the link. */
  get wish(): Wish {
    return this.weDialled ? this.#own.wish : (this.hello?.wish ?? "low");
  }

  /** Since when it is open. */
  get openSince(): number {
    return this.state.kind === "open" ? this.state.since : Number.POSITIVE_INFINITY;
  }

  get own(): OwnPart {
    return this.#own;
  }

  /** From here on we take changes from the other side whatever its role. It sends none before it has heard of it. */
  follow(): void {
    this.#own = { ...this.#own, follows: true };
    this.send({ type: "follow" });
  }

  /** The other side follows us from here on. */
  takeFollow(): void {
    if (this.state.kind !== "open") return;
    this.state = { ...this.state, hello: { ...this.state.hello, follows: true } };
  }

  /** The other side takes changes from us. */
  get takesOurs(): boolean {
    const { hello, own } = this;
    return hello !== undefined && takes(hello, own.role);
  }

  /** We take changes from the other side. */
  get feedsUs(): boolean {
    const { hello, own } = this;
    return hello !== undefined && takes(own, hello.role);
  }

  /** The other side says what is looked at there, and wants awareness of nothing else. */
  get knowsInterest(): boolean {
    return (this.hello?.protocolMax ?? 0) >= INTEREST_SINCE_VERSION;
  }

  /** A follower at the other end is told how far it is behind. */
  get beatsOut(): boolean {
    return this.takesOurs && this.hello?.role === "follower" && this.hello.protocolMax >= BEATS_SINCE_VERSION;
  }

  /** We are a follower that the other end tells how far it is behind. */
  get beatsIn(): boolean {
    return this.feedsUs && this.own.role === "follower" && (this.hello?.protocolMax ?? 0) >= BEATS_SINCE_VERSION;
  }

  /** The other side knows of one tree per origin: what it means to be told of a broadcast, to graft and to prune. */
  get speaksOfTrees(): boolean {
    return (this.hello?.protocolMax ?? 0) >= TREES_SINCE_VERSION;
  }

  send(message: Message): void {
    this.#push(message);
  }

  /** Returns its bytes. */
  #push(message: Message): number {
    const bytes = encodeMessage(message);
    this.outgoing.push(bytes, URGENT.has(message.type));
    return bytes.length;
  }

  /** False where so much waits to be sent that the other side must first read. */
  get takesAnswers(): boolean {
    return this.#answeredBytes <= ANSWERS_CONGESTED_BYTES_MAX && this.outgoing.takesAnswers;
  }

  /** Answers a question of the other side, if it reads what it asked for. */
  answer(message: Message): void {
    if (!this.takesAnswers) return;
    const bytes = this.#push(message);
    if (this.socketCongested) this.#answeredBytes += bytes;
  }

  sendPing(now: number): void {
    this.#pingSentAt = now;
    this.send({ type: "ping", sequence: ++this.#pingSequence });
  }

  takePong({ sequence, stopwatchMs }: Pong, now: number): void {
    if (sequence !== this.#pingSequence) return;
    this.rttMs = now - this.#pingSentAt;
    this.lag.stopwatch.sample(this.#pingSentAt, stopwatchMs, now);
  }

  /** How long until the next ping: where lag is measured, the first few come sooner, so that one slow answer does not count for long. */
  pingWaitMs(intervalMs: number): number {
    return this.beatsIn ? Math.min(intervalMs, FIRST_PING_WAIT_MS * 2 ** this.#pingSequence) : intervalMs;
  }
}

/** Whether one side takes changes from another of that role. */
function takes(side: OwnPart, from: Role): boolean {
  return from === "writer" || (side.role === "follower" && side.follows);
}
