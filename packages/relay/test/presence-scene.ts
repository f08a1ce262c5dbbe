/** Two people at one note, and what another peer tells of who is there. */
import type { ProcessId } from "@yarrow/protocol";
import type { Effect } from "@yarrow/replica";
import { Desk, awareness } from "./desk.ts";

export const ADA = 7;
export const BOB = 8;
export const CAROL = 9;
export const HERE = '{"name":"Ada"}';
export const MOVED = '{"name":"Ada","cursor":5}';

export const OTHER_PEER = "00000000000000aa" as ProcessId;

/** States that another peer tells of. */
export function told(origin: ProcessId, ...states: readonly (readonly [number, number, string])[]): Effect {
  return {
    type: "presence",
    name: "note",
    origin,
    states: states.map(([clientId, clock, state]) => ({ clientId, clock, state })),
  };
}

/** What the other peers have been told in the last step. */
export function announced(desk: Desk): (readonly [number, number, string])[] {
  return desk.replica.lastBatch.flatMap((event) =>
    event.type === "announce-presence"
      ? event.states.map(({ clientId, clock, state }) => [clientId, clock, state] as const)
      : [],
  );
}

/** A desk at which Ada (session 1) and Bob (session 2) look at a note, and Ada has said so. */
export function deskWithAda(): Desk {
  const desk = new Desk();
  desk.join(1);
  desk.join(2);
  desk.frame(1, awareness([ADA, 5, HERE]));
  return desk;
}

/** Who is there, as sessions that look now are told. */
export function thereAre(desk: Desk, name = "note"): (readonly [number, number, string])[] {
  return desk.relay.presenceOf(name).map(({ clientId, clock, state }) => [clientId, clock, state] as const);
}
