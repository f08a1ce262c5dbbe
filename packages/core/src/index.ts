export type * from "./peer-api.ts";
export type { DurabilityOptions } from "./durability-options.ts";
export type * from "./past/past-api.ts";
export type { PastDetail } from "./past/past-wire.ts";
export { HistoryGoneError } from "./past/history-gone.ts";
export { createPeer } from "./create-peer.ts";
export { CopiesMissingError } from "./document-handle.ts";
export type { BackupOptions, BackupStatus } from "./backup/backups.ts";
export type { BackupManifest } from "./backup/manifest.ts";
export { restoreBackup, restorePast, verifyBackup } from "./backup/offline.ts";
export type { BackupProgress } from "./backup/report.ts";
export type { BackupSchedule } from "./backup/schedule.ts";
export { BACKUP_EVERY_MS_MIN, BACKUPS_KEPT_MAX } from "./backup/schedule.ts";
export type { RestoredBackup } from "./backup/restore-backup.ts";
export type { RestoredPast } from "./backup/restore-past.ts";
export type { ExportedDocument } from "./transfer/export-documents.ts";
export { countDocuments, exportDocuments } from "./transfer/export-documents.ts";
export type { ImportOptions } from "./transfer/import-update.ts";
export type { Counters } from "./counters.ts";
export { formatKey, readPublicKey } from "./credentials.ts";
export { BATCH_MS_BOUNDS } from "./counters.ts";
export type { ControlClient } from "./control-client.ts";
export { connectControl } from "./control-client.ts";
export type { CompactReport } from "./control-message.ts";
export { COPIES_MAX, YarrowError } from "@yarrow/protocol";
export type { ClusterId, Incarnation, PeerId, ProcessId, Role, YarrowErrorCode } from "@yarrow/protocol";
export type {
  CopiesStatus,
  Fact,
  GossipStatus,
  QuarantinedDocument,
  ReplicaConfig,
  VerifyDocument,
  VerifyReport,
} from "@yarrow/replica";
