/** Broadcasts as they were passed on, kept for a while for those who ask for them: bounded by time and by bytes. */
import type { Broadcast, ProcessId } from "@yarrow/protocol";
import { assert, decodeMessage } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";

interface Payload {
  readonly bytes: Uint8Array;
  readonly at: number;
}

export class Payloads {
  readonly #config: ReplicaConfig;
  /** Oldest first. */
  readonly #byId = new Map<string, Payload>();
  #bytes = 0;
  #trimAt = Number.POSITIVE_INFINITY;

  constructor(config: ReplicaConfig) {
    this.#config = config;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Keeps an encoded broadcast, without copying it. */
  add(origin: ProcessId, ordinal: number, bytes: Uint8Array, now: number): void {
    const id = idOf(origin, ordinal);
    if (this.#byId.has(id)) return;
    this.#byId.set(id, { bytes, at: now });
    this.#bytes += bytes.length;
    if (this.#trimAt === Number.POSITIVE_INFINITY) this.#trimAt = now + this.#config.payloadsMs;
    if (this.#bytes > this.#config.payloadsBytesMax) this.#evict(now);
  }

  /** The broadcast as it is to be sent now: older by the time it was kept. Undefined when it is not kept any more. */
  get(origin: ProcessId, ordinal: number, now: number): Broadcast | undefined {
    const payload = this.#byId.get(idOf(origin, ordinal));
    if (payload === undefined || this.#isOld(payload, now)) return undefined;
    const message = decodeMessage(payload.bytes);
    assert(message?.type === "broadcast", "only broadcasts are kept");
    return { ...message, ageMs: message.ageMs + Math.round(now - payload.at) };
  }

  wake(now: number): void {
    if (now < this.#trimAt) return;
    this.#evict(now);
    this.#trimAt = this.#byId.size === 0 ? Number.POSITIVE_INFINITY : now + this.#config.payloadsMs;
  }

  /** When something may be too old; what is, is not given out even before. */
  nextDeadline(): number {
    return this.#trimAt;
  }

  #evict(now: number): void {
    for (const [id, payload] of this.#byId) {
      if (!this.#isOld(payload, now) && this.#bytes <= this.#config.payloadsBytesMax) return;
      this.#byId.delete(id);
      this.#bytes -= payload.bytes.length;
    }
  }

  #isOld({ at }: Payload, now: number): boolean {
    return now - at > this.#config.payloadsMs;
  }
}

function idOf(origin: ProcessId, ordinal: number): string {
  return `${origin}${ordinal}`;
}
