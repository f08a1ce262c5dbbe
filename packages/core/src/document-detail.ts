/** Documents as the embedder sees them: a page of rows, or one in full, with its content as a worker reads it. */
import { YarrowError, isAlive } from "@yarrow/protocol";
import type { DocumentRow, Replica, Store } from "@yarrow/replica";
import { DOCUMENTS_PAGE, DOCUMENTS_PAGE_MAX } from "./limits.ts";
import type { DocumentDetail, DocumentInfo, ListOptions, ShowOptions } from "./peer-api.ts";
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

/** Throws YARROW_CONFIG_INVALID. */
export function listDocuments(store: Pick<Store, "listDocuments">, options: ListOptions): DocumentInfo[] {
  const { limit = DOCUMENTS_PAGE, deleted = false, prefix, after } = options;
  if (!Number.isInteger(limit) || limit < 1 || limit > DOCUMENTS_PAGE_MAX) {
    const message = `limit must be a whole number from 1 to ${DOCUMENTS_PAGE_MAX}, not ${limit}`;
    throw new YarrowError("YARROW_CONFIG_INVALID", message);
  }
  const place = { ...(prefix === undefined ? {} : { prefix }), ...(after === undefined ? {} : { after }) };
  return store.listDocuments({ ...place, limit, include: deleted ? "all" : "alive" }).map(documentInfo);
}

function documentInfo(row: DocumentRow): DocumentInfo {
  return {
    name: row.name,
    state: isAlive(row.incarnation) ? "alive" : "deleted",
    incarnation: row.incarnation,
    fingerprint: Buffer.from(row.fingerprint).toString("hex"),
    bytes: row.headBytes + row.tailBytes,
    changedAt: new Date(row.lastArrivalMs),
  };
}
