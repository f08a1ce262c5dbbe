/** The writer of a fan-out: strikes keys at a pace, or as fast as they are echoed. */
import { KeystrokeWriter, clockMs, readStamps } from "./keystrokes.ts";
import { type RawClient, openRawClient } from "./raw-client.ts";
import { pause } from "./waiting.ts";

/** Updates that a saturated writer keeps unanswered. */
export const WINDOW_UPDATES = 64;

export interface Pace {
  /** Updates per second; ignored when saturated. */
  readonly rate: number;
  readonly saturated: boolean;
}

export class FanoutWriter {
  sent = 0;
  private echoed = 0;
  private refill: (() => void) | undefined;
  private readonly client: RawClient;
  private readonly keystrokes: KeystrokeWriter;

  private constructor(client: RawClient) {
    this.client = client;
    this.keystrokes = new KeystrokeWriter(client.clientId);
  }

  static async open(url: string, name: string): Promise<FanoutWriter> {
    const later: { writer?: FanoutWriter } = {};
    const client = await openRawClient(url, name, (frame) => later.writer?.received(frame));
    return (later.writer = new FanoutWriter(client));
  }

  async write(pace: Pace, seconds: number): Promise<void> {
    await (pace.saturated ? this.writeSaturated(seconds) : this.writePaced(pace.rate, seconds));
  }

  close(): Promise<void> {
    return this.client.close();
  }

  /** By the clock: an interval that comes late is made up for, so that the rate holds. */
  private async writePaced(rate: number, seconds: number): Promise<void> {
    const total = Math.round(rate * seconds);
    const startedAt = performance.now();
    for (let count = 0; count < total;) {
      const due = Math.min(total, Math.floor(((performance.now() - startedAt) / 1_000) * rate) + 1);
      for (; count < due; count++) this.strike(1);
      await pause(1_000 / rate);
    }
  }

  private async writeSaturated(seconds: number): Promise<void> {
    this.refill = () => this.strike(WINDOW_UPDATES - (this.sent - this.echoed));
    this.refill();
    await pause(seconds * 1_000);
    this.refill = undefined;
  }

  private strike(count: number): void {
    if (count <= 0) return;
    this.client.send(Array.from({ length: count }, () => this.keystrokes.next(clockMs())));
    this.sent += count;
  }

  private received(frame: Buffer): void {
    this.echoed += readStamps(frame);
    this.refill?.();
  }
}
