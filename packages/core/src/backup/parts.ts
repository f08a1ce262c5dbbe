/** Hashes of a database file, part by part. */
import { createHash, hash } from "node:crypto";
import fs from "node:fs";
import type { BackupManifest } from "./manifest.ts";
import { damagedBackup, PART_BYTES } from "./manifest.ts";
import type { Report } from "./report.ts";

type DatabaseParts = BackupManifest["database"];

/** Damaged parts that a message names; it says how many there are. */
const DAMAGED_SHOWN_MAX = 8;

export function hashParts(descriptor: number, bytes: number, pageBytes: number, report: Report): DatabaseParts {
  const whole = createHash("sha256");
  const parts: string[] = [];
  forEachPart(descriptor, bytes, PART_BYTES, pageBytes, report, (part) => {
    whole.update(part);
    parts.push(hash("sha256", part));
  });
  return { bytes, pageBytes, sha256: whole.digest("hex"), partBytes: PART_BYTES, parts };
}

/**
 * Proves that the database in a backup is the one that was written, byte by byte, and hands each part on once it is known to
 * be sound. Errors: YARROW_BACKUP_DAMAGED, with the pages that differ.
 */
export function checkParts(
  file: string,
  descriptor: number,
  database: DatabaseParts,
  report: Report,
  onPart: (part: Buffer) => void = () => {},
): void {
  const { bytes, pageBytes, partBytes, parts, sha256 } = database;
  const whole = createHash("sha256");
  const damaged: string[] = [];
  let index = 0;
  forEachPart(descriptor, bytes, partBytes, pageBytes, report, (part) => {
    const start = index * partBytes;
    whole.update(part);
    if (hash("sha256", part) === parts[index]) onPart(part);
    else damaged.push(`${start / pageBytes + 1} to ${Math.ceil((start + part.length) / pageBytes)}`);
    index += 1;
  });
  if (damaged.length > 0) {
    const shown = damaged.slice(0, DAMAGED_SHOWN_MAX).join(", ");
    const more = damaged.length > DAMAGED_SHOWN_MAX ? `, and ${damaged.length - DAMAGED_SHOWN_MAX} ranges more` : "";
    throw damagedBackup(file, `pages ${shown}${more} of ${bytes / pageBytes} are not the ones that were written`);
  }
  if (whole.digest("hex") !== sha256 || parts.length !== index) throw damagedBackup(file, "its hash is another");
}

function forEachPart(
  descriptor: number,
  bytes: number,
  partBytes: number,
  pageBytes: number,
  report: Report,
  visit: (part: Buffer) => void,
): void {
  const buffer = Buffer.alloc(Math.min(partBytes, Math.max(1, bytes)));
  for (let start = 0; start < bytes; start += partBytes) {
    report.at(start / pageBytes, bytes / pageBytes);
    const length = Math.min(partBytes, bytes - start);
    let filled = 0;
    while (filled < length) {
      const read = fs.readSync(descriptor, buffer, filled, length - filled, start + filled);
      if (read === 0) break;
      filled += read;
    }
    visit(buffer.subarray(0, filled));
  }
  report.at(bytes / pageBytes, bytes / pageBytes);
}
