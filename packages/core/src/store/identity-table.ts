/** Who this peer is and whom it knows: its ids, the addresses of others, and its starts. */
import { randomBytes } from "node:crypto";
import type { ClusterId, PeerId, Role } from "@yarrow/protocol";
import { YarrowError } from "@yarrow/protocol";
import type { AddressRow, ArrivalSequence, BootRow, StandingRow } from "@yarrow/replica";
import { BOOTS_MAX } from "@yarrow/replica";
import { checked, checksumOf, textPlace } from "./checksum.ts";
import type { Command, Connection, Query } from "./connection.ts";

const PEER_ID_BYTES = 16;
const ID_PATTERN = /^[0-9a-f]{32}$/;
const ROLE_PATTERN = /^(writer|follower)$/;
const STANDINGS_PATTERN = /^\[.*\]$/;
/** What is kept with a checksum behind a colon. */
const SEALED = new Map([
  ["peer_id", ID_PATTERN],
  ["cluster_id", ID_PATTERN],
  ["role", ROLE_PATTERN],
  ["standings", STANDINGS_PATTERN],
]);

export class IdentityTable {
  readonly #connection: Connection;
  readonly #readMeta: Query<[value: string]>;
  readonly #writeMeta: Command;
  readonly #listAddresses: Query<[peerId: string, seenMs: number, checksum: number, urls: Buffer]>;
  readonly #writeAddress: Command;
  readonly #deleteAddress: Command;
  readonly #listBoots: Query<[epoch: string, firstSequence: number, startedMs: number]>;
  readonly #insertBoot: Command;
  readonly #trimBoots: Command;
  readonly #clearBoots: Command;
  readonly #forgetOthers: Command;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#readMeta = connection.query("SELECT value FROM meta WHERE key = ?");
    this.#writeMeta = connection.command(
      "INSERT INTO meta (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
    );
    this.#listAddresses = connection.query(
      "SELECT peer_id, seen_ms, checksum, urls FROM peer_address ORDER BY peer_id",
    );
    this.#writeAddress = connection.command(
      "INSERT OR REPLACE INTO peer_address (peer_id, seen_ms, checksum, urls) VALUES (?, ?, ?, ?)",
    );
    this.#deleteAddress = connection.command("DELETE FROM peer_address WHERE peer_id = ?");
    this.#listBoots = connection.query("SELECT epoch, first_sequence, started_ms FROM boot ORDER BY number");
    this.#insertBoot = connection.command("INSERT INTO boot (epoch, first_sequence, started_ms) VALUES (?, ?, ?)");
    this.#clearBoots = connection.command("DELETE FROM boot");
    this.#forgetOthers = connection.command("DELETE FROM meta WHERE key IN ('role', 'standings')");
    this.#trimBoots = connection.command("DELETE FROM boot WHERE number <= (SELECT max(number) FROM boot) - ?");
  }

  /** The peer's id, minted when there is none yet. Errors: YARROW_STORE_CORRUPT. */
  ensurePeerId(): PeerId {
    const stored = this.#readSealed("peer_id", ID_PATTERN);
    if (stored !== undefined) return stored as PeerId;
    const minted = mintPeerId();
    this.#connection.transaction(() => this.#writeMeta.run("peer_id", seal(minted)));
    return minted;
  }

  /**
   * Makes this the store of another peer: a new id, no role but the one it will be told, no standing of others, and no
   * start that an earlier feed cursor could belong to.
   */
  renew(): PeerId {
    const minted = mintPeerId();
    this.#writeMeta.run("peer_id", seal(minted));
    this.#clearBoots.run();
    this.#forgetOthers.run();
    return minted;
  }

  readClusterId(): ClusterId | undefined {
    return this.#readSealed("cluster_id", ID_PATTERN) as ClusterId | undefined;
  }

  writeClusterId(id: ClusterId): void {
    this.#writeMeta.run("cluster_id", seal(id));
  }

  readRole(): Role | undefined {
    return this.#readSealed("role", ROLE_PATTERN) as Role | undefined;
  }

  writeRole(role: Role): void {
    this.#writeMeta.run("role", seal(role));
  }

  /** None where the value is damaged: they are learnt again. */
  readStandings(): StandingRow[] {
    const text = unseal(this.#readMeta.get("standings")?.[0] ?? "", STANDINGS_PATTERN);
    const rows = JSON.parse(text ?? "[]") as readonly [PeerId, ArrivalSequence, number][];
    return rows.map(([peerId, sequence, seenMs]) => ({ peerId, sequence, seenMs }));
  }

  writeStandings(rows: readonly StandingRow[]): void {
    const packed = rows.map(({ peerId, sequence, seenMs }) => [peerId, sequence, seenMs]);
    this.#writeMeta.run("standings", seal(JSON.stringify(packed)));
  }

  /** A damaged row is left out: addresses are learnt again. */
  listAddresses(): AddressRow[] {
    return this.#listAddresses.all().flatMap(([peerId, seenMs, checksum, urls]) => {
      const sound = checked(urls, checksum, textPlace(peerId));
      return sound === undefined
        ? []
        : [{ peerId: peerId as PeerId, urls: JSON.parse(Buffer.from(sound).toString()) as string[], seenMs }];
    });
  }

  writeAddress(row: AddressRow): void {
    const urls = Buffer.from(JSON.stringify(row.urls));
    this.#writeAddress.run(row.peerId, row.seenMs, checksumOf(urls, textPlace(row.peerId)), urls);
  }

  deleteAddress(peerId: PeerId): void {
    this.#deleteAddress.run(peerId);
  }

  writeBoot(row: BootRow): void {
    this.#insertBoot.run(row.epoch, row.firstSequence, row.startedMs);
    this.#trimBoots.run(BOOTS_MAX);
  }

  listBoots(): BootRow[] {
    return this.#listBoots.all().map(([epoch, firstSequence, startedMs]) => ({ epoch, firstSequence, startedMs }));
  }

  /** A wrong id would make this peer a stranger to the others, a wrong role a writer. */
  #readSealed(key: string, pattern: RegExp): string | undefined {
    const value = this.#readMeta.get(key)?.[0];
    if (value === undefined) return undefined;
    const text = unseal(value, pattern);
    if (text !== undefined) return text;
    throw new YarrowError(
      "YARROW_STORE_CORRUPT",
      `the ${key} stored in ${this.#connection.folder} is damaged: ${value}`,
      {
        hint: "Restore a copy of the data folder, or start with an empty one; the peer fetches the documents from the others.",
      },
    );
  }
}

function mintPeerId(): PeerId {
  return randomBytes(PEER_ID_BYTES).toString("hex") as PeerId;
}

/** An id or a role as it is kept in `meta`: its checksum stands behind a colon. */
function seal(value: string): string {
  return `${value}:${textPlace(value)}`;
}

/** The id in a value of `meta`, or undefined when it is not the one that was written. */
export function unsealId(value: string): string | undefined {
  return unseal(value, ID_PATTERN);
}

/** Whether a row of `meta` is the one that was written, as far as that can be told. */
export function isSoundMeta(key: string, value: string): boolean {
  const pattern = SEALED.get(key);
  return pattern === undefined || unseal(value, pattern) !== undefined;
}

function unseal(value: string, pattern: RegExp): string | undefined {
  const text = value.slice(0, value.indexOf(":"));
  return pattern.test(text) && seal(text) === value ? text : undefined;
}
