/** What people do for an hour: they write, open and close tabs, delete documents, and make them anew. */
import type { Browser } from "./browser.ts";
import type { Cluster } from "./cluster.ts";
import { edit } from "./editing.ts";
import type { Embedded } from "./embedded.ts";
import type { SimulatedPeer } from "./peer.ts";
import type { Random } from "./random.ts";
import type { Spells } from "./spells.ts";

/** Documents that many people write in, and that are deleted at times. */
const BUSY = ["plan", "minutes", "recipe", "atlas", "ledger"];
const SMALL_DOCUMENTS = 60;
const TABS = 8;
const HANDLES = 3;
/** One of so many milliseconds, on average over spells of work and rests. */
const WRITE_EVERY_MS = 1_100;
const TAB_CHANGES_EVERY_MS = 15_000;
const DELETIONS = 24;
/** A document is deleted and made anew again and again, on several peers at once. */
const STORMS = 2;

export class Workload {
  readonly #cluster: Cluster;
  readonly #random: Random;
  #stopped = false;

  constructor(cluster: Cluster, spells: Spells, lengthMs: number) {
    this.#cluster = cluster;
    this.#random = cluster.random.fork();
    for (let tab = 0; tab < TABS; tab++) this.#openTab(this.#random.pick(BUSY));
    const plan = (times: readonly number[], action: () => void): void => {
      for (const time of times) cluster.timeline.at(time, () => void (this.#stopped || action()));
    };
    plan(spells.times(Math.round(lengthMs / WRITE_EVERY_MS), 0, lengthMs), () => this.#write());
    plan(spells.times(Math.round(lengthMs / TAB_CHANGES_EVERY_MS), 0, lengthMs), () => this.#changeTabs());
    plan(spells.times(DELETIONS, 60_000, lengthMs - 120_000), () => this.#delete());
    plan(spells.times(cluster.severe ? STORMS : 0, 60_000, lengthMs - 120_000), () => this.#storm());
  }

  /** Within seconds, several people delete a document and make it anew, each at a peer of their own. */
  #storm(): void {
    const random = this.#random;
    const name = random.pick(BUSY);
    this.#cluster.counters.storms++;
    for (let turn = random.between(4, 10); turn > 0; turn--) {
      this.#cluster.timeline.after(random.between(0, 8_000), () => {
        const peer = this.#runningPeer();
        if (peer === undefined || this.#stopped) return;
        if (random.chance(0.6)) return this.#cluster.deleteDocument(name, peer);
        const editors = this.#cluster.browsers.filter((tab) => tab.name === name && this.#writesAt(tab.peer));
        const tab = random.pickOrNone(editors) ?? this.#openTab(name);
        if (!tab.editor.destroyed) edit(tab.editor);
      });
    }
  }

  /** Nobody writes any more; stale tabs are closed. */
  stop(): void {
    this.#stopped = true;
    for (const browser of [...this.#cluster.browsers]) if (browser.stale) this.#cluster.closeTab(browser);
  }

  #write(): void {
    const { browsers, handles } = this.#cluster;
    const all = [...browsers, ...handles];
    const atWriters = all.filter(({ peer }) => peer.role === "writer");
    // Most of those who only read know that they do.
    const some = atWriters.length === all.length || this.#random.chance(0.03) ? all : atWriters;
    const writer = this.#random.pickOrNone<Browser | Embedded>(some);
    if (writer === undefined) return;
    const edits = this.#random.chance(0.02) ? this.#random.between(3, 15) : 1;
    for (let count = 0; count < edits; count++) edit(writer.editor);
    if ("awaitCopies" in writer && this.#random.chance(0.2)) writer.awaitCopies(1);
  }

  #changeTabs(): void {
    const { browsers, handles, peers } = this.#cluster;
    if (browsers.length > TABS) this.#cluster.closeTab(this.#random.pick(browsers));
    const small = this.#random.chance(0.6);
    const tab = this.#openTab(small ? `note/${this.#random.between(1, SMALL_DOCUMENTS)}` : this.#random.pick(BUSY));
    if (small && this.#writesAt(tab.peer)) edit(tab.editor);
    else if (!small) this.#burst(tab.name);
    if (browsers.length > TABS + 3) this.#cluster.closeTab(browsers[0] as Browser);
    const running = peers.filter((peer) => peer.running);
    if (handles.length < HANDLES && running.length > 0) {
      this.#cluster.openHandle(this.#random.pick(BUSY), this.#random.pick(running));
    }
  }

  /** Everybody in a document writes while a tab is joining it. */
  #burst(name: string): void {
    for (const { editor, peer } of this.#cluster.browsers.filter((tab) => tab.name === name && tab.attached)) {
      if (!this.#writesAt(peer)) continue;
      for (let count = 0; count < 3; count++) {
        this.#cluster.timeline.after(this.#random.between(1, 400), () => {
          if (!editor.destroyed) edit(editor);
        });
      }
    }
  }

  /** Deletes a document, and has somebody make it anew a while later, there or elsewhere. */
  #delete(): void {
    const random = this.#random;
    const peer = this.#runningPeer();
    if (peer === undefined) return;
    const name = random.pick(BUSY);
    this.#burst(name);
    this.#cluster.timeline.after(random.between(0, 400), () => this.#cluster.deleteDocument(name, peer));
    this.#cluster.timeline.after(random.exponential(random.chance(0.5) ? 100 : 8_000), () => {
      if (this.#stopped) return;
      const tab = this.#openTab(name);
      if (this.#writesAt(tab.peer)) edit(tab.editor);
    });
  }

  #writesAt(peer: SimulatedPeer): boolean {
    return peer.role === "writer" || this.#random.chance(0.1);
  }

  #runningPeer(): SimulatedPeer | undefined {
    const running = this.#cluster.peers.filter((peer) => peer.running);
    const writers = running.filter((peer) => peer.role === "writer");
    return this.#random.pickOrNone(writers.length === running.length || this.#random.chance(0.1) ? running : writers);
  }

  #openTab(name: string): Browser {
    const random = this.#random;
    const { peers } = this.#cluster;
    const writers = peers.filter(({ role }) => role === "writer");
    const some = writers.length === peers.length || writers.length === 0 || random.chance(0.4) ? peers : writers;
    return this.#cluster.openTab(name, random.pick(some), {
      stubborn: random.chance(0.4),
      roams: random.chance(0.4),
      budgetBytes: random.chance(0.5) ? 2_048 : 65_536,
    });
  }
}
