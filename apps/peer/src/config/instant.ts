/**
 * Instants as people write them: a date, a time, or how long ago.
 */
import { parseDuration } from "./duration.ts";
import type { Parsed } from "./parsed.ts";

const DATE = /^\d{4}-\d{2}-\d{2}$/;
const TIME = /^(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,3}))?)?$/;
const DATE_TIME = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$/;

/**
 * `2026-11-23T14:30`, with seconds and zone if wanted (without one: the time of this machine), `2026-11-23` (its beginning), `14:30`
 * (today), `-2h`, `2h ago`, `now`; in ms since 1970. `now`: ms since 1970.
 */
export function parseInstant(text: string, now: number): Parsed<number> {
  const trimmed = text.trim();
  if (trimmed === "now") return { value: now };
  const ago = /^-(.+)$|^(.+?)\s+ago$/.exec(trimmed);
  if (ago !== null) {
    const duration = parseDuration(ago[1] ?? ago[2] ?? "");
    return "value" in duration ? { value: now - duration.value } : unknown(text);
  }
  const time = TIME.exec(trimmed);
  if (time !== null) return today(text, time, now);
  // Without a time, the standard takes a date to begin in Greenwich; people take it to begin where they are.
  if (DATE.test(trimmed)) return checked(text, trimmed, Date.parse(`${trimmed}T00:00`));
  if (DATE_TIME.test(trimmed)) return checked(text, trimmed, Date.parse(trimmed.replace(" ", "T")));
  return unknown(text);
}

function today(text: string, time: RegExpExecArray, now: number): Parsed<number> {
  const [hours, minutes, seconds] = [Number(time[1]), Number(time[2]), Number(time[3] ?? 0)];
  if (hours > 23 || minutes > 59 || seconds > 59) return unknown(text);
  return { value: new Date(now).setHours(hours, minutes, seconds, Number((time[4] ?? "0").padEnd(3, "0"))) };
}

/** The 31st of February is no day, though it can be parsed. */
function checked(text: string, written: string, value: number): Parsed<number> {
  const day = Number(written.slice(8, 10));
  const days = new Date(Date.UTC(Number(written.slice(0, 4)), Number(written.slice(5, 7)), 0)).getUTCDate();
  return Number.isFinite(value) && day >= 1 && day <= days ? { value } : unknown(text);
}

function unknown(text: string): Parsed<number> {
  const ways = "2026-11-23T14:30 or 2026-11-23T14:30:05Z, 2026-11-23, 14:30 (today), -2h or '2h ago'";
  return { problem: `"${text}" is not an instant; write ${ways}` };
}
