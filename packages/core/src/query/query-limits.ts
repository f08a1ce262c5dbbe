/** Bounds of the projection and of queries. Each is documented in docs/OPERATIONS.md with what degrades when it moves. */

const KIB = 1024;
const MIB = 1024 * KIB;

/** The projection comes up to date at most this often: so many writes to one document cost one. */
export const PROJECTION_INTERVAL_MS = 500;
/** Documents of one pass, and their stored bytes: a pass is one transaction, and what memory holds at once. */
export const PASS_DOCUMENTS_MAX = 512;
export const PASS_BYTES_MAX = 8 * MIB;
/** Log rows looked at in one pass. */
export const PASS_ROWS_MAX = 8_192;
/** Stored bytes of a document that is projected; a larger one is recorded as too large. */
export const PROJECTED_DOCUMENT_BYTES_MAX = 8 * MIB;
/** JSON text of a document that is projected, in UTF-16 code units. */
export const PROJECTED_BODY_LENGTH_MAX = 8 * MIB;
/** Documents that are kept open because they are written again and again, by their stored bytes and by their number. */
export const OPEN_BYTES_MAX = 8 * MIB;
export const OPEN_DOCUMENTS_MAX = 1_024;
/** A smaller document is read anew each time. */
export const OPEN_BYTES_MIN = 1 * KIB;
/** The heap of the projection's thread; a document that needs more is recorded as unreadable. */
export const PROJECTION_HEAP_MIB = 512;
/** A document that takes longer than this is recorded as unreadable. */
export const PROJECTION_STUCK_MS = 30_000;
/** A projection that failed is tried again after this long, doubling up to the second. */
export const PROJECTION_RETRY_MIN_MS = 1_000;
export const PROJECTION_RETRY_MAX_MS = 60_000;
/** Moments of commits that are remembered to tell how old a projection is; beyond this they are told less exactly. */
export const COMMIT_MARKS_MAX = 4_096;
export const COMMIT_MARK_MS = 20;

/** Text of one query, and its parameters as JSON. */
export const QUERY_SQL_BYTES_MAX = 64 * KIB;
export const QUERY_PARAMS_BYTES_MAX = 1 * MIB;
/** Queries that wait for their turn. One more is refused. */
export const QUERIES_WAITING_MAX = 64;
/** Processes that answer queries. The second starts only when a query has to wait. */
export const QUERY_PROCESSES_MAX = 2;
/** How long a query may take, waiting included, unless told otherwise, and at most. */
export const QUERY_TIMEOUT_MS = 5_000;
export const QUERY_TIMEOUT_MAX_MS = 60_000;
/** Rows of an answer unless told otherwise, and at most. */
export const QUERY_ROWS = 1_000;
export const QUERY_ROWS_MAX = 100_000;
/** Rows of an answer as JSON. The loop has to take them in, so they also bound its delay. */
export const QUERY_ANSWER_BYTES_MAX = 4 * MIB;
/** Memory of a process that answers queries. */
export const QUERY_MEMORY_BYTES_MAX = 512 * MIB;
/** Equal questions share an answer of at most so many bytes for this time, or until the projection moves. */
export const QUERY_SHARED_MS = 500;
export const QUERY_SHARED_BYTES_MAX = 64 * KIB;
/** Answers that are kept for that. */
export const QUERY_SHARED_MAX = 256;
/** A process without queries for this long is ended. */
export const QUERY_IDLE_MS = 60_000;
