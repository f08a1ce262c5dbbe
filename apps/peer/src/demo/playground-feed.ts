/**
 * What the playground shows under its editors: each peer's status and the fingerprint of the documents that pages watch,
 * asked of the peers a few times a second while a page listens, and never otherwise.
 */
import { isDeepStrictEqual } from "node:util";
import type { DocumentInfo } from "@yarrow/core";
import { withPeer } from "../control.ts";
import type { RunningPeer, StatusReport } from "../control.ts";
import type { PeerProcess } from "./peer-process.ts";

export interface DocumentReport {
  readonly name: string;
  readonly state: DocumentInfo["state"];
  readonly incarnation: number;
  readonly fingerprint: string;
}

export interface FeedEvent {
  readonly peer: string;
  /** Null when the peer is down. */
  readonly status: StatusReport | null;
  readonly documents: Readonly<Record<string, Omit<DocumentReport, "name">>>;
}

const CHECK_INTERVAL_MS = 250;

/** Pages that listen at once. */
const LISTENERS_MAX = 64;

interface Listener {
  readonly document: string | undefined;
  readonly send: (event: FeedEvent) => void;
  readonly lastByPeer: Map<string, FeedEvent>;
}

export class PlaygroundFeed {
  readonly #peers: readonly PeerProcess[];
  readonly #listeners = new Set<Listener>();
  #timer: NodeJS.Timeout | undefined;
  #checking = false;

  constructor(peers: readonly PeerProcess[]) {
    this.#peers = peers;
  }

  /** Sends what each peer says now, and then whenever it says something else, until the returned function is called. Undefined: too many listen. */
  listen(document: string | undefined, send: (event: FeedEvent) => void): (() => void) | undefined {
    if (this.#listeners.size >= LISTENERS_MAX) return undefined;
    const listener: Listener = { document, send, lastByPeer: new Map() };
    this.#listeners.add(listener);
    this.#timer ??= setInterval(() => void this.#check(), CHECK_INTERVAL_MS);
    void this.#check();
    return () => {
      this.#listeners.delete(listener);
      if (this.#listeners.size === 0) this.close();
    };
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#listeners.clear();
  }

  async #check(): Promise<void> {
    if (this.#checking) return;
    this.#checking = true;
    const names = new Set([...this.#listeners].flatMap((listener) => listener.document ?? []));
    await Promise.all(this.#peers.map((peer) => this.#checkPeer(peer, names)));
    this.#checking = false;
  }

  async #checkPeer(peer: PeerProcess, names: ReadonlySet<string>): Promise<void> {
    const seen = await readPeer(peer, names);
    for (const listener of this.#listeners) {
      const { document } = listener;
      const report = document === undefined ? undefined : seen.documents.get(document);
      const documents = document === undefined || report === undefined ? {} : { [document]: withoutName(report) };
      const event: FeedEvent = { peer: peer.name, status: seen.status, documents };
      if (isDeepStrictEqual(event, listener.lastByPeer.get(peer.name))) continue;
      listener.lastByPeer.set(peer.name, event);
      listener.send(event);
    }
  }
}

interface Seen {
  readonly status: StatusReport | null;
  readonly documents: ReadonlyMap<string, DocumentReport>;
}

/** A peer that cannot answer is shown as down; the page is no place for the reason. One that somebody started again answers. */
async function readPeer(peer: PeerProcess, names: ReadonlySet<string>): Promise<Seen> {
  try {
    return await withPeer(peer.data, async (control) => {
      const status = await control.status();
      const documents = new Map<string, DocumentReport>();
      for (const name of names) {
        const report = await readDocument(control, name);
        if (report !== undefined) documents.set(name, report);
      }
      return { status, documents };
    });
  } catch {
    return { status: null, documents: new Map() };
  }
}

/** One document's state. Undefined when nothing of that name was ever written. A name is the first of those it is a prefix of. */
export async function readDocument(peer: RunningPeer, name: string): Promise<DocumentReport | undefined> {
  const [first] = await peer.documents({ prefix: name, deleted: true, limit: 1 });
  if (first?.name !== name) return undefined;
  const { state, incarnation, fingerprint } = first;
  return { name, state, incarnation, fingerprint };
}

function withoutName({ state, incarnation, fingerprint }: DocumentReport): Omit<DocumentReport, "name"> {
  return { fingerprint, incarnation, state };
}
