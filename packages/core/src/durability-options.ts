/** What an embedder can ask of an acknowledgement. */
/** What must have happened to an edit before its author is told that it is kept. */
export interface DurabilityOptions {
  /** Of this peer's own disk; see `PeerOptions.durability`. Default `full`. */
  readonly synchronous?: "full" | "normal";
  /** Distinct other peers that must have committed it, 0 (default) to 64. A browser is echoed, and `saved()` resolves, after that. */
  readonly copies?: number;
  /**
   * Where there are not enough: `wait` (default) for them, however long; or `degrade`: after `timeoutMs` acknowledge without,
   * until they are back.
   */
  readonly whenMissing?: "wait" | "degrade";
  /** Milliseconds until it degrades. Default 10,000. */
  readonly timeoutMs?: number;
}
