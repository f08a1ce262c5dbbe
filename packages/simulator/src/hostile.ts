/**
 * A member of the cluster that lies: whatever it sends is well formed, and wrong. It stays with one peer for a while, answers its questions
 * with inventions, asks with false summaries, claims copies it does not have, tells of lives long ended, and at times goes by the
 * name of an honest peer. What it may not do is in its power by design: a writer can write and delete, and awareness is believed.
 * So it writes only under client ids of its own, deletes nothing, and forges the awareness of nobody but ghosts.
 */
import type { DocumentSummary, Incarnation, Message, NodeContent, PeerId, ProcessId } from "@yarrow/protocol";
import { decodeFrame, encodeFrame, encodeMessage, FINGERPRINT_VERSION, PROTOCOL_VERSION } from "@yarrow/protocol";
import { PROTOCOL_VERSION_MIN } from "@yarrow/protocol";
import type { DocumentRow } from "@yarrow/replica";
import * as Y from "yjs";
import { HOSTILE } from "./checkers/traffic.ts";
import type { Cluster } from "./cluster.ts";
import type { Connection } from "./network.ts";
import type { SimulatedPeer } from "./peer.ts";
import type { Random } from "./random.ts";

/** How often per hour it comes, and how long it stays. */
const VISITS = 10;
const VISIT_MS = [5_000, 60_000] as const;
const LIE_EVERY_MS = 300;

interface Visit {
  readonly connection: Connection;
  readonly peer: SimulatedPeer;
  readonly id: ProcessId;
}

export class Hostile {
  readonly #cluster: Cluster;
  readonly #random: Random;
  #visit: Visit | undefined;
  #sequence = 0;
  #stopped = false;

  constructor(cluster: Cluster, random: Random, lengthMs: number) {
    this.#cluster = cluster;
    this.#random = random;
    for (const time of random.times(VISITS, 30_000, lengthMs - 90_000)) {
      cluster.timeline.at(time, () => this.#come());
    }
  }

  /** It goes for good. */
  stop(): void {
    this.#stopped = true;
    this.#leave();
  }

  #come(): void {
    const { network, peers, timeline } = this.#cluster;
    const random = this.#random;
    const peer = random.pickOrNone(peers.filter(({ running }) => running));
    if (this.#stopped || peer === undefined) return;
    this.#leave();
    const connection = network.connect(HOSTILE, peer.place, true);
    const visit: Visit = { connection, peer, id: random.hex(16) as ProcessId };
    this.#visit = visit;
    connection.listen(0, {
      frame: (bytes) => {
        for (const message of decodeFrame(bytes)) if (visit === this.#visit) this.#answer(message);
      },
      closed: () => {
        if (visit === this.#visit) this.#visit = undefined;
      },
    });
    peer.acceptLink(connection);
    this.#greet(visit.id);
    timeline.after(random.between(...VISIT_MS), () => {
      if (visit === this.#visit) this.#leave();
    });
    this.#goOn(visit);
  }

  #leave(): void {
    this.#visit?.connection.break();
    this.#visit = undefined;
  }

  #goOn(visit: Visit): void {
    this.#cluster.timeline.after(this.#random.exponential(LIE_EVERY_MS), () => {
      if (visit !== this.#visit) return;
      this.#lie(visit.peer, visit.id);
      this.#goOn(visit);
    });
  }

  #send(...messages: Message[]): void {
    this.#cluster.counters.hostileLies += messages.length;
    this.#visit?.connection.send(0, encodeFrame(messages.map(encodeMessage)));
  }

  /** At times under the name of an honest peer. */
  #greet(processId: ProcessId): void {
    const random = this.#random;
    const { peers, clusterId } = this.#cluster;
    const peerId = random.chance(0.5) ? random.pick(peers).disk.store.readPeerId() : (random.hex(32) as PeerId);
    this.#send({
      type: "hello",
      protocolMin: PROTOCOL_VERSION_MIN,
      protocolMax: PROTOCOL_VERSION,
      fingerprintVersion: FINGERPRINT_VERSION,
      features: random.word(),
      clusterId,
      peerId,
      processId,
      role: "writer",
      addresses: [],
      follows: false,
      lastSequence: random.between(0, 10_000),
      publicKey: new Uint8Array(0),
      nonce: new Uint8Array(0),
      wish: "keep",
    });
  }

  #answer(message: Message): void {
    const random = this.#random;
    if (message.type === "ping")
      this.#send({ type: "pong", sequence: message.sequence, stopwatchMs: random.between(0, 9_999) });
    else if (message.type === "nodes-ask") {
      this.#send({
        type: "nodes",
        round: message.round,
        answered: message.paths.length,
        nodes: message.paths.map((path) => this.#node(path)),
      });
    } else if (message.type === "documents-ask") {
      const documents = message.summaries.map(({ name, incarnation }) => ({
        name,
        incarnation: Math.max(0, incarnation - random.between(0, 1)),
        fence: [],
        update: new Uint8Array(0),
        summary: this.#summary(name, incarnation),
      }));
      this.#send({ type: "documents", round: message.round, reply: true, documents, omitted: [] });
    }
  }

  #lie(peer: SimulatedPeer, origin: ProcessId): void {
    const random = this.#random;
    const row = random.pickOrNone(peer.disk.store.listDocuments({ limit: 100, include: "all" }));
    const sequence = ++this.#sequence;
    const root = random.bytes(16);
    switch (random.between(1, 8)) {
      case 1:
        return this.#send({
          type: "digest",
          root,
          documents: random.word(),
          answer: random.chance(0.5),
          lastSequence: sequence,
        });
      case 2:
        return this.#send({
          type: "nodes",
          round: sequence,
          answered: 1,
          nodes: [this.#node(random.hex(random.between(0, 3)))],
        });
      case 3:
        if (row === undefined) return;
        return this.#send({
          type: "documents-ask",
          round: sequence,
          summaries: [this.#summary(row.name, row.incarnation)],
          keys: [],
        });
      case 4:
        return this.#tellOfOldLife(row, origin, sequence);
      case 5:
        if (this.#cluster.peers.some(({ settings }) => settings.copies !== undefined)) return;
        return this.#send({
          type: "acknowledge",
          origin: peer.processId ?? origin,
          sequence: random.between(1, 500),
          peerId: random.pick(this.#cluster.peers).disk.store.readPeerId(),
        });
      case 6:
        return this.#send({
          type: "cover-ask",
          origin,
          sequence,
          subject: sequence,
          name: row?.name ?? "x",
          incarnation: 1,
          contribution: random.bytes(9),
        });
      case 7:
        return this.#send({
          type: "presence",
          origin,
          sequence,
          name: row?.name ?? "x",
          states: [{ clientId: random.word(), clock: random.word(), state: "{}" }],
        });
      default:
        return this.#write(peer, row, origin, sequence);
    }
  }

  /** An update that belongs to an earlier life, under an id that may have been used before for something else. */
  #tellOfOldLife(row: DocumentRow | undefined, origin: ProcessId, sequence: number): void {
    if (row === undefined || row.incarnation < 2) return;
    const incarnation = this.#random.between(1, row.incarnation - 1);
    const segments = [{ principal: "nobody", update: this.#next({ name: row.name, incarnation }, 0) }];
    const reused = this.#random.chance(0.3) ? Math.max(1, sequence - 5) : sequence;
    this.#send({
      type: "broadcast",
      origin,
      sequence: reused,
      name: row.name,
      incarnation,
      fence: [],
      ordinal: this.#random.pick([0, sequence]),
      segments,
      ageMs: 0,
    });
  }

  /** To a writer it may send content of its own: often what refers to something that never comes. */
  #write(peer: SimulatedPeer, row: DocumentRow | undefined, origin: ProcessId, sequence: number): void {
    if (peer.role !== "writer" || row === undefined || row.incarnation % 2 === 0) return;
    // At times so much that what waits in a document is more than may.
    const long = this.#random.chance(0.2) ? 3_000 : 4;
    const update = this.#next(row, this.#random.chance(0.7) ? 1 : 0, long);
    const segments = [{ principal: "nobody", update }];
    this.#send({
      type: "broadcast",
      origin,
      sequence,
      name: row.name,
      incarnation: row.incarnation,
      fence: [],
      ordinal: this.#random.pick([0, sequence]),
      segments,
      ageMs: this.#random.word(),
    });
  }

  /** An update of a client of its own, after so many that nobody will ever be sent. */
  #next(life: Pick<DocumentRow, "name" | "incarnation">, unsent: number, characters = 4): Uint8Array {
    const doc = new Y.Doc({ guid: this.#random.hex(16) });
    doc.clientID = this.#random.between(2 ** 32, 2 ** 53 - 1);
    let update: Uint8Array = new Uint8Array(0);
    doc.on("update", (bytes: Uint8Array) => {
      update = bytes;
      // Checkers take it for what it is: written by somebody, and sent to whoever takes it.
      this.#cluster.own(doc.clientID, life, bytes);
    });
    for (let count = 0; count <= unsent; count++) doc.getText("text").insert(0, this.#random.hex(characters));
    doc.destroy();
    return update;
  }

  #node(path: string): NodeContent {
    const random = this.#random;
    if (random.chance(0.5)) return { path, kind: "children", sums: Array.from({ length: 16 }, () => random.bytes(16)) };
    const store = random.pick(this.#cluster.peers).disk.store;
    const rows = store.listDocumentsByKey("", 40).filter(({ key }) => key.startsWith(path));
    return { path, kind: "items", items: rows.map(({ key }) => ({ key, digest: random.bytes(16) })) };
  }

  /** Clients that nobody is, with clocks that nobody has. */
  #summary(name: string, incarnation: Incarnation): DocumentSummary {
    const random = this.#random;
    const lower = Math.max(0, incarnation - random.between(0, 1));
    const clients = Array.from({ length: random.between(0, 3) }, (_, index) => ({
      client: 1_000 + index,
      clock: random.between(1, 1_000),
      deletes: random.word(),
    }));
    return { name, incarnation: lower, fence: [], clients };
  }
}
