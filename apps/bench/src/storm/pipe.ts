/**
 * One direction of a proxied connection.
 *
 * 1. Bytes keep their order, whatever the delays.
 * 2. A direction that has lost a byte never carries another: what follows a gap would be taken for something else.
 * 3. An end travels as bytes do: delayed, held back, or lost with them.
 */
import type { Socket } from "node:net";
import type { Faults, PeerIndex } from "./faults.ts";

/** Beyond this the sender is no longer read, however long the delay. */
const HELD_BYTES_MAX = 4 * 1024 * 1024;
/** Between the part of a write and the reset: a reset that is nearer takes the part with it. */
const RESET_AFTER_MS = 20;

type Held =
  | { readonly kind: "bytes"; readonly bytes: Buffer; readonly dueMs: number }
  | { readonly kind: "end"; readonly dueMs: number }
  | { readonly kind: "reset"; readonly dueMs: number };

export interface PipeOptions {
  readonly from: PeerIndex;
  readonly to: PeerIndex;
  readonly source: Socket;
  readonly sink: Socket;
  readonly faults: Faults;
  /** Resets both ends. */
  readonly reset: () => void;
  /** This direction has begun to lose bytes. */
  readonly died: () => void;
  /** There is nobody left to write to. */
  readonly sinkGone: () => void;
}

export class Pipe {
  private readonly options: PipeOptions;
  private readonly held: Held[] = [];
  private heldBytes = 0;
  private timer: NodeJS.Timeout | undefined;
  private state: "open" | "dead" | "ended" = "open";
  /** Share of the next write that still passes. */
  private cutAt: number | undefined;
  private readonly unwatch: () => void;

  constructor(options: PipeOptions) {
    const { source, sink, faults } = options;
    this.options = options;
    this.unwatch = faults.watch(() => this.move());
    source.on("data", (bytes: Buffer) => this.take(bytes));
    source.on("end", () => this.hold({ kind: "end", dueMs: this.dueMs() }));
    source.on("error", () => this.hold({ kind: "reset", dueMs: this.dueMs() }));
    source.on("connect", () => this.move());
    sink.on("drain", () => this.move());
  }

  get isOpen(): boolean {
    return this.state === "open" && !this.options.sink.destroyed;
  }

  get isDead(): boolean {
    return this.state === "dead";
  }

  /** The reader is told that nothing more comes; what the writer still sends goes nowhere. */
  halfClose(): void {
    if (!this.isOpen) return;
    this.state = "ended";
    this.forget();
    this.options.sink.end();
    this.options.faults.felt.halfClosed++;
  }

  /** Of the next write of more than one byte, a part of `share` (0 to 1) passes; then both ends are reset. */
  cutNext(share: number): void {
    this.cutAt = share;
  }

  /** From now on every byte of this direction is lost. */
  die(): void {
    if (this.state !== "open") return;
    this.state = "dead";
    this.options.faults.felt.swallowedBytes += this.heldBytes;
    this.forget();
    // It is read on, so that its writer notices nothing.
    this.options.source.resume();
    this.options.died();
  }

  close(): void {
    this.forget();
    this.unwatch();
    this.state = "ended";
  }

  private get rules() {
    const { faults, from, to } = this.options;
    return faults.of(from, to);
  }

  private dueMs(): number {
    return performance.now() + this.rules.delayMs;
  }

  private take(bytes: Buffer): void {
    const { felt } = this.options.faults;
    if (this.state === "ended") return;
    if (this.rules.holes > 0) this.die();
    if (this.state === "dead") felt.swallowedBytes += bytes.length;
    else this.hold({ kind: "bytes", bytes, dueMs: this.dueMs() });
  }

  private hold(held: Held): void {
    if (this.rules.holes > 0) this.die();
    if (this.state !== "open") return;
    const { felt } = this.options.faults;
    if (held.kind === "bytes") {
      this.heldBytes += held.bytes.length;
      if (this.rules.delayMs > 0) felt.delayedBytes += held.bytes.length;
      if (this.rules.stalls > 0) felt.stalledWrites++;
    }
    this.held.push(held);
    this.move();
  }

  /** Passes what may pass now, and sees to it that it is called when more may. */
  private move(): void {
    if (this.state !== "open") return;
    const { source, sink } = this.options;
    clearTimeout(this.timer);
    if (sink.destroyed) return this.options.sinkGone();
    const now = performance.now();
    for (;;) {
      const [next] = this.held;
      if (next === undefined || this.rules.stalls > 0 || this.rules.holes > 0 || sink.writableNeedDrain) break;
      if (next.dueMs > now) {
        this.timer = setTimeout(() => this.move(), next.dueMs - now);
        break;
      }
      this.held.shift();
      this.pass(next);
      if (this.held.length === 0 && this.state !== "open") return;
    }
    if (source.connecting) return;
    const isStalled = this.rules.stalls > 0 && this.heldBytes > 0;
    if (isStalled || sink.writableNeedDrain || this.heldBytes > HELD_BYTES_MAX) source.pause();
    else source.resume();
  }

  private pass(next: Held): void {
    const { sink, reset, faults } = this.options;
    if (next.kind === "reset") return reset();
    if (next.kind === "end") {
      this.state = "ended";
      sink.end();
      return;
    }
    this.heldBytes -= next.bytes.length;
    if (this.cutAt === undefined || next.bytes.length < 2) return void sink.write(next.bytes);
    const bytes = next.bytes.subarray(0, 1 + Math.floor(this.cutAt * (next.bytes.length - 1)));
    this.state = "ended";
    this.forget();
    faults.felt.cutShort++;
    sink.write(bytes);
    setTimeout(reset, RESET_AFTER_MS);
  }

  private forget(): void {
    clearTimeout(this.timer);
    this.held.length = 0;
    this.heldBytes = 0;
  }
}
