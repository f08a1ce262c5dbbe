/**
 * What the relay wants done to browser sessions. As with the replica's effects, performing them in order is enough.
 * Either kind may name a session that the shell has just seen close: it is then ignored.
 */
import type { SubscriberId } from "@yarrow/replica";

export type SessionEffect = SessionSend | SessionClose;

export interface SessionSend {
  readonly type: "session-send";
  readonly sessions: readonly SubscriberId[];
  /** One whole unmasked binary WebSocket frame, header included. Shared between sessions and batches: do not change. */
  readonly frame: Uint8Array;
}

/** The relay has already forgotten the session; a `session-closed` that still comes is ignored. */
export interface SessionClose {
  readonly type: "session-close";
  readonly session: SubscriberId;
  /** 4400 to 4499 tell a recent provider to stay away; all others tell it to retry. */
  readonly code: number;
  /** At most 123 bytes of UTF-8, the most a close frame can carry. */
  readonly reason: string;
}
