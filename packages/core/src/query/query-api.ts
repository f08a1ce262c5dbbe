/** What an embedder asks of a query and gets. Part of `peer-api.ts`. */
export interface QueryOptions {
  /** Waiting included. Default 5,000, at most 60,000. */
  readonly timeoutMs?: number | undefined;
  /** A token, as `saved` gives it: the answer holds what it stands for. It is waited for within the time. */
  readonly after?: string | undefined;
  /** Default 1,000, at most 100,000. */
  readonly maxRows?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface QueryResult {
  readonly columns: readonly string[];
  /** In the order of the columns. Integers beyond 2^53 are their digits, bytes Base64. */
  readonly rows: readonly (readonly QueryCell[])[];
  /** There are more rows than `maxRows`, or than an answer's 4 MiB. */
  readonly truncated: boolean;
  /** How much older than the replica the content was that was read, at that moment; 0: not at all. */
  readonly projectionLagMs: number;
  /** How old at most what this replica holds was, as `status().lag` tells; undefined where that is not known. */
  readonly replicaLagMs: number | undefined;
  /** How long SQLite took. */
  readonly ms: number;
}

export type QueryCell = string | number | null;

export interface QueryStatus {
  /** `off`: by option. `idle`: nobody asked yet. `building`: queries wait. `failing`: it is tried again and again, see the log. */
  readonly state: "off" | "idle" | "building" | "ready" | "failing";
  /** How much older than the replica the projection is; undefined unless ready. */
  readonly lagMs: number | undefined;
  /** 0 to 1 while building. */
  readonly progress: number | undefined;
}
