/**
 * A TCP proxy before every peer: the address that a peer announces is one of ours, so that no two peers ever speak past it, and
 * what passes between any two of them can be delayed, stalled, swallowed, cut or refused.
 */
import { type AddressInfo, type Server, type Socket, connect, createServer } from "node:net";
import { once } from "node:events";
import { Faults, type PeerIndex } from "./faults.ts";
import { Pipe } from "./pipe.ts";
import { resetSocket } from "./reset-socket.ts";

/** Somebody dialled somebody. */
export interface Dial {
  readonly atMs: number;
  readonly from: PeerIndex;
  readonly to: PeerIndex;
}

/** An end that has said goodbye is let go after this long, also where its goodbye is held back or lost. */
const GOODBYE_MS = 10_000;

interface Connection {
  readonly dialler: PeerIndex;
  readonly target: PeerIndex;
  readonly near: Socket;
  readonly far: Socket;
  /** From the dialler to the target, and back. */
  readonly pipes: readonly Pipe[];
}

export interface FaultProxyOptions {
  /** Who holds the other end of a connection that was accepted; undefined ends it. */
  readonly diallerOf: (near: Socket) => PeerIndex | undefined;
}

export class FaultProxy implements AsyncDisposable {
  readonly faults = new Faults();
  readonly dials: Dial[] = [];
  /** Connections of which nobody knew who dialled: the process had ended before it was asked for. */
  unknown = 0;
  private readonly options: FaultProxyOptions;
  private readonly servers: Server[] = [];
  private readonly connections = new Set<Connection>();
  /** Dialled into a hole: nobody answers, and nobody says so. */
  private readonly unanswered = new Set<Socket>();
  private readonly startedAt = performance.now();

  constructor(options: FaultProxyOptions) {
    this.options = options;
  }

  /** Milliseconds since the proxy was made: the clock of `dials`. */
  get nowMs(): number {
    return performance.now() - this.startedAt;
  }

  /** Connections at this moment, dead ones included. */
  get size(): number {
    return this.connections.size + this.unanswered.size;
  }

  /** Listens on `listenPort` (0: any) for who dials `target`, who listens on `port`; returns the port to announce. */
  async open(target: PeerIndex, port: number, listenPort = 0): Promise<number> {
    const server = createServer({ allowHalfOpen: true }, (near) => this.accept(near, target, port));
    server.listen(listenPort, "127.0.0.1");
    await once(server, "listening");
    this.servers.push(server);
    return (server.address() as AddressInfo).port;
  }

  /** Something can pass in this direction, now or when a stall or a delay is over. */
  isAlive(from: PeerIndex, to: PeerIndex): boolean {
    return this.pipesOf(from, to).some((pipe) => pipe.isOpen);
  }

  /** Ends one direction of every connection between two peers. */
  halfClose(from: PeerIndex, to: PeerIndex): void {
    for (const pipe of this.pipesOf(from, to)) pipe.halfClose();
  }

  /** The next write in this direction arrives in part, and the connection is reset. */
  cutNext(from: PeerIndex, to: PeerIndex, share: number): void {
    for (const pipe of this.pipesOf(from, to)) pipe.cutNext(share);
  }

  /** Resets every connection between two peers at once. */
  reset(one: PeerIndex, other: PeerIndex): void {
    for (const connection of this.connections) {
      if (!joins(connection, one, other)) continue;
      this.faults.felt.reset++;
      this.end(connection);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.servers.map((server) => once(server, "close"));
    for (const server of this.servers) server.close();
    for (const connection of this.connections) this.end(connection);
    for (const near of this.unanswered) near.destroy();
    await Promise.all(closed);
  }

  private accept(near: Socket, target: PeerIndex, port: number): void {
    near.on("error", ignore);
    const dialler = this.options.diallerOf(near);
    if (dialler === undefined) {
      this.unknown++;
      near.destroy();
      return;
    }
    this.dials.push({ atMs: this.nowMs, from: dialler, to: target });
    if (this.faults.of(dialler, target).refusals > 0) {
      this.faults.felt.refused++;
      resetSocket(near);
      return;
    }
    near.on("end", () => setTimeout(() => near.destroy(), GOODBYE_MS).unref());
    if (this.faults.of(dialler, target).holes > 0) return this.leaveUnanswered(near);
    near.setNoDelay(true);
    this.join(near, dialler, target, port);
  }

  private leaveUnanswered(near: Socket): void {
    this.unanswered.add(near);
    near.on("data", (bytes: Buffer) => (this.faults.felt.swallowedBytes += bytes.length));
    near.on("close", () => this.unanswered.delete(near));
  }

  private join(near: Socket, dialler: PeerIndex, target: PeerIndex, port: number): void {
    const far = connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    far.on("error", ignore);
    far.on("end", () => setTimeout(() => far.destroy(), GOODBYE_MS).unref());
    const pipes: Pipe[] = [];
    const connection: Connection = { dialler, target, near, far, pipes };
    const pipe = (from: PeerIndex, to: PeerIndex, source: Socket, sink: Socket) =>
      new Pipe({
        from,
        to,
        source,
        sink,
        faults: this.faults,
        reset: () => this.end(connection),
        died: () => {
          if (this.faults.of(to, from).holes === 0) this.faults.felt.oneWayConnections++;
        },
        sinkGone: () => this.sinkGone(connection),
      });
    pipes.push(pipe(dialler, target, near, far), pipe(target, dialler, far, near));
    this.connections.add(connection);
    for (const socket of [near, far]) socket.on("close", () => this.closed(connection));
  }

  /** A connection goes when both its ends went. */
  private closed(connection: Connection): void {
    const { near, far, pipes } = connection;
    if (!near.destroyed || !far.destroyed) return;
    for (const pipe of pipes) pipe.close();
    this.connections.delete(connection);
  }

  /** The writer hears of it, unless what would tell it is lost on the way. */
  private sinkGone(connection: Connection): void {
    if (!connection.pipes.some((pipe) => pipe.isDead)) return this.end(connection);
    for (const pipe of connection.pipes) pipe.die();
  }

  private end({ near, far }: Connection): void {
    resetSocket(near);
    resetSocket(far);
  }

  private pipesOf(from: PeerIndex, to: PeerIndex): Pipe[] {
    return [...this.connections].flatMap(({ dialler, target, pipes }) => {
      if (dialler === from && target === to) return pipes.slice(0, 1);
      return dialler === to && target === from ? pipes.slice(1) : [];
    });
  }
}

function joins({ dialler, target }: Connection, one: PeerIndex, other: PeerIndex): boolean {
  return (dialler === one && target === other) || (dialler === other && target === one);
}

/** What a failed socket means is seen when it closes. */
function ignore(): void {}
