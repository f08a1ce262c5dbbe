/** What the peer's thread and the projection's say to each other. */
import type { ArrivalSequence, DocumentId } from "@yarrow/replica";

export interface ProjectionSetup {
  readonly folder: string;
  /** One number: the document being worked on, 0 = none. Outlives the thread. */
  readonly working: Int32Array;
  readonly unreadable: readonly DocumentId[];
}

export type ProjectionCommand =
  /** Something was committed: come up to date. */
  | { readonly kind: "follow"; readonly touched: readonly string[] }
  /** Begin anew from the documents' bytes. */
  | { readonly kind: "rebuild" };

export type ProjectionReport =
  /** After each pass; `done`: nothing was left to do. */
  | {
      readonly kind: "progress";
      readonly sequence: ArrivalSequence;
      readonly documents: number;
      readonly ms: number;
      /** Undefined: the projection is whole. Else how far building it has come, by document ids. */
      readonly building: { readonly through: DocumentId; readonly last: DocumentId } | undefined;
      readonly done: boolean;
    }
  | { readonly kind: "failed"; readonly detail: string };
