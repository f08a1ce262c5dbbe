/**
 * One round: what this peer, as the asker, has yet to compare with the other side of a link. One question is out at a time.
 */
import type { DocumentKey, NodeContent, NodePath, TreeItem } from "@yarrow/protocol";
import { toHex } from "@yarrow/protocol";
import type { LinkId } from "../event.ts";
import type { LagMark } from "../lag/link-lag.ts";
import type { SetTree } from "../set-tree/set-tree.ts";

/** Below a path this long lies one document at most. */
const KEY_DIGITS = 16;

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
  readonly paths: NodePath[] = [""];
  /** Nodes whose content was asked for and has not come. */
  readonly #asked = new Set<NodePath>();
  readonly #local: LocalTask[] = [];
  /** Documents found to differ and not yet asked for. */
  readonly differing = new Set<DocumentKey>();
  /** Documents that changed on either side, and their payload. */
  changed = 0;
  bytes = 0;
  skipped = 0;
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
  }) {
    this.id = options.id;
    this.link = options.link;
    this.mark = options.mark;
    this.startedAt = options.now;
    this.deadline = options.deadline;
    this.phase = options.phase;
    this.skipBusy = options.skipBusy;
  }

  /** The next nodes to ask for. */
  ask(count: number): NodePath[] {
    const paths = this.paths.splice(0, count);
    for (const path of paths) this.#asked.add(path);
    return paths;
  }

  /** Takes in what the other side has below the nodes that were asked for; whatever else it says is not listened to. */
  take(nodes: readonly NodeContent[], tree: SetTree): void {
    for (const content of nodes) {
      if (!this.#asked.delete(content.path)) continue;
      if (content.kind === "items") this.#local.push({ path: content.path, theirs: content.items });
      else this.#takeChildren(content.path, content.sums, tree);
    }
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
      if (toHex(mine[digit]!) !== toHex(theirs[digit]!)) this.paths.push(path + digit.toString(16));
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
