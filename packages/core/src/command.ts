/**
 * What the `yarrow` command needs to talk to a peer that runs as another process: nothing of the engine, the store or the
 * sockets, so that a command starts in a moment. Importable as `@yarrow/core/command`.
 */
export { BACKUP_EVERY_MS_MIN, BACKUPS_KEPT_MAX } from "./backup/schedule.ts";
export { connectControl } from "./control-client.ts";
export { formatKey, readPublicKey } from "./credentials.ts";
export { COPIES_MAX, YarrowError } from "@yarrow/protocol";
