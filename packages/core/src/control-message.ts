/**
 * What `yarrow` and a running peer say to each other: one JSON object per line, a request and then its response. Local,
 * between programs of one release; nobody else should speak it.
 */
import type { VerifyReport } from "@yarrow/replica";
import type { DocumentInfo, DocumentDetail, ListOptions, PeerStatus, ShowOptions } from "./peer-api.ts";

/** Methods with what they take and give. */
export interface ControlMethods {
  readonly status: { readonly params: object; readonly result: PeerStatus };
  readonly documents: { readonly params: ListOptions; readonly result: readonly WireDocumentInfo[] };
  readonly show: {
    readonly params: { readonly name: string } & ShowOptions;
    readonly result: WireDocumentDetail | null;
  };
  readonly delete: { readonly params: { readonly name: string }; readonly result: boolean };
  readonly verify: {
    readonly params: { readonly deep?: boolean; readonly timeoutMs?: number };
    readonly result: VerifyReport;
  };
  readonly compact: { readonly params: object; readonly result: CompactReport };
  readonly "links.list": { readonly params: object; readonly result: PeerStatus["links"] };
  readonly "links.pause": { readonly params: { readonly peer?: string }; readonly result: null };
  readonly "links.resume": { readonly params: { readonly peer?: string }; readonly result: null };
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

/** JSON has no dates: milliseconds since 1970. */
type WireDocumentInfo = Omit<DocumentInfo, "changedAt"> & { readonly changedAtMs: number };

/** JSON has no bytes: base64. */
type WireDocumentDetail = Omit<DocumentDetail, "update"> & { readonly update: string };

export interface ControlRequest {
  readonly method: string;
  readonly params: unknown;
}

export type ControlResponse =
  | { readonly ok: true; readonly result: unknown }
  | {
      readonly ok: false;
      readonly code: string | undefined;
      readonly message: string;
      readonly hint: string | undefined;
    };
