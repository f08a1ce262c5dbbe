/** A peer without a shell: the relay over the real replica and a store in memory, joined to others by wires. */
import type { PeerId, ProcessId } from "@yarrow/protocol";
import { MemoryStore, Replica, clusterIdOf, doWork } from "@yarrow/replica";
import type { Effect, Event } from "@yarrow/replica";
import { Relay } from "../src/index.ts";
import type { SessionEffect, SessionEvent } from "../src/index.ts";
import type { StockClient } from "./stock-client.ts";

export class Site {
  readonly replica: Replica;
  readonly relay: Relay;
  readonly inbox: (SessionEvent | Event)[] = [];
  readonly closes: { readonly session: number; readonly code: number }[] = [];
  readonly clients = new Map<number, StockClient>();
  /** Sessions whose socket takes no more for now, with what waits in it. */
  readonly #stuck = new Map<number, Uint8Array[]>();
  #wire: { readonly to: Site; readonly link: number } | undefined;
  #nextSession = 1;

  constructor(number: number, now: number) {
    const digit = number.toString(16);
    let seed = number;
    const random = (): number => (seed = (seed * 48271) % 2147483647) / 2147483647;
    this.replica = new Replica({
      store: new MemoryStore({ peerId: digit.padStart(32, "0") as PeerId }),
      random,
      processId: digit.padStart(16, "0") as ProcessId,
      clusterId: clusterIdOf("relay"),
      addresses: [`ws://site-${digit}`],
      peers: [],
      discovery: false,
      now,
    });
    this.relay = new Relay({ replica: this.replica, random });
  }

  linkTo(other: Site): void {
    this.#wire = { to: other, link: 1 };
    other.#wire = { to: this, link: 1 };
    this.inbox.push({ type: "link-opened", link: 1, dialled: "ws://other" });
    other.inbox.push({ type: "link-opened", link: 1, dialled: undefined });
  }

  connect(client: StockClient, name = "note"): number {
    const session = this.#nextSession++;
    this.clients.set(session, client);
    this.inbox.push({ type: "session-opened", session, name, address: `client-${client.document.clientID}` });
    client.connect();
    return session;
  }

  /** The connection breaks. */
  disconnect(session: number): void {
    this.clients.get(session)?.lose();
    this.clients.delete(session);
    this.inbox.push({ type: "session-closed", session, abnormal: true });
  }

  /** The socket of this session fills up … */
  stick(session: number): void {
    this.#stuck.set(session, []);
    this.inbox.push({ type: "session-congested", session });
  }

  /** … and takes bytes again. */
  unstick(session: number): void {
    for (const frame of this.#stuck.get(session) ?? []) this.clients.get(session)?.receive(frame);
    this.#stuck.delete(session);
    this.inbox.push({ type: "session-drained", session });
  }

  /** Moves everything that is under way once; false when there was nothing. */
  turn(now: number): boolean {
    for (const [session, client] of this.clients) {
      for (const bytes of client.outgoing.splice(0)) this.inbox.push({ type: "session-frame", session, bytes });
    }
    if (this.inbox.length === 0 && this.relay.nextDeadline() > now) return false;
    for (const effect of this.relay.step(this.inbox.splice(0), now)) this.#perform(effect);
    return true;
  }

  #perform(effect: SessionEffect | Effect): void {
    switch (effect.type) {
      case "session-send":
        for (const session of effect.sessions) {
          const stuck = this.#stuck.get(session);
          if (stuck === undefined) this.clients.get(session)?.receive(effect.frame);
          else stuck.push(effect.frame);
        }
        return;
      case "session-close":
        this.closes.push({ session: effect.session, code: effect.code });
        this.clients.get(effect.session)?.lose();
        this.clients.delete(effect.session);
        return;
      case "send":
        for (const bytes of effect.frames) {
          this.#wire?.to.inbox.push({ type: "link-frame", link: this.#wire.link, bytes: bytes.slice() });
        }
        return;
      case "work":
        this.inbox.push({ type: "work-done", work: effect.work, result: doWork(effect.job) });
        return;
      default:
    }
  }
}

/** Lets everything run until nothing is under way, then lets time pass to the next deadline, until the time is over. */
export function run(sites: readonly Site[], from: number, ms: number): number {
  const end = from + ms;
  let now = from;
  for (let turns = 0; turns < 100_000; turns++) {
    let busy = false;
    for (const site of sites) busy = site.turn(now) || busy;
    if (busy) continue;
    const next = Math.min(...sites.map((site) => site.relay.nextDeadline()));
    if (next > end) return end;
    now = Math.max(now, next);
  }
  throw new Error("the sites do not come to rest");
}
