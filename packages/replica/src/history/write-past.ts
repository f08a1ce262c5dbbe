/**
 * Writes the whole set as it was at an instant into an empty store: documents with the incarnations, content and fingerprints they
 * had, deletions, and the set tree over them. What came later, and how it came to that, stays behind.
 *
 * The fence of a document is the one it has by now, without the clients that were alive then: those that died later are in it too,
 * which keeps out only tabs of a time that the new set does not know.
 */
import type { ClusterId } from "@yarrow/protocol";
import { YarrowError } from "@yarrow/protocol";
import { Catalog } from "../catalog/catalog.ts";
import { commitChanges } from "../catalog/commit.ts";
import { createConfig } from "../config.ts";
import { decodeFence } from "../document/fence.ts";
import { createFingerprintKey } from "../document/fingerprint.ts";
import { encodeDifference } from "../document/merge.ts";
import { SetTree } from "../set-tree/set-tree.ts";
import type { DocumentRow, Store } from "../store.ts";
import { readPast } from "./past.ts";
import type { PastContent, PastStore } from "./past.ts";
import { pastRecord } from "./past-record.ts";

export interface WritePast {
  readonly source: PastStore;
  /** Empty. */
  readonly target: Store;
  /** Within what the source can tell. */
  readonly timeMs: number;
  /** Of the target. Fingerprints depend on it. */
  readonly clusterId: ClusterId;
  /** Leave out what cannot be read. Otherwise it is refused with YARROW_DOCUMENT_QUARANTINED. */
  readonly acceptDamage: boolean;
  /** Called after each page with the number of documents looked at. */
  readonly onPage: (documents: number) => void;
}

export interface WrittenPast {
  readonly alive: number;
  readonly deleted: number;
  /** Names of documents of which something is missing. */
  readonly damaged: readonly string[];
}

/** Documents committed together, and held in memory. */
const PAGE_DOCUMENTS = 64;
const EMPTY_STATE_VECTOR = Uint8Array.of(0);

/** Errors: YARROW_DOCUMENT_QUARANTINED, and those of the target. */
export function writePast(options: WritePast): WrittenPast {
  const { source, target, timeMs, clusterId, onPage } = options;
  const config = createConfig();
  const key = createFingerprintKey(clusterId);
  const tree = new SetTree(target, key, config.leafDocumentsMax);
  const catalog = new Catalog(target, key, config, () => false);
  const written = { alive: 0, deleted: 0, damaged: [] as string[] };
  target.transaction(() => target.writeClusterId(clusterId));
  let looked = 0;
  for (let after = ""; ;) {
    const rows = source.listDocuments({ limit: PAGE_DOCUMENTS, include: "all", ...(after === "" ? {} : { after }) });
    for (const row of rows) stageDocument(options, catalog, row, written);
    const changes = catalog.takeStaged();
    for (const outcome of commitChanges({ store: target, tree, catalog, config, now: timeMs }, changes)) {
      if (!outcome.committed) throw outcome.error;
    }
    for (const { name } of rows) catalog.evict(name);
    looked += rows.length;
    onPage(looked);
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_DOCUMENTS) return written;
    after = last.name;
  }
}

function stageDocument(
  { source, timeMs, clusterId, acceptDamage }: WritePast,
  catalog: Catalog,
  { name }: DocumentRow,
  written: { alive: number; deleted: number; readonly damaged: string[] },
): void {
  const past = readPast(source, name, timeMs);
  if (past.state === "absent") return;
  const fence = past.state === "gone" ? undefined : fenceOf(past);
  if (past.state === "gone" || past.damaged || fence === undefined) {
    if (!acceptDamage) throw damagedDocument(name);
    written.damaged.push(name);
    if (past.state === "gone") return;
  }
  const { parts, incarnation } = past;
  const { deleteSet, clients } = pastRecord(past, clusterId);
  for (const client of clients) fence?.delete(client);
  const staged = catalog.staged(catalog.entry(name, timeMs));
  catalog.move(staged, incarnation, fence ?? []);
  if (past.state === "deleted") {
    written.deleted++;
    return;
  }
  const update = encodeDifference(parts, EMPTY_STATE_VECTOR, deleteSet);
  catalog.offer(staged, catalog.scan(update, "repair"), "", "repair");
  written.alive++;
}

function fenceOf({ row: { fence } }: PastContent): Set<number> | undefined {
  return fence === undefined ? undefined : decodeFence(fence);
}

function damagedDocument(name: string): YarrowError {
  return new YarrowError(
    "YARROW_DOCUMENT_QUARANTINED",
    `${name} cannot be read as it was: rows of that time are damaged`,
    {
      hint: "Choose another instant, or accept that something is missing (--accept-damage, option acceptDamage).",
    },
  );
}
