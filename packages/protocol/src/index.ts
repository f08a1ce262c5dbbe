export type { ClusterId, DocumentKey, Incarnation, PeerId, ProcessId } from "./ids.ts";
export { isAlive } from "./ids.ts";
export type { YarrowErrorCode, YarrowErrorOptions } from "./error.ts";
export { YarrowError, assert } from "./error.ts";
export * from "./limits.ts";
export { FINGERPRINT_VERSION, LINK_SUBPROTOCOL, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from "./version.ts";
export type * from "./message.ts";
