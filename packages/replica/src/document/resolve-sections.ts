/**
 * Finds how much of each client's structs can be integrated, given the clocks of a document.
 *
 * Runs of one client follow each other; a run may also need structs of other clients, which the same update may bring.
 * So when a run lacks something, the client that can bring it is put on a stack and advanced first. When it got
 * further but is stuck, the one below it tries again, which may have needed no more than that. When it did not get
 * further and needs a client that is on the stack already, or one that cannot bring anything, the whole stack is
 * blocked for good: each on it waits for the next. Every push is paid for by a run accepted or a client blocked, so
 * the time is linear in the update.
 */
import {
  RUN_CLOCK,
  RUN_DEPENDENT,
  RUN_FIELDS,
  RUN_KIND,
  RUN_OFFSET,
  RUN_SKIP,
  type ScannedSection,
  type ScannedUpdate,
} from "./scan-update.ts";

export interface Resolution {
  /** Clocks of the update's clients afterwards, where they moved. */
  readonly clocks: ReadonlyMap<number, number>;
  /** Per section: index in `runs` of the first run that is part of the accepted bytes, and of the first that is not. */
  readonly firsts: readonly number[];
  readonly ends: readonly number[];
  /** Per section: clock reached by runs that are covered, new or not; 0 = none. */
  readonly acceptedEnds: readonly number[];
  /** Sections in which something has to wait. */
  readonly blocked: number;
  /** The accepted structs are all of the update's: no run waits, and none was left out. */
  readonly complete: boolean;
}

type Clocks = ReadonlyMap<number, number>;

/** `clocks` is the state vector of the document; it is not changed. */
export function resolveSections(clocks: Clocks, update: ScannedUpdate): Resolution {
  const resolver = new Resolver(clocks, update);
  for (let index = 0; index < update.sections.length; index++) resolver.advance(index);
  return resolver.finish();
}

/** One section while it is advanced. */
interface Progress {
  readonly section: ScannedSection;
  /** Index in `runs` of the next run; at the length, all are accepted. */
  next: number;
  /** Index of the first run that belongs into the accepted bytes; -1 before there is one. */
  first: number;
  covered: number;
  /** Runs that the document already has, but in a form it cannot place, were left out. */
  leftOut: boolean;
  blocked: boolean;
  onStack: boolean;
  /** `next` as it was when the section was put on the stack. */
  pushedAt: number;
}

class Resolver {
  readonly #before: Clocks;
  readonly #bytes: Uint8Array;
  readonly #clocks = new Map<number, number>();
  readonly #progress: Progress[];
  readonly #byClient = new Map<number, Progress>();
  /** What the run looked at last lacks. */
  #lackingClient = 0;
  #offset = 0;

  constructor(before: Clocks, update: ScannedUpdate) {
    this.#before = before;
    this.#bytes = update.bytes;
    this.#progress = update.sections.map((section) => ({
      section,
      next: 0,
      first: -1,
      covered: 0,
      leftOut: false,
      blocked: false,
      onStack: false,
      pushedAt: 0,
    }));
    for (const progress of this.#progress) this.#byClient.set(progress.section.client, progress);
  }

  advance(index: number): void {
    const stack: Progress[] = [];
    this.#push(stack, this.#progress[index] as Progress);
    while (stack.length > 0) {
      const top = stack.at(-1) as Progress;
      if (this.#acceptRuns(top) || (stack.length > 1 && top.next > top.pushedAt)) {
        top.onStack = false;
        stack.pop();
        continue;
      }
      const source = this.#byClient.get(this.#lackingClient);
      if (source === undefined || source.blocked || source.onStack || source.next === source.section.runs.length) {
        for (const waiting of stack) {
          waiting.blocked = true;
          waiting.onStack = false;
        }
        return;
      }
      this.#push(stack, source);
    }
  }

  finish(): Resolution {
    const ends: number[] = [];
    let blocked = 0;
    let complete = true;
    for (const progress of this.#progress) {
      const { runs } = progress.section;
      if (progress.blocked) blocked++;
      if (progress.blocked || progress.leftOut) complete = false;
      let end = progress.next;
      // A Skip in front of what has to wait says nothing.
      while (progress.blocked && end > 0 && runs[end - RUN_FIELDS + RUN_KIND] === RUN_SKIP) end -= RUN_FIELDS;
      ends.push(end);
    }
    return {
      clocks: this.#clocks,
      firsts: this.#progress.map((progress) => progress.first),
      ends,
      acceptedEnds: this.#progress.map((progress) => progress.covered),
      blocked,
      complete,
    };
  }

  #push(stack: Progress[], progress: Progress): void {
    progress.onStack = true;
    progress.pushedAt = progress.next;
    stack.push(progress);
  }

  /** Accepts what is ready of a section; false when its next run lacks something. */
  #acceptRuns(progress: Progress): boolean {
    const { section } = progress;
    const { runs, client } = section;
    if (progress.blocked) return true;
    while (progress.next < runs.length) {
      const at = progress.next;
      const clock = runs[at + RUN_CLOCK] as number;
      const end = at + RUN_FIELDS < runs.length ? (runs[at + RUN_FIELDS + RUN_CLOCK] as number) : section.end;
      const kind = runs[at + RUN_KIND] as number;
      const reached = this.#clockOf(client);
      if (kind !== RUN_SKIP) {
        this.#lackingClient = client;
        if (clock > reached) return false;
        if (kind === RUN_DEPENDENT && !this.#isReady(client, runs[at + RUN_OFFSET] as number)) {
          if (end > reached) return false;
          // The document has these clocks from elsewhere. Yjs would still wait for what they refer to, so leave them out.
          progress.leftOut = true;
          progress.first = -1;
        } else {
          if (progress.first < 0) progress.first = at;
          if (end > reached) this.#clocks.set(client, end);
        }
        progress.covered = end;
      }
      progress.next += RUN_FIELDS;
    }
    return true;
  }

  #clockOf(client: number): number {
    return this.#clocks.get(client) ?? this.#before.get(client) ?? 0;
  }

  /** Whether all that the struct at `offset` refers to is there; else `#lackingClient` tells whose is not. */
  #isReady(client: number, offset: number): boolean {
    this.#offset = offset;
    const info = this.#bytes[this.#offset++] as number;
    const hasOrigin = (info & 0x80) !== 0;
    const hasRightOrigin = (info & 0x40) !== 0;
    if (hasOrigin && !this.#hasReference(client)) return false;
    if (hasRightOrigin && !this.#hasReference(client)) return false;
    if (hasOrigin || hasRightOrigin) return true;
    // No origin, and a run that depends on another client: its parent is a struct.
    this.#offset++;
    return this.#hasReference(client);
  }

  #hasReference(client: number): boolean {
    const target = this.#readVarUint();
    const clock = this.#readVarUint();
    if (target === client || clock < this.#clockOf(target)) return true;
    this.#lackingClient = target;
    return false;
  }

  /** The bytes were checked by the scan. */
  #readVarUint(): number {
    let value = 0;
    for (let place = 1; ; place *= 0x80) {
      const byte = this.#bytes[this.#offset++] as number;
      value += (byte & 0x7f) * place;
      if (byte < 0x80) return value;
    }
  }
}
