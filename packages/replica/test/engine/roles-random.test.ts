/** Roles that change at random while peers write, restart, and lose each other: what was acknowledged stays, and nobody gets stuck. */
import { expect, it } from "vitest";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor, textOf } from "./cluster.ts";

const NAMES = ["one", "two", "three"];
const STEPS = 120;

class Run {
  readonly cluster: Cluster;
  readonly acknowledged = new Map<string, string[]>(NAMES.map((name) => [name, []]));
  refused = 0;
  changes = 0;
  restarts = 0;
  readonly #paused = new Set<string>();
  readonly #configured = new Map<string, readonly string[]>();
  readonly #discovery: boolean;
  #seed: number;
  #request = 0;

  constructor(seed: number) {
    this.#seed = seed;
    this.cluster = new Cluster(seed);
    this.#discovery = seed % 2 === 0;
    for (let i = 0; i < 5; i++) {
      const before = this.cluster.peers.map(({ url }) => url);
      // A line at least; often more, and sometimes the other way round as well.
      const peers = [
        ...before.slice(-1),
        ...before.filter(() => this.#chance(0.4)),
        ...(this.#chance(0.3) ? ["ws://peer-5:1"] : []),
      ];
      const url = `ws://peer-${i + 1}:1`;
      const configured = [...new Set(peers)].filter((other) => other !== url);
      this.#configured.set(url, configured);
      this.cluster.add({ role: i === 0 ? "writer" : "follower", peers: configured, discovery: this.#discovery, url });
    }
  }

  step(): void {
    const peer = this.#pick(this.cluster.peers);
    const choice = this.#random();
    if (choice < 0.5) this.#write(peer);
    else if (choice < 0.7) this.setRole(peer, this.#chance(0.4) ? "writer" : "follower");
    else if (choice < 0.8) this.#cut(peer);
    else if (choice < 0.88) this.#pause(peer);
    else if (choice < 0.93) this.#restart(peer);
    else this.cluster.run(this.#random() * 3_000);
    this.cluster.run(this.#random() * 300);
  }

  heal(): void {
    for (const url of this.#paused)
      this.#pauseLinks(
        this.cluster.peers.find((peer) => peer.url === url)!,
        false,
      );
    this.#paused.clear();
  }

  setRole(peer: Peer, role: "writer" | "follower"): void {
    if (peer.replica.status(this.cluster.now).role !== role) this.changes++;
    this.cluster.step(peer, { type: "set-role", request: ++this.#request, role });
  }

  #write(peer: Peer): void {
    const name = this.#pick(NAMES);
    const token = `${peer.url.slice(10, 11)}.${Math.floor(this.#random() * 1e9).toString(36)} `;
    const editor = new Editor(this.cluster, peer, name);
    this.cluster.step(peer, ...peer.inbox.splice(0));
    editor.take().type(token);
    const { role } = peer.replica.status(this.cluster.now);
    this.cluster.step(peer, ...peer.inbox.splice(0));
    editor.take();
    if (editor.saved > 0) this.acknowledged.get(name)!.push(token);
    else this.refused++;
    expect(editor.saved > 0, `${role} at ${peer.url}`).toBe(role === "writer");
    this.cluster.step(peer, { type: "detach", subscriber: editor.subscriber });
  }

  #cut(peer: Peer): void {
    for (const other of this.cluster.peers) if (other !== peer && this.#chance(0.5)) this.cluster.cut(peer, other);
  }

  #pause(peer: Peer): void {
    const paused = !this.#paused.delete(peer.url);
    if (paused) this.#paused.add(peer.url);
    this.#pauseLinks(peer, paused);
  }

  #pauseLinks(peer: Peer, paused: boolean): void {
    this.cluster.step(peer, { type: "pause-links", peer: undefined, paused });
  }

  #restart(peer: Peer): void {
    this.restarts++;
    this.#paused.delete(peer.url);
    this.cluster.remove(peer);
    const { store, url } = peer;
    const peers = this.#configured.get(url) ?? [];
    const role = peer.replica.status(this.cluster.now).role;
    this.cluster.add({ store, url, peers, discovery: this.#discovery, role });
  }

  #pick<T>(items: readonly T[]): T {
    return items[Math.floor(this.#random() * items.length)]!;
  }

  #chance(probability: number): boolean {
    return this.#random() < probability;
  }

  #random(): number {
    this.#seed = (Math.imul(this.#seed ^ (this.#seed >>> 15), 0x2c1b3c6d) + 0x297a2d39) >>> 0;
    return this.#seed / 2 ** 32;
  }
}

it.each([1, 2, 3])("[ROL4, ROL9, ROL11] seed %i: every acknowledged write survives every change of roles", (seed) => {
  const run = new Run(seed);
  const { cluster } = run;
  cluster.run(2_000);
  for (let i = 0; i < STEPS; i++) run.step();
  run.heal();
  cluster.run(30_000);
  expect(cluster.peers.flatMap((peer) => peer.facts("reconciliation-stuck"))).toEqual([]);
  expect(
    cluster.peers.flatMap((peer) => peer.facts("link-refused")).filter(({ code }) => code === "YARROW_NOT_A_WRITER"),
  ).toEqual([]);
  for (const peer of cluster.peers) run.setRole(peer, "writer");
  cluster.until(() => cluster.equal, 60_000);
  for (const [name, tokens] of run.acknowledged) {
    const text = textOf(cluster.peers[0]!, name, cluster.now) ?? "";
    expect(tokens.filter((token) => !text.includes(token))).toEqual([]);
  }
  // One writer again: every follower is fed, by it or along the line.
  for (const peer of cluster.peers) if (peer.url !== "ws://peer-1:1") run.setRole(peer, "follower");
  cluster.run(5_000);
  new Editor(
    cluster,
    cluster.peers.find(({ url }) => url === "ws://peer-1:1")!,
    "last",
  ).type("x");
  cluster.until(
    () => cluster.peers.every((peer) => textOf(peer, "last", cluster.now) === "x") && cluster.equal,
    30_000,
  );
  expect([run.refused, run.changes, run.restarts].every((count) => count > 0)).toBe(true);
});
