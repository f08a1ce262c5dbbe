/** The sockets of one process of a simulated peer: links and sessions, as the shell of a real peer keeps them. */
import type { Incarnation } from "@yarrow/protocol";
import type { SessionEvent } from "@yarrow/relay";
import type { Event, LinkId, SubscriberId } from "@yarrow/replica";
import type { Connection, Place } from "./network.ts";
import { ABNORMAL } from "./network.ts";
import type { World } from "./world.ts";
import type { Random } from "./random.ts";

export interface SocketsOptions {
  readonly world: World;
  readonly place: Place;
  readonly random: Random;
  /** Ignored once the process has ended. */
  readonly submit: (event: Event | SessionEvent) => void;
  readonly nextId: () => number;
  readonly incarnationOf: (name: string) => Incarnation;
  /** A frame goes out to a browser. */
  readonly sent: (address: string, name: string, frame: Uint8Array) => void;
}

export class Sockets {
  readonly #options: SocketsOptions;
  readonly #links = new Map<LinkId, { readonly connection: Connection; readonly side: 0 | 1 }>();
  readonly #sessions = new Map<
    SubscriberId,
    { readonly connection: Connection; readonly name: string; readonly address: string }
  >();
  #ended = false;

  constructor(options: SocketsOptions) {
    this.#options = options;
  }

  get sessions(): number {
    return this.#sessions.size;
  }

  /** A browser has connected. */
  accept(connection: Connection, name: string, address: string): void {
    const { submit, nextId } = this.#options;
    const session = nextId();
    this.#sessions.set(session, { connection, name, address });
    submit({ type: "session-opened", session, name, address });
    connection.listen(1, {
      frame: (bytes) => submit({ type: "session-frame", session, bytes }),
      closed: (code) => {
        this.#sessions.delete(session);
        submit({ type: "session-closed", session, abnormal: code === ABNORMAL });
      },
      congested: () => submit({ type: "session-congested", session }),
      drained: () => submit({ type: "session-drained", session }),
    });
  }

  sendToSessions(sessions: readonly SubscriberId[], frame: Uint8Array): void {
    const { world, place, incarnationOf, sent } = this.#options;
    world.trace.note(world.timeline.now, place, "session frame", frame);
    for (const id of sessions) {
      const session = this.#sessions.get(id);
      // Over a connection that is half gone nobody is told anything.
      if (session?.connection.open) sent(session.address, session.name, frame);
      // Checkers want to know of which incarnation it tells.
      session?.connection.send(1, frame, incarnationOf(session.name));
    }
  }

  closeSession(id: SubscriberId, code: number): void {
    this.#sessions.get(id)?.connection.close(1, code);
    this.#sessions.delete(id);
  }

  /** A link to another peer. Side 0 has dialled, side 1 was dialled. */
  addLink(connection: Connection, side: 0 | 1, dialled: string | undefined): void {
    const { world, place, submit, nextId } = this.#options;
    const { counters, trace, timeline } = world;
    const link = nextId();
    this.#links.set(link, { connection, side });
    submit({ type: "link-opened", link, dialled });
    connection.listen(side, {
      frame: (bytes) => {
        counters.linkFrames++;
        trace.note(timeline.now, place, "link frame", bytes);
        submit({ type: "link-frame", link, bytes });
      },
      closed: () => {
        this.#links.delete(link);
        submit({ type: "link-closed", link, reason: "the connection is gone" });
      },
      congested: () => {
        counters.congestedLinks++;
        submit({ type: "link-congested", link });
      },
      drained: () => submit({ type: "link-drained", link }),
    });
  }

  send(id: LinkId, frames: readonly Uint8Array[]): void {
    const link = this.#links.get(id);
    for (const frame of frames) link?.connection.send(link.side, frame);
  }

  closeLink(id: LinkId): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    const { world, random, submit } = this.#options;
    link.connection.close(link.side, 1000);
    this.#links.delete(id);
    // The socket takes its time to say goodbye.
    world.timeline.after(random.between(1, 1_000), () => submit({ type: "link-closed", link: id, reason: "closed" }));
  }

  dial(url: string): void {
    const { world, place, random, submit } = this.#options;
    const { network, timeline, linkBudgetBytes } = world;
    const other = world.peerAt(url);
    const unreachable = (): boolean =>
      other === undefined || !other.running || network.isCut(place, other.place) || network.isCut(other.place, place);
    const delay = other === undefined ? 1 : 2 * network.delay(place, other.place);
    timeline.after(unreachable() ? delay + random.between(1, 2_000) : delay, () => {
      if (this.#ended) return;
      if (other === undefined || unreachable()) {
        submit({ type: "dial-failed", url, reason: "nobody answers" });
        return;
      }
      const connection = network.connect(place, other.place, true);
      connection.budgetBytes = linkBudgetBytes;
      this.addLink(connection, 0, url);
      other.acceptLink(connection);
    });
  }

  /** The process is gone, and all its sockets with it. */
  breakAll(): void {
    this.#ended = true;
    for (const { connection, side } of this.#links.values()) connection.break(side);
    for (const { connection } of this.#sessions.values()) connection.break(1);
  }
}
