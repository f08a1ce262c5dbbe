/**
 * Backups at fixed times into one folder, of which the newest are kept.
 *
 * The times are the multiples of the period since 1970 (`1h`: every full hour in UTC), so that they do not wander, and a peer that
 * starts makes up for the one it missed. A backup that fails is not tried again before the next time is due. Only files of this peer, told
 * by its id in their names, are ever removed, and only after a new one is whole: several peers may share a folder.
 */
import fs from "node:fs";
import path from "node:path";
import type { PeerId } from "@yarrow/protocol";
import { YarrowError } from "@yarrow/protocol";
import { TIMER_MS_MAX } from "../loop.ts";
import type { LogLine } from "../peer-api.ts";
import { createPrivateFolder } from "../store/private-file.ts";
import type { Backups } from "./backups.ts";

export interface BackupSchedule {
  /** Created when missing. */
  readonly folder: string;
  /** Period in ms, at least {@link BACKUP_EVERY_MS_MIN}. */
  readonly everyMs: number;
  /** How many are kept, at least 1. */
  readonly keep: number;
  /** As for `Peer.backup`. */
  readonly maxBytesPerSecond?: number | undefined;
}

export const BACKUP_EVERY_MS_MIN = 1_000;
export const BACKUPS_KEPT_MAX = 10_000;

/** As many digits of the peer's id as tell the peers of a set apart. */
const ID_DIGITS = 12;

interface ScheduleParts {
  readonly schedule: BackupSchedule;
  readonly peerId: PeerId;
  readonly backups: Pick<Backups, "write" | "adopt">;
  readonly clock: () => number;
  readonly log: (line: LogLine) => void;
}

interface TakenBackup {
  readonly file: string;
  readonly takenMs: number;
}

export class ScheduledBackups {
  readonly #parts: ScheduleParts;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(parts: ScheduleParts) {
    this.#parts = parts;
  }

  /** Errors: YARROW_CONFIG_INVALID when the folder cannot be used. */
  start(): void {
    const { schedule, clock, backups } = this.#parts;
    let taken: TakenBackup[];
    try {
      createPrivateFolder(schedule.folder);
      this.#removePartial();
      taken = this.#list();
    } catch (error) {
      const detail = error instanceof Error ? error.message : String(error);
      throw new YarrowError("YARROW_CONFIG_INVALID", `the backup folder ${schedule.folder} cannot be used: ${detail}`, {
        cause: error,
      });
    }
    const last = taken.at(-1);
    if (last !== undefined) {
      backups.adopt({ ...last, bytes: fs.statSync(last.file, { throwIfNoEntry: false })?.size ?? 0 });
    }
    const now = clock();
    const missed = last === undefined || this.#slotOf(last.takenMs) < this.#slotOf(now);
    this.#wait(missed ? now : this.#nextDue(now));
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #wait(dueMs: number): void {
    if (this.#stopped) return;
    const waitMs = Math.max(0, dueMs - this.#parts.clock());
    this.#timer = setTimeout(
      () => {
        if (waitMs > TIMER_MS_MAX) this.#wait(dueMs);
        else void this.#take();
      },
      Math.min(waitMs, TIMER_MS_MAX),
    ).unref();
  }

  async #take(): Promise<void> {
    const { schedule, backups, clock, log } = this.#parts;
    const file = path.join(schedule.folder, this.#nameAt(clock()));
    try {
      await backups.write(file, { maxBytesPerSecond: schedule.maxBytesPerSecond });
      this.#rotate();
    } catch (error) {
      // `Backups` has counted it; a peer that closes is no failure to tell of.
      if (!this.#stopped) {
        const detail = error instanceof Error ? error.message : String(error);
        log({ level: "error", message: "a backup failed", fields: { file, error: detail } });
      }
    }
    this.#wait(this.#nextDue(clock()));
  }

  #rotate(): void {
    const { keep } = this.#parts.schedule;
    for (const { file } of this.#list().slice(0, -keep)) fs.rmSync(file, { force: true });
  }

  #slotOf(ms: number): number {
    return Math.floor(ms / this.#parts.schedule.everyMs);
  }

  #nextDue(now: number): number {
    return (this.#slotOf(now) + 1) * this.#parts.schedule.everyMs;
  }

  /** Those of this peer, oldest first. */
  #list(): TakenBackup[] {
    const { folder } = this.#parts.schedule;
    const prefix = this.#prefix();
    return fs
      .readdirSync(folder)
      .filter((name) => name.startsWith(prefix))
      .flatMap((name) => {
        const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z\.backup$/.exec(name.slice(prefix.length));
        if (match === null) return [];
        const [, year, month, day, hour, minute, second] = match;
        return [
          {
            file: path.join(folder, name),
            takenMs: Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`),
          },
        ];
      })
      .toSorted((a, b) => a.takenMs - b.takenMs);
  }

  /** What a process that was killed left half written. */
  #removePartial(): void {
    const { folder } = this.#parts.schedule;
    for (const name of fs.readdirSync(folder)) {
      if (name.startsWith(this.#prefix()) && /\.partial(-journal)?$/.test(name)) {
        fs.rmSync(path.join(folder, name), { force: true });
      }
    }
  }

  #prefix(): string {
    return `yarrow-${this.#parts.peerId.slice(0, ID_DIGITS)}-`;
  }

  #nameAt(ms: number): string {
    const time = new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, "");
    return `${this.#prefix()}${time}Z.backup`;
  }
}
