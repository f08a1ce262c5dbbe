/**
 * Watches every frame of every client of a chaos run and remembers what anyone was shown.
 *
 * 1. An edit is *echoed* when its own client received it back in an update.
 * 2. An edit is *seen* when another client received it, or when a peer named its clock in a state vector.
 * 3. An edit is *in flight* on a socket when it was sent on it, and the peer at the other end has neither echoed it there nor
 *    named it in a state vector there.
 * What is echoed or seen must survive; what was only in flight may be lost.
 */
import { WebSocket } from "ws";
import * as Y from "yjs";
import { ClockSet, clocksOf } from "./clock-ranges.ts";
import { decodeSyncFrame } from "./wire.ts";

/** One edit of one client: a token that is nowhere else, and the clocks it took. */
export interface Edit {
  readonly clientId: number;
  readonly from: number;
  readonly to: number;
  readonly token: string;
  readonly document: string;
}

interface Traffic {
  sentTo: number;
  knownTo: number;
}

export class ChaosRecorder {
  readonly edits: Edit[] = [];
  /** Told of every frame in which a client was shown its own edits. */
  onEcho: () => void = () => {};
  private readonly echoed = new Map<number, ClockSet>();
  private readonly seen = new Map<number, ClockSet>();
  private readonly trafficBySocket = new WeakMap<WebSocket, Traffic>();

  /** How many edits were echoed. Counts the clients' edits anew at each call. */
  get echoedCount(): number {
    return this.edits.filter((edit) => this.wasEchoed(edit)).length;
  }

  wasEchoed(edit: Edit): boolean {
    return this.echoed.get(edit.clientId)?.has(edit.from, edit.to) ?? false;
  }

  wasSeen(edit: Edit): boolean {
    return this.seen.get(edit.clientId)?.has(edit.from, edit.to) ?? false;
  }

  /** Something was sent on this socket that its peer has not yet acknowledged. */
  isInFlight(socket: WebSocket | null): boolean {
    if (socket === null || socket.readyState !== WebSocket.OPEN) return false;
    const traffic = this.trafficBySocket.get(socket);
    return traffic !== undefined && traffic.sentTo > traffic.knownTo;
  }

  /** A socket class for one client's provider, which reports what passes and changes nothing. */
  socketFor(clientId: () => number): typeof WebSocket {
    const opened = (socket: WebSocket) => this.trafficBySocket.set(socket, { sentTo: 0, knownTo: 0 });
    const sent = (socket: WebSocket, bytes: Uint8Array) => this.sent(socket, clientId(), bytes);
    const received = (socket: WebSocket, bytes: Uint8Array) => this.received(socket, clientId(), bytes);
    return class extends WebSocket {
      constructor(address: string | URL, protocols?: string | string[]) {
        super(address, protocols);
        opened(this);
        this.on("message", (bytes: ArrayBuffer) => received(this, new Uint8Array(bytes)));
      }

      override send(bytes: Uint8Array): void {
        sent(this, bytes);
        super.send(bytes);
      }
    } as typeof WebSocket;
  }

  private sent(socket: WebSocket, own: number, bytes: Uint8Array): void {
    const frame = decodeSyncFrame(bytes);
    const traffic = this.trafficBySocket.get(socket);
    if (frame === undefined || frame.kind === "step1" || traffic === undefined) return;
    for (const [, to] of clocksOf(frame.update).get(own) ?? []) traffic.sentTo = Math.max(traffic.sentTo, to);
  }

  private received(socket: WebSocket, own: number, bytes: Uint8Array): void {
    const frame = decodeSyncFrame(bytes);
    const traffic = this.trafficBySocket.get(socket);
    if (frame === undefined || traffic === undefined) return;
    if (frame.kind === "step1") {
      for (const [client, clock] of Y.decodeStateVector(frame.stateVector)) {
        note(this.seen, client, 0, clock);
        if (client === own) traffic.knownTo = Math.max(traffic.knownTo, clock);
      }
      return;
    }
    for (const [client, ranges] of clocksOf(frame.update)) {
      for (const [from, to] of ranges) {
        note(client === own ? this.echoed : this.seen, client, from, to);
        if (client === own) traffic.knownTo = Math.max(traffic.knownTo, to);
      }
      if (client === own) this.onEcho();
    }
  }
}

function note(sets: Map<number, ClockSet>, client: number, from: number, to: number): void {
  let set = sets.get(client);
  if (set === undefined) sets.set(client, (set = new ClockSet()));
  set.add(from, to);
}
