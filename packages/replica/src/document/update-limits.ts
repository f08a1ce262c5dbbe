/**
 * Bounds of what one Yjs update may claim. They keep a hostile update from costing more than a multiple of its own
 * bytes, and from saying what Yjs could not read back. docs/OPERATIONS.md says what degrades when one moves.
 */
import { DOCUMENT_BYTES_MAX } from "@yarrow/protocol";

/** Yjs writes client ids as 32 bit numbers today; its encodings carry 53 bits, and Yarrow counts all of them. */
export const CLIENT_ID_MAX = Number.MAX_SAFE_INTEGER;

/** A client's clock: one step per character or element it ever wrote in the document. */
export const CLOCK_MAX = 2 ** 31;

/** Clients that one update may name, for structs and for deletes each. More would cost every peer memory for good. */
const UPDATE_CLIENTS_MAX = 65_536;

/** Nesting of arrays and objects in JSON and `any` values. Deeper ones overflow the stack of whoever reads them. */
export const VALUE_DEPTH_MAX = 64;

/** The name of a root type, in bytes of UTF-8. */
export const ROOT_NAME_BYTES_MAX = 1024;

/** Clients in a state vector or in a peer's summary of a document. */
export const STATE_VECTOR_CLIENTS_MAX = 1_048_576;

/**
 * Updates that Yjs merges in one call. It sorts them all again for every run of structs, so many at once are
 * quadratic.
 */
export const MERGE_PARTS_MAX = 100;

/** Nesting of shared types that can be read as JSON. Deeper content exists, and converges, but is not shown. */
export const TYPE_DEPTH_MAX = 256;

export interface UpdateLimits {
  readonly bytesMax: number;
  readonly clientsMax: number;
}

/** For updates from browsers and broadcasts. */
export const UPDATE_LIMITS: UpdateLimits = { bytesMax: DOCUMENT_BYTES_MAX, clientsMax: UPDATE_CLIENTS_MAX };

/** For differences between peers: a document may have gathered more clients over the years than one write may bring. */
export const DIFFERENCE_LIMITS: UpdateLimits = { bytesMax: DOCUMENT_BYTES_MAX, clientsMax: STATE_VECTOR_CLIENTS_MAX };

/** For what this peer merged itself from updates that were checked before. */
export const MERGED_LIMITS: UpdateLimits = { bytesMax: 2 ** 31, clientsMax: STATE_VECTOR_CLIENTS_MAX };
