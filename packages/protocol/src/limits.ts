/**
 * Bounds of what peers and browsers may say. Each is documented in docs/OPERATIONS.md with what degrades when it moves.
 */

const KIB = 1024;
const MIB = 1024 * KIB;

/** A document's name, in bytes of UTF-8. */
export const NAME_BYTES_MAX = 256;

/** A document's encoded state, and so a browser's frame: a stock SyncStep2 carries a whole document in one frame. */
export const DOCUMENT_BYTES_MAX = 32 * MIB;

/** Frame between peers before it is cut into fragments, so that a large document never holds up live updates for long. */
export const LINK_FRAME_BYTES = 256 * KIB;

/** Hard limit of a frame between peers: one fragment or one batch with its headers. */
export const LINK_FRAME_BYTES_MAX = 1 * MIB;

/** A message after its fragments are joined: one whole document and its bookkeeping. */
export const LINK_MESSAGE_BYTES_MAX = DOCUMENT_BYTES_MAX + 4 * MIB;

/** Fragments of one message that are under way at once on a link, before the receiver has acknowledged any. */
export const FRAGMENTS_IN_FLIGHT_MAX = 4;

/** Documents in one anti-entropy batch, and its payload in bytes before the next batch begins. */
export const BATCH_DOCUMENTS_MAX = 256;
export const BATCH_BYTES = 192 * KIB;

/** Updates in one live push. A batch of more goes as several; each costs its receiver an object, however few its bytes. */
export const SEGMENTS_PER_MESSAGE_MAX = 65_536;

/** Origins in one message about broadcasts, and ranges of ordinals of each. */
export const ORIGINS_PER_MESSAGE_MAX = 1024;
export const RANGES_PER_ORIGIN_MAX = 1024;

/** Addresses a peer may announce for itself or pass on of another, and the peers it passes on. */
export const ADDRESSES_MAX = 64;
export const ADDRESS_PEERS_MAX = 1024;
export const ADDRESS_BYTES_MAX = 512;

/** Peers in one message between members of a view, and links that one such message may walk. */
export const VIEW_PEERS_MAX = 64;
export const WALK_MAX = 16;

/** Awareness state of one client, as JSON text. */
export const PRESENCE_STATE_BYTES_MAX = 4 * KIB;
export const PRESENCE_STATES_MAX = 1024;

/** Documents that one announcement of interest lists; who looks at more looks at everything. */
export const INTEREST_KEYS_MAX = 4096;

/** Dead client ids of one document. Each deletion adds the ids that wrote in that incarnation. */
export const FENCE_IDS_MAX = 100_000;

/** Nodes of the set tree in one message. */
export const NODES_PER_MESSAGE_MAX = 256;

/** Writers whose state one beat tells of. */
export const BEAT_WRITERS_MAX = 64;

/** Documents in one page of a verification. */
export const VERIFY_PAGE_MAX = 1024;

/** Name of whoever wrote an update. */
export const PRINCIPAL_BYTES_MAX = 256;

/** Key, challenge and signature of a greeting: Ed25519. */
export const PUBLIC_KEY_BYTES = 32;
export const NONCE_BYTES = 16;
export const SIGNATURE_BYTES = 64;

/** The most other peers that an acknowledgement can wait for; more than a set is made for. */
export const COPIES_MAX = 64;
