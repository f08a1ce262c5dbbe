export type { ClusterId, DocumentKey, Incarnation, PeerId, ProcessId } from "./ids.ts";
export { isAlive } from "./ids.ts";
export type { YarrowErrorCode, YarrowErrorOptions } from "./error.ts";
export { YarrowError, assert } from "./error.ts";
export {
  ADDRESSES_MAX,
  ADDRESS_BYTES_MAX,
  BATCH_BYTES,
  BATCH_DOCUMENTS_MAX,
  DOCUMENT_BYTES_MAX,
  FENCE_IDS_MAX,
  FRAGMENTS_IN_FLIGHT_MAX,
  LINK_FRAME_BYTES,
  LINK_FRAME_BYTES_MAX,
  LINK_MESSAGE_BYTES_MAX,
  NAME_BYTES_MAX,
  NODES_PER_MESSAGE_MAX,
  PRESENCE_STATES_MAX,
  PRESENCE_STATE_BYTES_MAX,
  PRINCIPAL_BYTES_MAX,
  VERIFY_PAGE_MAX,
} from "./limits.ts";
export { FINGERPRINT_VERSION, LINK_SUBPROTOCOL, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from "./version.ts";
export type {
  Acknowledge,
  Addresses,
  Broadcast,
  CoverAsk,
  Digest,
  DocumentDifference,
  DocumentSummary,
  Documents,
  DocumentsAsk,
  DocumentsTaken,
  Fragment,
  FragmentTaken,
  Hello,
  Message,
  NodeContent,
  NodePath,
  Nodes,
  NodesAsk,
  Ping,
  Pong,
  Presence,
  PresenceState,
  Refuse,
  Role,
  Segment,
  Stream,
  StreamAsk,
  TreeItem,
  VerifyAsk,
  VerifyEntry,
  VerifyPage,
} from "./message.ts";
export { decodeFrame, decodeMessage, encodeFrame, encodeMessage } from "./codec.ts";
export { Reader, fromHex, toHex } from "./reader.ts";
