/**
 * One round: what this peer, as the asker, has yet to compare with the other side of a link. One question is out at a time.
 */
import type { DocumentKey, NodeContent, NodePath, TreeItem } from "@yarrow/protocol";
import { equalBytes, toHex } from "@yarrow/protocol";
import type { LinkId } from "../event.ts";
import type { LagMark } from "../lag/link-lag.ts";
import type { SetTree } from "../set-tree/set-tree.ts";
import type { SliceLimits } from "./slices.ts";
import { isBare, isSparse, slicesOf } from "./slices.ts";

/** Below a path this long lies one document at most. */
const KEY_DIGITS = 16;
/** Nodes that wait to be asked for, above which a round goes on at its end: depth first, so that no answerer makes it remember more and more. */
export const PATHS_IN_BREADTH_MAX = 4_096;

export type RoundPhase = "descend" | "documents" | "return" | "stream" | "verify";

/** Part of the tree where one side is a leaf: compared here, without asking. */
interface LocalTask {
  readonly path: NodePath;
  readonly theirs: readonly TreeItem[];
}

export class Round {
  readonly id: number;
  readonly link: LinkId;
  /** What the link knew of gaps when it began. */
  readonly mark: LagMark;
  readonly startedAt: number;
  phase: RoundPhase;
  /** Given up when nothing is heard by then. */
  deadline: number;
  /** Leaves busy documents to live push. */
  readonly skipBusy: boolean;
  /** Nodes whose content is still to be asked for. */
  readonly paths: NodePath[] = [];
  /** Nodes whose content was asked for and has not come, in the order of the question; true where we said what we hold below. */
  readonly #asked = new Map<NodePath, boolean>();
  /** Parts of which we hold next to nothing, to be streamed. */
  readonly sparse: NodePath[] = [];
  /** Parts that are being streamed, and the keys they go through ("" = to the end): the one that is taken in, and the one asked for. */
  readonly streams: {
    readonly path: NodePath;
    /** Where it has come to. */
    after: DocumentKey | "";
    readonly through: DocumentKey | "";
  }[] = [];
  /** Something was asked for by stream. */
  streamed = false;
  /** What the other side held when it last told; 0 = nothing is streamed because of it. */
  readonly #theirDocuments: number;
  readonly #limits: SliceLimits;
  readonly #local: LocalTask[] = [];
  /** Documents found to differ and not yet asked for. */
  readonly differing = new Set<DocumentKey>();
  /** Documents that changed on either side, and their payload. */
  changed = 0;
  bytes = 0;
  skipped = 0;
  /** Parts that another link is streaming. */
  left = 0;
  /** Documents in the question that is out. */
  asked = 0;
  /** Documents of which the other side has nothing that we lack, and those it could not tell about. */
  ahead = 0;
  untold = 0;
  /** Something it brought could not be committed. */
  refused = false;

  constructor(options: {
    readonly id: number;
    readonly link: LinkId;
    readonly mark: LagMark;
    readonly now: number;
    readonly deadline: number;
    readonly phase: RoundPhase;
    readonly skipBusy: boolean;
    readonly theirDocuments: number;
    readonly limits: SliceLimits;
  }) {
    this.id = options.id;
    this.link = options.link;
    this.mark = options.mark;
    this.startedAt = options.now;
    this.deadline = options.deadline;
    this.phase = options.phase;
    this.skipBusy = options.skipBusy;
    this.#theirDocuments = options.theirDocuments;
    this.#limits = options.limits;
  }

  /** Looks at the whole set: what we hold next to nothing of is to be streamed, the rest compared. */
  begin(tree: SetTree): void {
    this.#add("", tree);
  }

  /** The next nodes to ask for, with the sums of their children where they are split here. Leaves out those that `skip` says. */
  ask(
    count: number,
    tree: SetTree,
    skip: (path: NodePath) => boolean,
  ): { readonly paths: NodePath[]; readonly sums: (Uint8Array[] | undefined)[] } {
    const paths: NodePath[] = [];
    const sums: (Uint8Array[] | undefined)[] = [];
    this.#asked.clear();
    const from = this.paths.length > PATHS_IN_BREADTH_MAX ? Math.max(0, this.paths.length - count) : 0;
    for (const path of this.paths.splice(from, count)) {
      if (skip(path)) {
        this.left++;
        continue;
      }
      const own = tree.isSplit(path) ? tree.children(path) : undefined;
      paths.push(path);
      sums.push(own);
      this.#asked.set(path, own !== undefined);
    }
    return { paths, sums };
  }

  /**
   * Takes in what the other side has below the nodes that were asked for; whatever else it says is not listened to. `answered`: it came
   * no further than that in the question; 0 = to its end.
   */
  take(nodes: readonly NodeContent[], answered: number, tree: SetTree): void {
    const asked = [...this.#asked.keys()];
    const heard = new Set<NodePath>();
    for (const content of nodes) {
      const { path } = content;
      if (heard.has(path) || !(this.#asked.has(path) || this.#asked.get(path.slice(0, -1)) === true)) continue;
      heard.add(path);
      // A child of what was asked about: its parent was not sparse, but it may be.
      if (!this.#asked.has(path) && this.#isSparse(path, tree)) this.#add(path, tree);
      else if (content.kind === "items") this.#local.push({ path, theirs: content.items });
      else this.#takeChildren(path, content.sums, tree);
    }
    if (answered > 0) this.paths.unshift(...asked.slice(answered));
    this.#asked.clear();
  }

  /** Compares leaves until `enough` differing documents are known or nothing is left to compare here. */
  compare(tree: SetTree, enough: number): void {
    while (this.differing.size < enough) {
      const task = this.#local.pop();
      if (task === undefined) return;
      const mine = tree.items(task.path);
      if (mine !== undefined) {
        this.#compareItems(mine, task.theirs);
        continue;
      }
      for (const digit of "0123456789abcdef") {
        const path = task.path + digit;
        this.#local.push({ path, theirs: task.theirs.filter((item) => item.key.startsWith(path)) });
      }
    }
  }

  get comparing(): boolean {
    return this.#local.length > 0;
  }

  #takeChildren(path: NodePath, theirs: readonly Uint8Array[], tree: SetTree): void {
    if (path.length >= KEY_DIGITS) return;
    const mine = tree.children(path);
    for (let digit = 0; digit < 16; digit++) {
      if (!equalBytes(mine[digit]!, theirs[digit]!)) this.#add(path + digit.toString(16), tree);
    }
  }

  #add(path: NodePath, tree: SetTree): void {
    if (isSparse(this.#limits, tree, path, this.#theirDocuments))
      this.sparse.push(...slicesOf(this.#limits, path, this.#theirDocuments));
    else this.paths.push(path);
  }

  #isSparse(path: NodePath, tree: SetTree): boolean {
    return isSparse(this.#limits, tree, path, this.#theirDocuments);
  }

  /** The next part that is to be streamed and is still sparse. */
  nextSparse(tree: SetTree): NodePath | undefined {
    for (;;) {
      const path = this.sparse.shift();
      if (path === undefined || isBare(tree, path, this.#theirDocuments)) return path;
      this.left++;
    }
  }

  #compareItems(mine: readonly TreeItem[], theirs: readonly TreeItem[]): void {
    const digests = new Map(mine.map((item) => [item.key, toHex(item.digest)]));
    for (const item of theirs) {
      if (digests.get(item.key) !== toHex(item.digest)) this.differing.add(item.key);
      digests.delete(item.key);
    }
    for (const key of digests.keys()) this.differing.add(key);
  }
}
