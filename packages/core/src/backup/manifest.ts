/**
 * The form of a backup: one file that proves itself.
 *
 *     ┌ the database, page by page: a sound SQLite file on its own, with a rollback journal's header (no `-wal` beside it)
 *     ├ the manifest: JSON in UTF-8
 *     └ the seal, 64 bytes: magic (16), where the manifest begins (8), its length (8), SHA-256 (32)
 *
 * The seal's hash is over the manifest and the 32 bytes of the seal before it, and the manifest holds a hash of every part of
 * the database: so no byte of the file can change unnoticed. Numbers are big-endian. SQLite takes the size of a database from
 * its header, so `sqlite3 FILE` reads a backup as it is.
 */
import { createHash } from "node:crypto";
import fs from "node:fs";
import { YarrowError } from "@yarrow/protocol";
import type { ClusterId, PeerId } from "@yarrow/protocol";

export const MANIFEST_FORMAT = 1;

/** What one hash of the manifest covers; a damage is told in these. */
export const PART_BYTES = 4 * 1024 * 1024;

const MAGIC = "yarrow backup 1\n";
const SEAL_BYTES = 64;
const SEALED_BYTES = 32;
/** Enough for a database of 4 TiB. */
const MANIFEST_BYTES_MAX = 96 * 1024 * 1024;

/** What a backup says of itself. Stable: `yarrow backup --verify --json` prints it. */
export interface BackupManifest {
  readonly format: number;
  /** When the snapshot was taken, by the clock of the peer that was backed up, in ms since 1970. */
  readonly takenMs: number;
  /** Of the release that wrote it. */
  readonly version: string;
  readonly schema: number;
  readonly peerId: PeerId;
  readonly clusterId: ClusterId | undefined;
  /** The last start of the peer. */
  readonly epoch: string | undefined;
  /** The last arrival that is in it. */
  readonly lastSequence: number;
  /** Fingerprint of the set, 32 hex digits; undefined when it could not be computed because rows were damaged. */
  readonly root: string | undefined;
  readonly documents: {
    readonly alive: number;
    readonly deleted: number;
    readonly pending: number;
    readonly quarantined: number;
  };
  readonly logRows: number;
  /** Rows of all tables, and those whose checksum was wrong on the peer's disk already. */
  readonly rows: { readonly checked: number; readonly damaged: number; readonly examples: readonly string[] };
  readonly database: {
    readonly bytes: number;
    readonly pageBytes: number;
    readonly sha256: string;
    readonly partBytes: number;
    /** SHA-256 of each part in order, in hex; the last part may be shorter. */
    readonly parts: readonly string[];
  };
}

/** The manifest and the seal, to be written behind `databaseBytes` bytes of database. */
export function encodeManifest(manifest: BackupManifest): Buffer {
  const text = Buffer.from(JSON.stringify(manifest));
  const seal = Buffer.alloc(SEAL_BYTES);
  seal.write(MAGIC, 0, "latin1");
  seal.writeBigUInt64BE(BigInt(manifest.database.bytes), 16);
  seal.writeBigUInt64BE(BigInt(text.length), 24);
  sealHash(text, seal).copy(seal, SEALED_BYTES);
  return Buffer.concat([text, seal]);
}

/** Reads and proves manifest and seal; says nothing of the database yet. Errors: YARROW_BACKUP_DAMAGED, YARROW_STORE_NEWER. */
export function readManifest(file: string, descriptor: number): BackupManifest {
  const { size } = fs.fstatSync(descriptor);
  if (size < SEAL_BYTES) throw damagedBackup(file, `it has ${size} bytes and no seal: it is no backup, or was cut off`);
  const seal = readExactly(descriptor, size - SEAL_BYTES, SEAL_BYTES);
  if (seal.toString("latin1", 0, 16) !== MAGIC) {
    throw damagedBackup(file, "it does not end with a seal: it is no backup, or its end was cut off or damaged");
  }
  const start = Number(seal.readBigUInt64BE(16));
  const length = Number(seal.readBigUInt64BE(24));
  if (length > MANIFEST_BYTES_MAX || start + length + SEAL_BYTES !== size) {
    throw damagedBackup(file, `its seal tells of ${start + length + SEAL_BYTES} bytes, and it has ${size}`);
  }
  const text = readExactly(descriptor, start, length);
  if (!sealHash(text, seal).equals(seal.subarray(SEALED_BYTES))) {
    throw damagedBackup(file, `its manifest is damaged (bytes ${start} to ${size})`);
  }
  const manifest = parse(text);
  if (manifest === undefined) throw damagedBackup(file, "its manifest is whole, and is no manifest");
  if (manifest.format > MANIFEST_FORMAT) {
    throw new YarrowError("YARROW_STORE_NEWER", `${file} has format ${manifest.format}; this release knows format 1`, {
      hint: "Use the release that wrote it, or a later one.",
    });
  }
  return manifest;
}

/** Undefined for what no release ever wrote, whoever sealed it. */
function parse(text: Buffer): BackupManifest | undefined {
  try {
    const value = JSON.parse(text.toString()) as unknown;
    const isObject = typeof value === "object" && value !== null && "format" in value && "database" in value;
    return isObject ? (value as BackupManifest) : undefined;
  } catch {
    return undefined;
  }
}

export function damagedBackup(file: string, detail: string): YarrowError {
  return new YarrowError("YARROW_BACKUP_DAMAGED", `the backup ${file} is damaged: ${detail}`, {
    hint: "Take another backup, or start a peer with an empty folder; it fetches the documents from the others.",
  });
}

function sealHash(text: Buffer, seal: Buffer): Buffer {
  return createHash("sha256").update(text).update(seal.subarray(0, SEALED_BYTES)).digest();
}

function readExactly(descriptor: number, start: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let at = 0;
  while (at < length) {
    const read = fs.readSync(descriptor, bytes, at, length - at, start + at);
    if (read === 0) break;
    at += read;
  }
  return bytes.subarray(0, at);
}
