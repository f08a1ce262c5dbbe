/**
 * Addresses this peer knows, and when each may be dialled again. Which of them are dialled is decided by `dialler.ts`.
 *
 * Invariants
 * 1. An address that leads to a process which is linked already, or to this process, is not dialled.
 * 2. Every failure doubles the wait up to the cap, and every wait is jittered, so that a healed network sees no stampede.
 * 3. There is room for every address that was configured; of the learned ones the most fruitless goes first.
 */
import type { PeerId, ProcessId } from "@yarrow/protocol";
import { ADDRESS_BYTES_MAX } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";

export interface Target {
  readonly url: string;
  /** Given by the operator: never forgotten. */
  readonly configured: boolean;
  /** Who answered there last, or who is said to live there. */
  peerId: PeerId | undefined;
  processId: ProcessId | undefined;
  state: "waiting" | "dialling" | "linked" | "self";
  failures: number;
  dueAt: number;
}

/**
 * How a dial or its link came to an end. `failed`: wait longer each time. `passing`: refused for now. `declined`: the link is not needed.
 * `ended`: it was lost. `renewed`: the two are to greet anew.
 */
export type Loss = "failed" | "passing" | "declined" | "ended" | "renewed";

/** After a refusal that will pass by itself, such as a pause, the wait does not grow. */
const PASSING_REFUSAL_WAIT_MS = 1_000;
/** Nor after one that says that there are links enough: these last. */
const DECLINED_WAIT_MS = 30_000;

export class Directory {
  readonly #config: ReplicaConfig;
  readonly #random: () => number;
  readonly #targets = new Map<string, Target>();
  /** When the next of all is due; undefined where that has to be looked up again. */
  #soonest: number | undefined;

  constructor(config: ReplicaConfig, random: () => number) {
    this.#config = config;
    this.#random = random;
  }

  add(url: string, options: { readonly configured: boolean; readonly peerId?: PeerId; readonly now: number }): void {
    this.#soonest = undefined;
    if (!isPeerUrl(url) || this.#targets.has(url)) return;
    if (!options.configured && this.#targets.size >= this.#config.addressesMax && !this.#makeRoom()) return;
    this.#targets.set(url, {
      url,
      configured: options.configured,
      peerId: options.peerId,
      processId: undefined,
      state: "waiting",
      failures: 0,
      dueAt: options.now,
    });
  }

  get(url: string): Target | undefined {
    return this.#targets.get(url);
  }

  /** Forgets a learned address that is not in use. */
  remove(url: string): void {
    this.#soonest = undefined;
    const target = this.#targets.get(url);
    if (target !== undefined && isSpare(target)) this.#targets.delete(url);
  }

  /** True when the operator has named an address at which this process lives. */
  isConfigured({
    processId,
    addresses,
  }: {
    readonly processId: ProcessId;
    readonly addresses: readonly string[];
  }): boolean {
    return this.targets().some(
      ({ configured, url, ...target }) => configured && (target.processId === processId || addresses.includes(url)),
    );
  }

  targets(): Target[] {
    return [...this.#targets.values()];
  }

  /** The addresses `among` all to dial now; each is `dialling` from here on. */
  takeDue(
    now: number,
    mayDial: (target: Target) => boolean,
    among: (target: Target) => boolean = () => true,
  ): string[] {
    const due: string[] = [];
    if (now < (this.#soonest ?? now)) return due;
    this.#soonest = undefined;
    for (const target of this.#targets.values()) {
      if (!isDue(target, now) || !among(target)) continue;
      if (mayDial(target)) {
        target.state = "dialling";
        due.push(target.url);
      } else {
        target.dueAt = now + this.#config.redialMaxMs * (0.5 + this.#random() / 2);
      }
    }
    return due;
  }

  /** When the next of all is due. */
  nextDeadline(): number {
    this.#soonest ??= this.nextAmong(() => true);
    return this.#soonest;
  }

  nextAmong(among: (target: Target) => boolean): number {
    let next = Number.POSITIVE_INFINITY;
    for (const target of this.#targets.values()) {
      if (target.state === "waiting" && target.dueAt < next && among(target)) next = target.dueAt;
    }
    return next;
  }

  /** Who lives at an address, whether or not a link comes of it. */
  met(url: string, peerId: PeerId, processId: ProcessId): void {
    const target = this.#targets.get(url);
    if (target !== undefined) Object.assign(target, { peerId, processId });
  }

  linked(url: string, peerId: PeerId, processId: ProcessId): void {
    this.#soonest = undefined;
    const target = this.#targets.get(url);
    if (target === undefined) return;
    target.peerId = peerId;
    target.processId = processId;
    target.state = "linked";
    target.failures = 0;
  }

  /** The address leads back to this process. */
  isSelf(url: string): void {
    this.#soonest = undefined;
    const target = this.#targets.get(url);
    if (target !== undefined) target.state = "self";
  }

  /** A dial failed, or the link it made has ended. */
  lost(url: string, now: number, reason: Loss): void {
    this.#soonest = undefined;
    const target = this.#targets.get(url);
    if (target === undefined || target.state === "self") return;
    const { redialMinMs, redialMaxMs } = this.#config;
    target.state = "waiting";
    target.failures = reason === "failed" ? target.failures + 1 : 0;
    const backoff = (): number => Math.min(redialMaxMs, redialMinMs * 2 ** target.failures);
    const wait = { passing: PASSING_REFUSAL_WAIT_MS, declined: DECLINED_WAIT_MS }[reason as string] ?? backoff();
    target.dueAt = reason === "renewed" ? now : now + wait * (0.5 + this.#random());
  }

  /** A link to this peer ended, whoever had dialled it: its other addresses need not wait long. */
  peerLost(peerId: PeerId, addresses: readonly string[], now: number): void {
    this.#soonest = undefined;
    for (const target of this.#targets.values()) {
      if (target.state !== "waiting" || target.failures > 0) continue;
      if (target.peerId !== peerId && !addresses.includes(target.url)) continue;
      target.dueAt = Math.min(target.dueAt, now + this.#config.redialMinMs * (0.5 + this.#random()));
    }
  }

  /** Dials everything soon: the operator has healed a cut. */
  hurry(now: number): void {
    this.#soonest = undefined;
    for (const target of this.#targets.values()) {
      if (target.state !== "waiting") continue;
      target.failures = 0;
      target.dueAt = now;
    }
  }

  /** Returns false when every address is configured or in use. */
  #makeRoom(): boolean {
    let worst: Target | undefined;
    for (const target of this.#targets.values()) {
      if (isSpare(target) && (worst === undefined || target.failures > worst.failures)) worst = target;
    }
    return worst !== undefined && this.#targets.delete(worst.url);
  }
}

export function isDue(target: Target, now: number): boolean {
  return target.state === "waiting" && target.dueAt <= now;
}

function isSpare({ configured, state }: Target): boolean {
  return !configured && (state === "waiting" || state === "self");
}

export function isPeerUrl(url: string): boolean {
  return /^wss?:\/\/[^/?#\s@]+(\/[^?#\s]*)?$/.test(url) && url.length <= ADDRESS_BYTES_MAX;
}
