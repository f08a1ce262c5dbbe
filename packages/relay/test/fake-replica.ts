/**
 * A replica small enough to read: one Y.Doc per name, no disk, no peers. It answers what a test does not script
 * otherwise, and keeps the events it was given.
 */
import type { Effect, Event, EvictReason, SubscriberId } from "@yarrow/replica";
import * as Y from "yjs";
import type { ReplicaPort } from "../src/index.ts";

export class FakeReplica implements ReplicaPort {
  readonly documents = new Map<string, Y.Doc>();
  readonly #attached = new Map<SubscriberId, string>();
  #scripted: Effect[] = [];
  #slowAnswers: Effect[] | undefined;
  readonly #denied = new Map<string, EvictReason>();
  /** Everything handed over, step by step. */
  readonly batches: (readonly Event[])[] = [];
  deadline = Infinity;

  document(name: string): Y.Doc {
    let document = this.documents.get(name);
    if (document === undefined) this.documents.set(name, (document = new Y.Doc()));
    return document;
  }

  /** Events of the last step. */
  get lastBatch(): readonly Event[] {
    return this.batches.at(-1) ?? [];
  }

  /** These effects come out of the next step, after its own. */
  script(...effects: readonly Effect[]): void {
    this.#scripted.push(...effects);
  }

  /** From now on answers are kept back, as if a worker encoded them … */
  holdAnswers(): void {
    this.#slowAnswers = [];
  }

  /** … until the next step. */
  releaseAnswers(): void {
    this.#scripted.push(...(this.#slowAnswers ?? []));
    this.#slowAnswers = undefined;
  }

  /** Every attach to this document is refused. */
  deny(name: string, reason: EvictReason): void {
    this.#denied.set(name, reason);
  }

  step(events: readonly Event[], _now: number): Effect[] {
    this.batches.push(events);
    const effects: Effect[] = [];
    const added = new Map<string, { updates: Uint8Array[]; writers: Set<SubscriberId> }>();
    const answers: Effect[] = [];
    for (const event of events) {
      switch (event.type) {
        case "attach": {
          const reason = this.#denied.get(event.name);
          if (reason !== undefined) {
            effects.push(evict(event.subscriber, reason));
            break;
          }
          this.#attached.set(event.subscriber, event.name);
          const answer = orUndefined(() => this.#answer(event.subscriber, event.name, event.stateVector));
          if (answer === undefined) effects.push(evict(event.subscriber, "invalid"));
          else answers.push(answer);
          break;
        }
        case "edit": {
          const name = this.#attached.get(event.subscriber);
          if (name === undefined) {
            effects.push(evict(event.subscriber, "invalid"));
            break;
          }
          const advances = orUndefined(() => this.#applies(name, event.update));
          if (advances === undefined) {
            effects.push(evict(event.subscriber, "invalid"));
            break;
          }
          if (!advances) {
            effects.push({ type: "echo", subscriber: event.subscriber, update: event.update });
            break;
          }
          const entry = added.get(name) ?? { updates: [], writers: new Set() };
          entry.updates.push(event.update);
          entry.writers.add(event.subscriber);
          added.set(name, entry);
          break;
        }
        case "detach":
          this.#attached.delete(event.subscriber);
          break;
        default:
      }
    }
    for (const [name, { updates, writers }] of added) {
      const update = Y.mergeUpdates(updates);
      effects.push({ type: "deliver", name, incarnation: 1, update, writers: [...writers] });
      for (const subscriber of writers) effects.push({ type: "saved", subscriber, edits: 1 });
    }
    if (this.#slowAnswers === undefined) effects.push(...answers);
    else this.#slowAnswers.push(...answers);
    effects.push(...this.#scripted);
    this.#scripted = [];
    return effects;
  }

  nextDeadline(): number {
    return this.deadline;
  }

  stateVector(name: string): Uint8Array {
    return Y.encodeStateVector(this.document(name));
  }

  #answer(subscriber: SubscriberId, name: string, stateVector: Uint8Array): Effect {
    const document = this.document(name);
    return {
      type: "answer",
      subscriber,
      name,
      incarnation: 1,
      update: Y.encodeStateAsUpdate(document, stateVector),
      stateVector: Y.encodeStateVector(document),
    };
  }

  /** Merges an update; false when it brought nothing new. */
  #applies(name: string, update: Uint8Array): boolean {
    const document = this.document(name);
    const before = Y.snapshot(document);
    Y.applyUpdate(document, update);
    return !Y.equalSnapshots(before, Y.snapshot(document));
  }
}

/** Yjs throws at malformed input. */
function orUndefined<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

export function evict(subscriber: SubscriberId, reason: EvictReason): Effect {
  return { type: "evict", subscriber, reason, code: "YARROW_UPDATE_INVALID", detail: `it is ${reason}` };
}
