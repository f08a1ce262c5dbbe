/** A few peers and tabs in one document, for tests that tell a story step by step. */
import { readRoots } from "@yarrow/replica";
import { checkConvergence, checkEditor, haveEqualRoots } from "../src/checkers/convergence.ts";
import type { Browser } from "../src/browser.ts";
import { Cluster } from "../src/cluster.ts";
import type { SimulatedPeer } from "../src/peer.ts";

const NAME = "page";
/** Longer than anything takes that is not told to wait. */
const STEP_MS = 5_000;
/** Longer than a tab waits before it tries again, and than a page takes to load anew. */
const A_WHILE_MS = 90_000;

export class Scene {
  readonly cluster: Cluster;
  readonly a: SimulatedPeer;
  readonly b: SimulatedPeer;

  constructor(seed = 1) {
    this.cluster = new Cluster({ seed, adversarial: false, replicaConfig: {} });
    this.a = this.cluster.addPeer();
    this.b = this.cluster.addPeer({ peers: [this.a.settings.url] });
    this.while();
  }

  /** Time passes: everything under way arrives. */
  while(ms = A_WHILE_MS): this {
    this.cluster.run(ms);
    return this;
  }

  /** A tab that is connected and shows what its peer holds. */
  tab(peer: SimulatedPeer): Browser {
    const browser = this.cluster.openTab(NAME, peer);
    this.while(STEP_MS);
    return browser;
  }

  /** Someone types a word at the end. */
  type(browser: Browser, word: string): this {
    const { text } = browser.editor;
    text.insert(text.length, `${word} `);
    return this.while(STEP_MS);
  }

  delete(peer: SimulatedPeer): this {
    this.cluster.deleteDocument(NAME, peer);
    return this.while(STEP_MS);
  }

  part(): this {
    this.cluster.cut([this.a], [this.b]);
    for (const connection of this.cluster.network.between(this.a.place, this.b.place)) connection.break();
    return this.while(1_000);
  }

  heal(): this {
    this.cluster.heal([this.a], [this.b]);
    return this.while();
  }

  /** The tab loses its network; what it holds stays. */
  goOffline(browser: Browser): this {
    for (const { place } of this.cluster.peers) {
      this.cluster.network.cut(browser.place, place);
      this.cluster.network.cut(place, browser.place);
    }
    browser.connection?.break();
    return this.while(1_000);
  }

  /** The tab is back, at this peer. */
  comeBack(browser: Browser, peer: SimulatedPeer): this {
    browser.peer = peer;
    for (const { place } of this.cluster.peers) {
      this.cluster.network.heal(browser.place, place);
      this.cluster.network.heal(place, browser.place);
    }
    return this.while();
  }

  restart(peer: SimulatedPeer): this {
    peer.crash(0);
    peer.start();
    return this.while();
  }

  /** Puts an older copy of its disk back. */
  restore(peer: SimulatedPeer, copy: SimulatedPeer["disk"]): this {
    peer.crash(0);
    peer.disk = copy;
    this.cluster.forgive(peer);
    peer.start();
    return this.while();
  }

  /** The words that a peer's disk holds, sorted; undefined when the document is deleted. */
  words(peer: SimulatedPeer): string[] | undefined {
    const document = peer.disk.inspector.document(NAME);
    if (document === undefined || document.row.incarnation % 2 === 0) return undefined;
    const value = readRoots(document.parts(), document.deleteSet()).text?.value;
    return (typeof value === "string" ? value : "")
      .split(" ")
      .filter((word) => word !== "")
      .sort();
  }

  /** What both peers agree on; throws when they do not agree, or a tab shows something else. */
  agreed(): string[] | undefined {
    this.cluster.runUntil(() => haveEqualRoots(this.cluster.peers), 60_000);
    const agreed = checkConvergence(this.cluster.peers);
    for (const browser of this.cluster.browsers) {
      if (browser.attached) checkEditor(browser.editor, browser.place, agreed);
    }
    this.cluster.ledger.check();
    return this.words(this.a);
  }
}
