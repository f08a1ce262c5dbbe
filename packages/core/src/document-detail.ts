/** One document in full: its row, and its content as a worker reads it. */
import { YarrowError, isAlive } from "@yarrow/protocol";
import type { Replica } from "@yarrow/replica";
import type { DocumentDetail, ShowOptions } from "./peer-api.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** Undefined when nothing of that name was ever written. Errors: YARROW_DOCUMENT_QUARANTINED when the content cannot be read. */
export async function describeDocument(
  replica: Replica,
  pool: WorkerPool,
  name: string,
  now: number,
  { as }: ShowOptions,
): Promise<DocumentDetail | undefined> {
  const document = replica.read(name, now);
  if (document === undefined) return undefined;
  const { row, parts, deleteSet, pendingBytes } = document;
  const { incarnation, fingerprint } = row;
  const content = await pool.run({ kind: "describe", parts, deleteSet, as });
  if (content.kind !== "describe") {
    const detail = content.kind === "failed" ? content.detail : "no content";
    throw new YarrowError("YARROW_DOCUMENT_QUARANTINED", `${name} cannot be read: ${detail}`);
  }
  return {
    name,
    state: isAlive(incarnation) ? "alive" : "deleted",
    incarnation,
    fingerprint: Buffer.from(fingerprint).toString("hex"),
    contentDigest: content.contentDigest,
    pending: pendingBytes,
    roots: content.roots,
    update: content.update,
  };
}
