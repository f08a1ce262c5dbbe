/**
 * Operating errors: what a user, an operator, a network or a disk can cause. Each has a stable code, which is a heading
 * in docs/OPERATIONS.md. Programmer errors are not these: they go through {@link assert} and end the peer.
 */

/** Every code a Yarrow error can carry. `scripts/tidy.ts` holds each of them to a heading in docs/OPERATIONS.md. */
export type YarrowErrorCode =
  // Input
  | "YARROW_UPDATE_INVALID"
  | "YARROW_UPDATE_TOO_LARGE"
  | "YARROW_FRAME_INVALID"
  | "YARROW_FRAME_TOO_LARGE"
  | "YARROW_NAME_INVALID"
  | "YARROW_PENDING_FULL"
  // Documents
  | "YARROW_DOCUMENT_DELETED"
  | "YARROW_DOCUMENT_NOT_FOUND"
  | "YARROW_DOCUMENT_QUARANTINED"
  | "YARROW_DOCUMENT_TOO_LARGE"
  | "YARROW_FOLLOWER"
  | "YARROW_COPIES_MISSING"
  | "YARROW_CURSOR_LOST"
  | "YARROW_TOKEN_INVALID"
  | "YARROW_HISTORY_GONE"
  // Links
  | "YARROW_CLUSTER_MISMATCH"
  | "YARROW_CLUSTER_UNDECIDED"
  | "YARROW_PROTOCOL_UNSUPPORTED"
  | "YARROW_FINGERPRINT_UNSUPPORTED"
  | "YARROW_CREDENTIAL_REFUSED"
  | "YARROW_LINK_SELF"
  | "YARROW_LINK_DUPLICATE"
  | "YARROW_LINK_PAUSED"
  | "YARROW_LINK_SILENT"
  | "YARROW_LINK_LIMIT"
  | "YARROW_LINK_NOT_FOUND"
  | "YARROW_LINK_SHED"
  | "YARROW_VIEW_FULL"
  | "YARROW_NOT_A_WRITER"
  | "YARROW_ROLE_CHANGED"
  // Store
  | "YARROW_STORE_FULL"
  | "YARROW_STORE_FAILED"
  | "YARROW_STORE_LOCKED"
  | "YARROW_STORE_NEWER"
  | "YARROW_STORE_CORRUPT"
  | "YARROW_SQLITE_UNSUPPORTED"
  | "YARROW_DISK_SPACE_LOW"
  // Backups
  | "YARROW_BACKUP_EXISTS"
  | "YARROW_BACKUP_DAMAGED"
  | "YARROW_BACKUP_FAILED"
  | "YARROW_RESTORE_REFUSED"
  // Queries
  | "YARROW_QUERY_INVALID"
  | "YARROW_QUERY_OFF"
  | "YARROW_QUERY_NOT_READY"
  | "YARROW_QUERY_BUSY"
  | "YARROW_QUERY_TIMEOUT"
  | "YARROW_QUERY_TOO_LARGE"
  | "YARROW_QUERY_FAILED"
  // Peer and command line
  | "YARROW_PEER_CLOSED"
  | "YARROW_PEER_NOT_RUNNING"
  | "YARROW_USAGE"
  | "YARROW_CONFIG_INVALID"
  | "YARROW_LISTEN_FAILED"
  | "YARROW_LISTEN_INSECURE"
  | "YARROW_NODE_UNSUPPORTED"
  | "YARROW_TIMEOUT";

export interface YarrowErrorOptions {
  readonly cause?: unknown;
  /** What somebody who runs the peer can do about it, as one sentence. */
  readonly hint?: string;
}

/** An operating error with a stable `code`; `message` says what, which peer or document, limit and value. */
export class YarrowError extends Error {
  override readonly name: string = "YarrowError";
  readonly code: YarrowErrorCode;
  readonly hint: string | undefined;

  constructor(code: YarrowErrorCode, message: string, options: YarrowErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
  }
}

/** States a fact about our own code. A failure is a bug: it must end the peer, never be caught and ignored. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new Error(`assertion failed: ${message}`);
}
