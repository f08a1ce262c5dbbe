/** A relay on a desk: a clock to turn, browsers to play, and what each of them got. */
import type { Effect, Event, SubscriberId } from "@yarrow/replica";
import * as decoding from "lib0/decoding";
import * as encoding from "lib0/encoding";
import { Relay } from "../src/index.ts";
import type { RelayConfig, SessionEffect, SessionEvent } from "../src/index.ts";
import { FakeReplica } from "./fake-replica.ts";

/** What a browser hears, in words. */
export type Heard =
  | { readonly says: "step1" | "step2" | "update"; readonly bytes: Uint8Array }
  | { readonly says: "awareness"; readonly states: readonly (readonly [number, number, string])[] };

export class Desk {
  readonly replica = new FakeReplica();
  readonly relay: Relay;
  now = 1_000_000;

  constructor(config: Partial<RelayConfig> = {}) {
    this.relay = new Relay({ replica: this.replica, random: () => 0, config });
  }

  step(...events: readonly (SessionEvent | Event)[]): Effects {
    return new Effects(this.relay.step(events, this.now));
  }

  /** Lets time pass, waking the relay whenever it asks for it, as a shell does. */
  pass(ms: number): Effects {
    const end = this.now + ms;
    const effects: (SessionEffect | Effect)[] = [];
    let wakes = 0;
    while (this.relay.nextDeadline() <= end) {
      this.now = Math.max(this.now, this.relay.nextDeadline());
      effects.push(...this.relay.step([], this.now));
      wakes += 1;
      if (wakes > 10 * ms + 10) throw new Error("the relay asks to be woken again and again");
    }
    this.now = end;
    return new Effects(effects);
  }

  /** A browser that has connected and said nothing. */
  open(session: SubscriberId, name = "note", address = `10.0.0.${session}`): Effects {
    return this.step({ type: "session-opened", session, name, address });
  }

  /** A browser that has connected, has been answered, and has heard all that follows. */
  join(session: SubscriberId, name = "note", address?: string): Effects {
    this.open(session, name, address);
    const effects = this.frame(session, step1());
    if (!effects.to(session).some(({ says }) => says === "step2")) throw new Error("the session was not answered");
    return effects;
  }

  frame(session: SubscriberId, bytes: Uint8Array): Effects {
    return this.step({ type: "session-frame", session, bytes });
  }

  close(session: SubscriberId, abnormal = false): Effects {
    return this.step({ type: "session-closed", session, abnormal });
  }
}

/** What came out of a step. */
export class Effects {
  readonly all: readonly (SessionEffect | Effect)[];

  constructor(all: readonly (SessionEffect | Effect)[]) {
    this.all = all;
  }

  /** What one session hears, in order. */
  to(session: SubscriberId): Heard[] {
    return this.all.flatMap((effect) =>
      effect.type === "session-send" && effect.sessions.includes(session) ? [heard(effect.frame)] : [],
    );
  }

  /** The states a session hears of, later ones last. */
  presence(session: SubscriberId): (readonly [number, number, string])[] {
    return this.to(session).flatMap((message) => (message.says === "awareness" ? message.states : []));
  }

  get closes(): { session: SubscriberId; code: number; reason: string }[] {
    return this.all.flatMap((effect) =>
      effect.type === "session-close" ? [{ session: effect.session, code: effect.code, reason: effect.reason }] : [],
    );
  }

  get types(): string[] {
    return this.all.map(({ type }) => type);
  }
}

/** The payload of a server's WebSocket frame. */
export function payloadOf(frame: Uint8Array): Uint8Array {
  const length = frame[1] ?? 0;
  if (frame[0] !== 0x82 || length > 127) throw new Error("not a final, binary, unmasked frame");
  return frame.subarray(length < 126 ? 2 : length === 126 ? 4 : 10);
}

function heard(frame: Uint8Array): Heard {
  const decoder = decoding.createDecoder(payloadOf(frame));
  const message = readMessage(decoder);
  if (decoding.hasContent(decoder)) throw new Error("more than one message in a frame");
  return message;
}

function readMessage(decoder: decoding.Decoder): Heard {
  const type = decoding.readVarUint(decoder);
  if (type === 0) {
    const says = (["step1", "step2", "update"] as const)[decoding.readVarUint(decoder)];
    if (says === undefined) throw new Error("not a sync message");
    return { says, bytes: decoding.readVarUint8Array(decoder) };
  }
  if (type !== 1) throw new Error(`a message of type ${type}`);
  const body = decoding.createDecoder(decoding.readVarUint8Array(decoder));
  const states = Array.from({ length: decoding.readVarUint(body) }, () => {
    return [decoding.readVarUint(body), decoding.readVarUint(body), decoding.readVarString(body)] as const;
  });
  if (decoding.hasContent(body)) throw new Error("more awareness than was counted");
  return { says: "awareness", states };
}

const EMPTY = new Uint8Array([0]);

export function step1(stateVector: Uint8Array = EMPTY): Uint8Array {
  return message([0, 0], stateVector);
}

export function step2(update: Uint8Array): Uint8Array {
  return message([0, 1], update);
}

export function update(bytes: Uint8Array): Uint8Array {
  return message([0, 2], bytes);
}

export function awareness(...states: readonly (readonly [number, number, string])[]): Uint8Array {
  const body = encoding.createEncoder();
  encoding.writeVarUint(body, states.length);
  for (const [clientId, clock, state] of states) {
    encoding.writeVarUint(body, clientId);
    encoding.writeVarUint(body, clock);
    encoding.writeVarString(body, state);
  }
  return message([1], encoding.toUint8Array(body));
}

export const QUERY = new Uint8Array([3]);

function message(types: readonly number[], body: Uint8Array): Uint8Array {
  const encoder = encoding.createEncoder();
  for (const type of types) encoding.writeVarUint(encoder, type);
  encoding.writeVarUint8Array(encoder, body);
  return encoding.toUint8Array(encoder);
}
