/** The other end of a link, played by the test: says what it is told to say, and reads what it hears. */
import type { Broadcast, Hello, Message, PeerId, ProcessId, Role } from "@yarrow/protocol";
import { decodeFrame, encodeFrame, encodeMessage, FINGERPRINT_VERSION, PROTOCOL_VERSION } from "@yarrow/protocol";
import * as Y from "yjs";
import type { Peer } from "../engine/cluster.ts";
import { Cluster, CLUSTER } from "../engine/cluster.ts";

let nextPuppet = 1;

export class Puppet {
  readonly link = 1_000 + nextPuppet;
  readonly processId = (0x9000 + nextPuppet).toString(16).padStart(16, "0") as ProcessId;
  readonly #cluster: Cluster;
  readonly #peer: Peer;
  #read: number;

  constructor(cluster: Cluster, peer: Peer, options: { readonly version?: number; readonly role?: Role } = {}) {
    this.#cluster = cluster;
    this.#peer = peer;
    this.#read = peer.effects.length;
    const hello: Hello = {
      type: "hello",
      protocolMin: 1,
      protocolMax: options.version ?? PROTOCOL_VERSION,
      fingerprintVersion: FINGERPRINT_VERSION,
      features: 0,
      clusterId: CLUSTER,
      peerId: (0x9000 + nextPuppet++).toString(16).padStart(32, "0") as PeerId,
      processId: this.processId,
      role: options.role ?? "writer",
      addresses: [],
      follows: false,
      lastSequence: 0,
      publicKey: new Uint8Array(),
      nonce: new Uint8Array(),
      wish: "keep",
    };
    cluster.step(peer, { type: "link-opened", link: this.link, dialled: undefined });
    this.say(hello);
    this.heard();
  }

  say(...messages: Message[]): this {
    const bytes = encodeFrame(messages.map(encodeMessage));
    this.#cluster.step(this.#peer, { type: "link-frame", link: this.link, bytes });
    return this;
  }

  end(): void {
    this.#cluster.step(this.#peer, { type: "link-closed", link: this.link, reason: "cut" });
  }

  /** Everything about broadcasts, and broadcasts, since the last time. */
  heard(): Message[] {
    const messages = this.#messages();
    return messages.filter(({ type }) => ["broadcast", "have", "graft", "prune", "gone", "cover-ask"].includes(type));
  }

  /** The types of all that was said since the last time, rounds included. */
  types(): string[] {
    return this.#messages().map(({ type }) => type);
  }

  #messages(): Message[] {
    const sent = this.#peer.effects.slice(this.#read);
    this.#read = this.#peer.effects.length;
    const frames = sent.flatMap((effect) => (effect.type === "send" && effect.link === this.link ? effect.frames : []));
    return frames.flatMap((frame) => decodeFrame(frame));
  }
}

/** Broadcasts of one origin: each adds a letter to the document "n". */
export class Author {
  readonly origin: ProcessId;
  readonly #doc = new Y.Doc();
  readonly #updates: Uint8Array[] = [];
  #sequence = 0;

  constructor(origin = "ee".repeat(8)) {
    this.origin = origin as ProcessId;
    this.#doc.clientID = Number.parseInt(origin.slice(0, 4), 16);
    this.#doc.on("update", (update: Uint8Array) => this.#updates.push(update));
  }

  /** The next one. */
  write(changes: Partial<Broadcast> = {}): Broadcast {
    this.#doc.getText("t").insert(this.#sequence++, "x");
    return {
      type: "broadcast",
      origin: this.origin,
      sequence: this.#sequence,
      name: "n",
      incarnation: 1,
      fence: [],
      segments: [{ principal: "", update: this.#updates.at(-1)! }],
      ageMs: 0,
      ordinal: this.#sequence,
      ...changes,
    };
  }
}

/** A replica with links whose other ends are played. */
export function stage(count: number, config: Parameters<Cluster["add"]>[0] = {}) {
  const cluster = new Cluster();
  const peer = cluster.add({ discovery: false, ...config });
  const puppets = Array.from({ length: count }, () => new Puppet(cluster, peer)) as [Puppet, Puppet, ...Puppet[]];
  return { cluster, peer, puppets };
}

/** Ranges of one origin, as they are told. */
export function ranges(origin: ProcessId, ...list: (readonly [number, number])[]) {
  return [{ origin, ranges: list.map(([from, to]) => ({ from, to })) }];
}
