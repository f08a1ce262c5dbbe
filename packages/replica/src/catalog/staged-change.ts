/**
 * What one batch does to one document, gathered in memory: written as one log row, then shown as one frame and one message.
 */
import type { Broadcast, Incarnation, Segment, YarrowError } from "@yarrow/protocol";
import type { Contribution } from "../document/contribution.ts";
import type { LinkId, RequestId, SubscriberId } from "../event.ts";
import type { LogSegment } from "../store.ts";
import type { Entry } from "./entry.ts";

/** What became of one edit of a subscriber. */
export interface StagedEdit {
  readonly subscriber: SubscriberId;
  /** `accepted`: part of the row. `echo`: nothing new. `pending`: some of it waits, or was not kept and is asked for. */
  readonly outcome: "accepted" | "echo" | "pending";
  readonly update: Uint8Array;
  /** What it wrote, where somebody keeps account of that. */
  readonly written?: WrittenEdit | undefined;
}

/** What one edit put into its document. */
interface WrittenEdit {
  /** The row's segment that it became; undefined when nothing of it was new. */
  readonly own: LogSegment | undefined;
  readonly contribution: Contribution;
  /** Clock of the first struct of each client. */
  readonly starts: readonly (readonly [client: number, start: number])[];
  /** Nothing of it had to wait for what it refers to. */
  readonly whole: boolean;
}

export class StagedChange {
  readonly entry: Entry;
  readonly fromIncarnation: Incarnation;
  /** Accepted updates: the log row. */
  segments: LogSegment[] = [];
  /** Segments that had to wait until now, and what they hold. */
  promoted: { readonly segment: LogSegment; readonly contribution: Contribution }[] = [];
  addedPending: LogSegment[] = [];
  removedPending: number[] = [];
  fenceGrew = false;
  /** The incarnation moved here, or by a repair, and other peers are told even if there is no content to tell. */
  announce = false;
  /** A repair brought what is not pushed on. */
  unpushed = false;
  /** Updates that no other peer has seen yet, as they came: our own broadcast. */
  publish: Segment[] = [];
  /** Something has thrown meanwhile: it is not to be committed. */
  failure: YarrowError | undefined;
  edits: StagedEdit[] = [];
  readonly deletions: RequestId[] = [];
  /** Broadcasts of others, to be passed on. */
  forwards: { readonly link: LinkId; readonly message: Broadcast }[] = [];
  /** Links whose differences are part of this change. */
  readonly repairs = new Set<LinkId>();

  constructor(entry: Entry) {
    this.entry = entry;
    this.fromIncarnation = entry.incarnation;
  }

  get moved(): boolean {
    return this.entry.incarnation !== this.fromIncarnation;
  }

  /** True when there is anything to write. */
  get dirty(): boolean {
    return (
      this.moved ||
      this.fenceGrew ||
      this.segments.length > 0 ||
      this.addedPending.length > 0 ||
      this.removedPending.length > 0
    );
  }

  /** Forgets what was staged for the incarnation that just ended. */
  dropIncarnation(): void {
    this.segments = [];
    this.promoted = [];
    this.addedPending = [];
    this.removedPending = [];
    this.publish = [];
    // Nobody will ever hold what died before it was written: whoever asked for copies of it would ask for ever.
    this.edits = this.edits.map((edit) => ({ ...edit, written: undefined }));
    // The peers behind this one count what comes: whatever is part of a tree goes on, dead or alive.
    this.forwards = this.forwards.filter(({ message }) => message.ordinal > 0);
  }
}
