export { Relay } from "./relay.ts";
export type { RelayCounts, RelayOptions } from "./relay.ts";
export type { ReplicaPort } from "./replica-port.ts";
export type {
  SessionClosed,
  SessionCongested,
  SessionDrained,
  SessionEvent,
  SessionFrame,
  SessionOpened,
} from "./session-event.ts";
export type { SessionClose, SessionEffect, SessionSend } from "./session-effect.ts";
export { RELAY_DEFAULTS, createRelayConfig } from "./relay-limits.ts";
export type { RelayConfig } from "./relay-limits.ts";
