/**
 * What can happen to the browser sessions of a peer. The shell hands these over in one batch with the events of the
 * replica, in the order in which they happened.
 */
import type { SubscriberId } from "@yarrow/replica";

export type SessionEvent = SessionOpened | SessionFrame | SessionClosed | SessionCongested | SessionDrained;

/** A browser has connected. Nothing is known of what it holds until its SyncStep1 arrives. */
export interface SessionOpened {
  readonly type: "session-opened";
  readonly session: SubscriberId;
  /** The document's name, already decoded from the URL and checked. */
  readonly name: string;
  /** Where the connection comes from; only ever compared, to tell a client that keeps coming back from a new one. */
  readonly address: string;
}

/**
 * One binary WebSocket message, as it came from outside. The relay and the replica keep the bytes: do not reuse the
 * buffer.
 */
export interface SessionFrame {
  readonly type: "session-frame";
  readonly session: SubscriberId;
  readonly bytes: Uint8Array;
}

export interface SessionClosed {
  readonly type: "session-closed";
  readonly session: SubscriberId;
  /** True when the connection broke, so that the same tab may be back in a moment. */
  readonly abnormal: boolean;
}

/** More than the session's budget (1 MiB) waits in the socket to be sent. */
export interface SessionCongested {
  readonly type: "session-congested";
  readonly session: SubscriberId;
}

/** The socket has little left to send (64 KiB) after having been congested. */
export interface SessionDrained {
  readonly type: "session-drained";
  readonly session: SubscriberId;
}
