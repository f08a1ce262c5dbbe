/**
 * What `yarrow` and a running peer say to each other: one JSON object per line, a request and then its response. Local,
 * between programs of one release; nobody else should speak it.
 */
import type { Role } from "@yarrow/protocol";
import type { BackupManifest } from "./backup/manifest.ts";
import type { BackupProgress } from "./backup/report.ts";
import type { QuarantinedDocument, VerifyReport } from "@yarrow/replica";
import type { HistoryOptions, RevertOptions, RevertResult } from "./past/past-api.ts";
import type { WireHistory, WirePastDetail } from "./past/past-wire.ts";
import type {
  DocumentInfo,
  DocumentDetail,
  ListOptions,
  PeerStatus,
  QueryOptions,
  QueryParams,
  QueryResult,
  ReleaseReport,
  ShowOptions,
} from "./peer-api.ts";

/** Methods with what they take and give. */
export interface ControlMethods {
  readonly status: { readonly params: object; readonly result: PeerStatus };
  readonly documents: { readonly params: ListOptions; readonly result: readonly WireDocumentInfo[] };
  readonly show: {
    readonly params: { readonly name: string } & ShowOptions;
    readonly result: WireDocumentDetail | null;
  };
  readonly query: {
    readonly params: { readonly sql: string; readonly params?: QueryParams } & Omit<QueryOptions, "signal">;
    readonly result: QueryResult;
  };
  readonly "query.rebuild": { readonly params: object; readonly result: null };
  readonly append: { readonly params: WireAppend; readonly result: string };
  readonly wait: {
    readonly params: { readonly token: string; readonly timeoutMs?: number };
    readonly result: null;
  };
  readonly "past.show": {
    readonly params: { readonly name: string; readonly atMs: number } & ShowOptions;
    readonly result: WirePastDetail;
  };
  readonly history: {
    readonly params: { readonly name: string } & HistoryOptions;
    readonly result: WireHistory | null;
  };
  readonly revert: {
    readonly params: { readonly name: string; readonly atMs: number } & Omit<RevertOptions, "signal">;
    readonly result: RevertResult;
  };
  readonly delete: { readonly params: { readonly name: string }; readonly result: boolean };
  readonly verify: {
    readonly params: { readonly deep?: boolean; readonly timeoutMs?: number };
    readonly result: VerifyReport;
  };
  /** The last part of an update, or one before it: see `Upload`. */
  readonly import: {
    readonly params: {
      readonly name: string;
      readonly part: string;
      readonly last: boolean;
      readonly timeoutMs?: number;
    };
    readonly result: null;
  };
  readonly backup: { readonly params: WireBackupRequest; readonly result: BackupManifest };
  readonly compact: { readonly params: object; readonly result: CompactReport };
  readonly "role.set": { readonly params: { readonly role: Role }; readonly result: null };
  readonly "links.list": { readonly params: object; readonly result: PeerStatus["links"] };
  readonly "links.pause": { readonly params: { readonly peer?: string }; readonly result: null };
  readonly "links.resume": { readonly params: { readonly peer?: string }; readonly result: null };
  /** `bytesPerSecond` left out = no limit. */
  readonly "links.limit": {
    readonly params: { readonly peer: string; readonly bytesPerSecond?: number };
    readonly result: null;
  };
  readonly quarantine: { readonly params: object; readonly result: readonly QuarantinedDocument[] };
  readonly "quarantine.release": { readonly params: { readonly name: string }; readonly result: ReleaseReport };
  readonly stop: { readonly params: object; readonly result: null };
}

export type ControlMethod = keyof ControlMethods;
export type ControlParams<M extends ControlMethod> = ControlMethods[M]["params"];
export type ControlResult<M extends ControlMethod> = ControlMethods[M]["result"];

export interface CompactReport {
  readonly documents: number;
  readonly bytesBefore: number;
  readonly bytesAfter: number;
}

interface WireAppend {
  readonly name: string;
  readonly root: string;
  readonly line: string;
  readonly copies?: number;
  readonly timeoutMs?: number;
}

/** `file` is absolute: the peer's own folder is another than the command's. */
interface WireBackupRequest {
  readonly file: string;
  readonly maxBytesPerSecond?: number;
  readonly force?: boolean;
}

/** JSON has no dates: milliseconds since 1970. */
type WireDocumentInfo = Omit<DocumentInfo, "changedAt"> & { readonly changedAtMs: number };

/** JSON has no bytes: base64. */
type WireDocumentDetail = Omit<DocumentDetail, "update"> & { readonly update: string };

export interface ControlRequest {
  readonly method: string;
  readonly params: unknown;
}

/** Any number of these may come before the response to a request that takes long. */
export interface ControlProgress {
  readonly progress: BackupProgress;
}

export type ControlResponse =
  | { readonly ok: true; readonly result: unknown }
  | {
      readonly ok: false;
      readonly code: string | undefined;
      readonly message: string;
      readonly hint: string | undefined;
    };
