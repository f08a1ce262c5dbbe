/**
 * Bounds of the shell: sockets, waits and buffers. Those of documents and messages stand in the protocol's limits, those
 * of the engine in `ReplicaConfig`. Each is documented in docs/OPERATIONS.md with what degrades when it moves.
 */
import { DOCUMENT_BYTES_MAX, LINK_FRAME_BYTES_MAX } from "@yarrow/protocol";

const KIB = 1024;
const MIB = 1024 * KIB;

/** Browser sessions at once. One more is answered with HTTP 503, which every client takes as "later". */
export const SESSIONS_MAX = 1_000;

/** Sockets of other peers at once, those that have not said hello included; counted apart, so that no crowd of browsers keeps peers out. */
export const LINK_SOCKETS_MAX = 128;

/** TCP connections of the listener: all of the above, and some room for health checks and refusals. */
export const TCP_CONNECTIONS_MAX = SESSIONS_MAX + LINK_SOCKETS_MAX + 256;

/** A browser is asked for a sign of life this often, and is gone when it has given none since the last time. */
export const SESSION_HEARTBEAT_MS = 30_000;

/** A browser's frame: a whole document and the few bytes in front of it. */
export const SESSION_FRAME_BYTES_MAX = DOCUMENT_BYTES_MAX + 64 * KIB;

/** A frame on a link: the protocol's bound, and room for the headers around it. */
export const LINK_SOCKET_FRAME_BYTES_MAX = LINK_FRAME_BYTES_MAX + 64 * KIB;

/** Bytes that have arrived and wait for the loop. Beyond this the loop runs at once, before more is read. */
export const BACKLOG_BYTES_MAX = 64 * MIB;

/** Unsent bytes of a session at which the relay stops feeding it … */
export const SESSION_CONGESTED_BYTES = 1 * MIB;
/** … and beyond which it is cut off without waiting: one document, and what may have come on top. */
export const SESSION_BUFFER_BYTES_MAX = DOCUMENT_BYTES_MAX + 8 * MIB;
/**
 * A congested session has this long to drain, and one second more for each of these bytes that wait. Twice what the relay
 * gives it before it closes it politely: this is for sockets that do not even take a close frame.
 */
export const SESSION_DRAIN_MS = 60_000;
export const SESSION_DRAIN_BYTES_PER_SECOND = 128 * KIB;

/** Unsent bytes of a link at which live pushes stop. */
export const LINK_CONGESTED_BYTES = 8 * MIB;

/** A link whose other end reads nothing is cut off beyond this: more than the budget, one large message and what else keeps it alive. */
export const LINK_BUFFER_BYTES_MAX = 64 * MIB;

/** A dialled address must have become a WebSocket within this time. */
export const DIAL_TIMEOUT_MS = 5_000;

/** The other side has this long to answer a close frame; then the socket is destroyed. */
export const CLOSE_TIMEOUT_MS = 1_000;

/** A worker that is silent for this long is replaced. */
export const WORK_TIMEOUT_MS = 60_000;
/** A worker that is wanted early starts this long after its peer: when that has opened its doors. */
export const WORK_EARLY_MS = 500;
/** A worker that had nothing to do for this long ends, and gives its memory back. */
export const WORK_IDLE_MS = 30_000;
/** Room for what a worker has just made. More makes no job faster that was measured, and is kept until the worker ends. */
export const WORK_YOUNG_HEAP_MIB = 16;

/** The turn of the event loop that takes longer than this is reported. */
export const LOOP_BLOCKED_MS = 200;
/** How often the delay of the event loop is summed up. */
export const LOOP_DELAY_WINDOW_MS = 5_000;

/**
 * The write-ahead log is emptied after this long without a commit. Not in each pause of somebody who types: a log that grows
 * anew costs each commit a sync of the file's size as well, which is half as much again.
 */
export const IDLE_CHECKPOINT_MS = 30_000;

/** Changes read from the store at a time for one feed. */
export const FEED_PAGE_ROWS = 100;

/** A handle whose document cannot be had right now tries again after this long, doubling up to the second. */
export const REATTACH_MIN_MS = 250;
export const REATTACH_MAX_MS = 15_000;

/** How long `saved({ copies })` waits unless told otherwise. */
export const COPIES_TIMEOUT_MS = 10_000;
/** How long `waitFor` and `waitUntilFresh` wait unless told otherwise. */
export const WAIT_TIMEOUT_MS = 10_000;
/** How long `verify` waits for the other peers unless told otherwise. */
export const VERIFY_TIMEOUT_MS = 30_000;

/** Entries in one page of `history()`. */
export const HISTORY_PAGE = 100;
export const HISTORY_PAGE_MAX = 1_000;
/** Changes within this time are one entry of it, unless told otherwise. */
export const TOGETHER_MS = 60_000;

/** Documents in one page of `documents()`. */
export const DOCUMENTS_PAGE = 100;
export const DOCUMENTS_PAGE_MAX = 10_000;

/** One request line on the control socket. */
export const CONTROL_LINE_BYTES_MAX = 64 * KIB;
/** Commands that talk to one peer at once. */
export const CONTROL_CONNECTIONS_MAX = 32;
/** The longest path a Unix socket can safely have. */
export const SOCKET_PATH_BYTES_MAX = 100;

/** A backup gives up when the write-ahead log, which grows while its snapshot is held, has reached this. */
export const BACKUP_WAL_BYTES_MAX = 4_096 * MIB;

/** Connections to the admin listener at once. */
export const ADMIN_CONNECTIONS_MAX = 128;
/** Changes in one answer of `GET /changes` unless told otherwise, and at most. */
export const ADMIN_CHANGES = 1_000;
export const ADMIN_CHANGES_MAX = 10_000;
/** How long `GET /changes` waits for a first change unless told otherwise, and at most. */
export const ADMIN_WAIT_MS = 30_000;
export const ADMIN_WAIT_MAX_MS = 300_000;

/** Fast enough for a gigabyte in ten seconds, slow enough to leave the disk to the commits of the peer. */
export const BACKUP_BYTES_PER_SECOND = 128 * MIB;
