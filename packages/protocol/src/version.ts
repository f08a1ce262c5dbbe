/**
 * Versions of what peers say. The history stands in docs/PROTOCOL.md; `test/version.test.ts` pins the wire format to
 * the version by a hash, so that the one cannot move without the other.
 */

/** The version this release speaks best. */
export const PROTOCOL_VERSION = 3;

/** The oldest version this release still understands. */
export const PROTOCOL_VERSION_MIN = 1;

/** The formula of document fingerprints and set-tree sums. Peers that disagree on it would see every document as different, so they refuse each other. */
export const FINGERPRINT_VERSION = 1;

/** The WebSocket subprotocol that marks a connection as a link between peers. */
export const LINK_SUBPROTOCOL = "yarrow.peer.1";
