/**
 * Names of documents and clusters, and what is derived from them.
 */
import { digest as sha256 } from "lib0/hash/sha256";
import { encodeUtf8 } from "lib0/string";
import { NAME_BYTES_MAX, YarrowError, toHex, type ClusterId, type DocumentKey } from "@yarrow/protocol";

/** Throws YARROW_NAME_INVALID unless the name is 1 to 256 bytes of well-formed text without NUL. */
export function checkName(name: string): void {
  const reason = complaintAbout(name);
  if (reason !== undefined) {
    const shown = JSON.stringify(name.length > 40 ? `${name.slice(0, 40)}…` : name);
    throw new YarrowError("YARROW_NAME_INVALID", `document name ${shown} ${reason}`);
  }
}

/** The first 8 bytes of SHA-256 of the name's UTF-8, in hex. */
export function documentKey(name: string): DocumentKey {
  return toHex(sha256(encodeUtf8(name)).subarray(0, 8)) as DocumentKey;
}

/** The first 16 bytes of SHA-256 of "yarrow cluster", a NUL, and the name, in hex. */
export function clusterIdOf(name: string): ClusterId {
  return toHex(sha256(encodeUtf8(`yarrow cluster\0${name}`)).subarray(0, 16)) as ClusterId;
}

function complaintAbout(name: string): string | undefined {
  if (name.length === 0) return "is empty";
  if (name.includes("\0")) return "contains NUL";
  // Half a surrogate pair has no UTF-8: two such names would become one on disk.
  if (/\p{Surrogate}/u.test(name)) return "is not well-formed Unicode";
  // A UTF-16 unit is at most three bytes and at least one.
  const bytes = name.length > NAME_BYTES_MAX ? name.length : encodeUtf8(name).length;
  return bytes > NAME_BYTES_MAX ? `exceeds ${NAME_BYTES_MAX} bytes` : undefined;
}
