/** A writer and a chain of followers on one clock, and what is true of their lag: how old the oldest write is that one lacks. */
import { decodeStateVector } from "../../src/document/state-vector.ts";
import { Cluster, Editor } from "../engine/cluster.ts";
import type { Peer } from "../engine/cluster.ts";

export class Chain {
  readonly cluster = new Cluster();
  readonly writer: Peer;
  /** In order of their distance to the writer. */
  readonly followers: Peer[] = [];
  readonly editor: Editor;
  /** When each write was committed at the writer. */
  readonly #committedAt: number[] = [];
  /** The largest difference seen between what a follower says and what is true, with where it was. */
  worst = { errorMs: 0, follower: 0, saidMs: 0, trueMs: 0, at: 0 };
  samples = 0;
  /** The largest true lag seen. */
  trueMsMax = 0;

  constructor(length: number, latencyMs: number, config: Parameters<Cluster["add"]>[0] = {}) {
    this.cluster.latencyMs = latencyMs;
    this.writer = this.cluster.add({ discovery: false, ...config });
    let upstream = this.writer;
    for (let i = 0; i < length; i++) {
      const url = upstream.url;
      upstream = this.cluster.add({ ...config, role: "follower", discovery: false, peers: [url] });
      this.followers.push(upstream);
    }
    this.editor = new Editor(this.cluster, this.writer, "n");
    this.cluster.run(1);
  }

  write(): void {
    this.editor.type("x");
    this.cluster.step(this.writer, ...this.writer.inbox.splice(0));
    this.#committedAt.push(this.cluster.now);
  }

  /** Runs for so long, writing every `everyMs` (never when 0), and holds every follower's word against the truth each ms. */
  run(ms: number, everyMs: number, check = true): void {
    for (let i = 0; i < ms; i++) {
      if (everyMs > 0 && i % everyMs === 0) this.write();
      this.cluster.run(1);
      if (check) for (const follower of this.followers.keys()) this.#compare(follower);
    }
  }

  trueMs(follower: Peer): number {
    const entry = decodeStateVector(follower.replica.stateVector("n", this.cluster.now));
    const held = entry.get(this.editor.doc.clientID) ?? 0;
    const committedAt = this.#committedAt[held];
    return committedAt === undefined ? 0 : this.cluster.now - committedAt;
  }

  saidMs(follower: Peer): number | undefined {
    return follower.replica.status(this.cluster.now).lag.lagMs;
  }

  #compare(index: number): void {
    const follower = this.followers[index]!;
    const trueMs = this.trueMs(follower);
    const saidMs = this.saidMs(follower) ?? Number.POSITIVE_INFINITY;
    const errorMs = Math.abs(saidMs - trueMs);
    this.samples++;
    this.trueMsMax = Math.max(this.trueMsMax, trueMs);
    if (errorMs > this.worst.errorMs) this.worst = { errorMs, follower: index, saidMs, trueMs, at: this.cluster.now };
  }
}
