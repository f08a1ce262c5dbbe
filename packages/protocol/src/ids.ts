/**
 * Names of things that travel between peers. All are strings, so that they can be keys of a Map, be compared and be
 * printed; brands keep one from standing in for another.
 */

declare const brand: unique symbol;
type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** The lasting name of a peer: 16 random bytes minted at its first start, as 32 lowercase hex digits. A name only: nothing replicated hangs on it. */
export type PeerId = Brand<string, "PeerId">;

/** The life of one process of a peer: 8 random bytes minted at every start, as 16 lowercase hex digits. Links, duplicates and message ids hang on it. */
export type ProcessId = Brand<string, "ProcessId">;

/** The set of peers that share documents: 16 bytes, as 32 lowercase hex digits. Also the key of every fingerprint. */
export type ClusterId = Brand<string, "ClusterId">;

/** The place of a document in the set tree: the first 8 bytes of SHA-256 of its name's UTF-8, as 16 lowercase hex digits. */
export type DocumentKey = Brand<string, "DocumentKey">;

/** How often a name came alive or was deleted: odd = alive, even = deleted, 0 = never existed. Merging takes the larger. */
export type Incarnation = number;

/** True when documents of this incarnation hold content. */
export function isAlive(incarnation: Incarnation): boolean {
  return incarnation % 2 === 1;
}
