/** What is known of the processes that look at documents, found by document. Bounded in processes, and in documents over all of them. */
import type { DocumentKey, Interest as InterestMessage, ProcessId } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { LinkId } from "../event.ts";

export class Looker {
  readonly origin: ProcessId;
  version = 0;
  readonly keys = new Set<DocumentKey>();
  /** It looks at everything, or what it looks at is not known. */
  everything = false;
  /** The link on which its last announcement came first; undefined when that link has ended. */
  route: LinkId | undefined;
  heardAt = 0;

  constructor(origin: ProcessId) {
    this.origin = origin;
  }

  asMessage(): InterestMessage {
    const { origin, version, everything } = this;
    const added = everything ? [] : [...this.keys];
    return { type: "interest", origin, version, base: 0, everything, added, removed: [] };
  }
}

export class Lookers {
  readonly #config: ReplicaConfig;
  /** Least recently heard first. */
  readonly #byOrigin = new Map<ProcessId, Looker>();
  readonly #byKey = new Map<DocumentKey, Set<Looker>>();
  readonly #ofEverything = new Set<Looker>();
  #keys = 0;
  #overflowUntil = Number.NEGATIVE_INFINITY;
  #overflows = false;

  constructor(config: ReplicaConfig) {
    this.#config = config;
  }

  get size(): number {
    return this.#byOrigin.size;
  }

  /** There are more processes than can be told apart. */
  get overflows(): boolean {
    return this.#overflows;
  }

  get(origin: ProcessId): Looker | undefined {
    return this.#byOrigin.get(origin);
  }

  all(): Looker[] {
    return [...this.#byOrigin.values()];
  }

  /** Everybody who looks at the document, or may; who looks at everything perhaps twice. */
  *of(key: DocumentKey): Iterable<Looker> {
    yield* this.#byKey.get(key) ?? [];
    yield* this.#ofEverything;
  }

  /** Takes in a newer version. Undefined when there is no room to remember it. */
  learn(message: InterestMessage, route: LinkId, now: number): Looker | undefined {
    let looker = this.#byOrigin.get(message.origin);
    if (looker === undefined) {
      if (this.#byOrigin.size >= this.#config.interestOriginsMax) {
        this.#overflows = true;
        this.#overflowUntil = now + this.#config.interestIdleMs;
        return undefined;
      }
      looker = new Looker(message.origin);
    }
    const follows = message.base === 0 || message.base === looker.version;
    if (message.base === 0) this.#clear(looker);
    this.#byOrigin.delete(message.origin);
    this.#byOrigin.set(message.origin, looker);
    looker.version = message.version;
    looker.route = route;
    looker.heardAt = now;
    // One that was not heard lies between: until it lists all again, it may look at anything.
    this.#setEverything(looker, message.everything || !follows || (looker.everything && message.base !== 0));
    for (const key of message.removed) this.#remove(looker, key);
    for (const key of message.added) this.#add(looker, key);
    return looker;
  }

  linkEnded(link: LinkId): void {
    for (const looker of this.#byOrigin.values()) if (looker.route === link) looker.route = undefined;
  }

  /** Lets go of those who have said nothing for long. */
  forget(now: number): void {
    if (now >= this.#overflowUntil) this.#overflows = false;
    for (const looker of this.#byOrigin.values()) {
      if (now < looker.heardAt + this.#config.interestIdleMs) return;
      this.#clear(looker);
      this.#setEverything(looker, false);
      this.#byOrigin.delete(looker.origin);
    }
  }

  nextDeadline(): number {
    const overflow = this.#overflows ? this.#overflowUntil : Number.POSITIVE_INFINITY;
    for (const looker of this.#byOrigin.values())
      return Math.min(overflow, looker.heardAt + this.#config.interestIdleMs);
    return overflow;
  }

  #add(looker: Looker, key: DocumentKey): void {
    if (looker.keys.has(key)) return;
    // Of whom there is too much to remember, it is remembered that he looks at everything.
    if (this.#keys >= this.#config.interestKeysMax) return this.#setEverything(looker, true);
    looker.keys.add(key);
    this.#keys++;
    const others = this.#byKey.get(key);
    if (others === undefined) this.#byKey.set(key, new Set([looker]));
    else others.add(looker);
  }

  #remove(looker: Looker, key: DocumentKey): void {
    if (!looker.keys.delete(key)) return;
    this.#keys--;
    const others = this.#byKey.get(key);
    others?.delete(looker);
    if (others?.size === 0) this.#byKey.delete(key);
  }

  #clear(looker: Looker): void {
    for (const key of [...looker.keys]) this.#remove(looker, key);
    this.#setEverything(looker, false);
  }

  #setEverything(looker: Looker, everything: boolean): void {
    looker.everything = everything;
    if (everything) this.#ofEverything.add(looker);
    else this.#ofEverything.delete(looker);
  }
}
