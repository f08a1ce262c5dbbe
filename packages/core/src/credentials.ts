/**
 * The key pair of a data folder, and the list of keys that its peer trusts. The private key never leaves the folder; a copied folder
 * is the same peer, a restored backup is another.
 */
import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { NONCE_BYTES, PUBLIC_KEY_BYTES, YarrowError } from "@yarrow/protocol";
import type { Role } from "@yarrow/protocol";
import type { Credentials } from "@yarrow/replica";
import { createPrivateFolder, syncFolder } from "./store/private-file.ts";

const KEY_FILE = "identity.key";
const KEY_PREFIX = "ed25519:";
/** Lines of a list; a mesh has far fewer peers. */
const TRUSTED_KEYS_MAX = 10_000;
/** DER in front of the 32 bytes of an Ed25519 public key (RFC 8410). */
const SPKI_HEAD = Buffer.from("302a300506032b6570032100", "hex");

/** A key as people write it: `ed25519:` and 43 characters of base64url. */
export function formatKey(publicKey: Uint8Array): string {
  return KEY_PREFIX + Buffer.from(publicKey).toString("base64url");
}

/** The public key of a data folder; makes the folder and the pair when they are missing. Errors: YARROW_STORE_FAILED. */
export function readPublicKey(folder: string): Uint8Array {
  createPrivateFolder(path.resolve(folder));
  return publicBytes(readKey(folder));
}

/** Errors: YARROW_STORE_FAILED, YARROW_CONFIG_INVALID. `trust`: the file that lists trusted keys; undefined = everybody is let in. */
export function createCredentials(folder: string, trust: TrustedKeys | undefined): Credentials {
  const key = readKey(folder);
  return {
    publicKey: publicBytes(key),
    nonce: () => new Uint8Array(randomBytes(NONCE_BYTES)),
    sign: (statement) => new Uint8Array(sign(null, statement, key)),
    verify: (publicKey, statement, signature) => {
      const der = Buffer.concat([SPKI_HEAD, publicKey]);
      return verify(null, statement, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
    },
    roleOf: trust === undefined ? undefined : (publicKey) => trust.roleOf(publicKey),
  };
}

/** A file of lines `writer ed25519:… comment`, and what it said when it was last good. */
export class TrustedKeys {
  readonly file: string;
  #roles: ReadonlyMap<string, Role>;

  /** Errors: YARROW_CONFIG_INVALID. */
  constructor(file: string) {
    this.file = path.resolve(file);
    this.#roles = parseTrust(readText(this.file), this.file);
  }

  roleOf(publicKey: Uint8Array): Role | undefined {
    return this.#roles.get(formatKey(publicKey));
  }

  /** Reads the file again. A file that cannot be read or is wrong changes nothing. Errors: YARROW_CONFIG_INVALID. */
  reload(): void {
    this.#roles = parseTrust(readText(this.file), this.file);
  }
}

/** Keys and roles of a list. Errors: YARROW_CONFIG_INVALID, with the line. */
export function parseTrust(text: string, file: string): ReadonlyMap<string, Role> {
  const roles = new Map<string, Role>();
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const [role = "", key = ""] = line.trim().split(/\s+/);
    if (role === "" || role.startsWith("#")) continue;
    const place = `${file}:${index + 1}`;
    if (role !== "writer" && role !== "follower") {
      throw invalid(`${place}: a line begins with writer or follower, not ${JSON.stringify(role.slice(0, 40))}`);
    }
    const bytes = key.startsWith(KEY_PREFIX) ? Buffer.from(key.slice(KEY_PREFIX.length), "base64url") : undefined;
    if (bytes?.length !== PUBLIC_KEY_BYTES || formatKey(bytes) !== key) {
      throw invalid(`${place}: ${JSON.stringify(key.slice(0, 80))} is no key; \`yarrow key\` prints one`);
    }
    if (roles.has(key) && roles.get(key) !== role) throw invalid(`${place}: this key is listed twice, in two roles`);
    roles.set(key, role);
    if (roles.size > TRUSTED_KEYS_MAX) throw invalid(`${file}: more than ${TRUSTED_KEYS_MAX} keys`);
  }
  return roles;
}

function readKey(folder: string): KeyObject {
  const file = path.join(folder, KEY_FILE);
  try {
    if (!fs.existsSync(file)) mintKey(folder, file);
    return createPrivateKey(fs.readFileSync(file));
  } catch (error) {
    const detail = error instanceof Error ? error.message : String(error);
    throw new YarrowError("YARROW_STORE_FAILED", `cannot use the key of this peer, ${file}: ${detail}`, {
      cause: error,
      hint: "Restore the file, or delete it: the peer then makes a new key, which the others must be told to trust.",
    });
  }
}

/** Whole or not at all: written aside, then renamed. */
function mintKey(folder: string, file: string): void {
  const { privateKey } = generateKeyPairSync("ed25519");
  const aside = `${file}.${randomBytes(4).toString("hex")}`;
  fs.writeFileSync(aside, privateKey.export({ type: "pkcs8", format: "pem" }), {
    mode: 0o600,
    flag: "wx",
    flush: true,
  });
  fs.renameSync(aside, file);
  syncFolder(folder);
}

function publicBytes(key: KeyObject): Uint8Array {
  const der = createPublicKey(key).export({ type: "spki", format: "der" });
  return new Uint8Array(der.subarray(SPKI_HEAD.length));
}

function readText(file: string): string {
  try {
    return fs.readFileSync(file, "utf8");
  } catch (error) {
    throw invalid(`cannot read the list of trusted keys: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function invalid(message: string): YarrowError {
  return new YarrowError("YARROW_CONFIG_INVALID", message);
}
