export type * from "./event.ts";
export type * from "./effect.ts";
export type * from "./store.ts";
export { StoreFailedError, StoreFullError } from "./store.ts";
export type * from "./work.ts";
export type { ReplicaConfig } from "./config.ts";
export { REPLICA_DEFAULTS, createConfig } from "./config.ts";
