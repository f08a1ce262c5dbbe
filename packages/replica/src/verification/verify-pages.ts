/** Lists what this replica holds, in key order, with content digests where asked: our side of a comparison, and our answer to one. */
import type { DocumentKey, VerifyEntry } from "@yarrow/protocol";
import { toHex } from "@yarrow/protocol";
import type { Catalog } from "../catalog/catalog.ts";
import type { Encoder } from "../catalog/encoder.ts";
import type { DocumentRow, Store } from "../store.ts";
import type { Workbench } from "../workbench.ts";

const PAGE = 256;
/** Documents in a page whose contents are digested. */
const DEEP_PAGE = 32;
/** A deep page ends early when its documents weigh this much. */
const DEEP_PAGE_BYTES = 8 * 1024 * 1024;

export class VerifyPages {
  readonly #store: Store;
  readonly #catalog: Catalog;
  readonly #encoder: Encoder;
  readonly #workbench: Workbench;

  constructor(parts: {
    readonly store: Store;
    readonly catalog: Catalog;
    readonly encoder: Encoder;
    readonly workbench: Workbench;
  }) {
    this.#store = parts.store;
    this.#catalog = parts.catalog;
    this.#encoder = parts.encoder;
    this.#workbench = parts.workbench;
  }

  /** The page after a key; `next` is "" when it is the last. */
  after(
    after: DocumentKey | "",
    deep: boolean,
    now: number,
    done: (entries: VerifyEntry[], next: DocumentKey | "") => void,
  ): void {
    const listed = this.#store.listDocumentsByKey(after, deep ? DEEP_PAGE : PAGE);
    const rows = deep ? withinBytes(listed) : listed;
    const last = listed.length < (deep ? DEEP_PAGE : PAGE) && rows.length === listed.length;
    const next = last ? "" : (rows[rows.length - 1]?.key ?? "");
    this.#entries(rows, deep, now, (entries) => done(entries, next));
  }

  /** Everything after one key and up to another ("" = to the end). */
  range(
    after: DocumentKey | "",
    through: DocumentKey | "",
    deep: boolean,
    now: number,
    done: (entries: VerifyEntry[]) => void,
  ): void {
    const rows: DocumentRow[] = [];
    for (let from = after; ;) {
      const page = this.#store.listDocumentsByKey(from, PAGE);
      const within = through === "" ? page : page.filter((row) => row.key <= through);
      rows.push(...within);
      if (page.length < PAGE || within.length < page.length) break;
      from = page[page.length - 1]!.key;
    }
    this.#entries(rows, deep, now, done);
  }

  #entries(rows: readonly DocumentRow[], deep: boolean, now: number, done: (entries: VerifyEntry[]) => void): void {
    const bare = rows.map((row) => ({
      key: row.key,
      name: row.name,
      incarnation: row.incarnation,
      fingerprint: toHex(row.fingerprint),
      contentDigest: "",
    }));
    if (!deep || rows.length === 0) return done(bare);
    this.#workbench.run(
      () => ({
        kind: "digest",
        documents: rows.map((row) => {
          const entry = this.#catalog.entry(row.name, now);
          return { parts: this.#encoder.parts(entry) ?? [], deleteSet: entry.lattice.encodeDeleteSet() };
        }),
      }),
      (result) => {
        const digests = result.kind === "digest" ? result.digests : [];
        done(bare.map((entry, i) => ({ ...entry, contentDigest: digests[i] ?? "" })));
      },
    );
  }
}

function withinBytes(rows: readonly DocumentRow[]): DocumentRow[] {
  const page: DocumentRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    if (page.length > 0 && bytes + row.headBytes + row.tailBytes > DEEP_PAGE_BYTES) break;
    page.push(row);
    bytes += row.headBytes + row.tailBytes;
  }
  return page;
}
