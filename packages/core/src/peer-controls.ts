/** What an operator may do to a running peer: to its links, its role, and documents that are out of use. */
import { ADDRESS_BYTES_MAX, YarrowError } from "@yarrow/protocol";
import type { Role } from "@yarrow/protocol";
import { checkName, LINK_RATE_MIN } from "@yarrow/replica";
import type { QuarantinedDocument, Released, Replica } from "@yarrow/replica";
import type { Loop } from "./loop.ts";
import type { Peer, ReleaseReport } from "./peer-api.ts";
import { changeRole } from "./peer-role.ts";
import type { Requests } from "./requests.ts";

export interface PeerControlsParts {
  readonly replica: Replica;
  readonly loop: Loop;
  readonly requests: Requests;
  readonly clock: () => number;
  /** Throws where the peer is closed or closing. */
  readonly assertOpen: () => void;
}

export class PeerControls implements Pick<Peer, "pauseLinks" | "limitLink" | "setRole" | "quarantined" | "release"> {
  readonly #parts: PeerControlsParts;

  constructor(parts: PeerControlsParts) {
    this.#parts = parts;
  }

  async pauseLinks(paused: boolean, peer?: string): Promise<void> {
    const { replica, loop, assertOpen } = this.#parts;
    assertOpen();
    if (paused && peer !== undefined) {
      assertName(peer);
      if (!replica.mayPause(peer))
        throw tooMany("paused", peer, "Pause all links at once, or resume some that are paused.");
    }
    loop.submit({ type: "pause-links", peer, paused });
    await loop.settled();
  }

  async limitLink(peer: string, bytesPerSecond: number | undefined): Promise<void> {
    const { replica, loop, assertOpen } = this.#parts;
    assertOpen();
    assertName(peer);
    if (bytesPerSecond !== undefined) {
      if (!(bytesPerSecond >= LINK_RATE_MIN && Number.isFinite(bytesPerSecond))) {
        throw new YarrowError("YARROW_CONFIG_INVALID", `a link cannot go at ${bytesPerSecond} bytes per second`, {
          hint: `At least ${LINK_RATE_MIN} are needed to keep it alive; \`yarrow link pause\` cuts it.`,
        });
      }
      if (!replica.mayLimit(peer))
        throw tooMany("limited", peer, "Lift some limits with `yarrow link limit PEER off`.");
    }
    loop.submit({ type: "limit-link", peer, bytesPerSecond });
    await loop.settled();
  }

  async setRole(role: Role): Promise<void> {
    const { requests, assertOpen } = this.#parts;
    assertOpen();
    await changeRole(requests, role);
  }

  quarantined(): QuarantinedDocument[] {
    const { replica, clock, assertOpen } = this.#parts;
    assertOpen();
    return replica.quarantined(clock());
  }

  async release(name: string): Promise<ReleaseReport> {
    const { requests, assertOpen } = this.#parts;
    assertOpen();
    checkName(name);
    const { outcome, detail } = await requests.ask<Released>((request) => ({ type: "release", request, name }));
    return { outcome, detail };
  }
}

/** Errors: YARROW_LINK_NOT_FOUND where no peer or address can have that name. */
function assertName(peer: string): void {
  const bytes = Buffer.byteLength(peer);
  if (bytes <= ADDRESS_BYTES_MAX) return;
  throw new YarrowError("YARROW_LINK_NOT_FOUND", `no peer or address has a name of ${bytes} bytes`);
}

function tooMany(what: string, peer: string, hint: string): YarrowError {
  return new YarrowError("YARROW_LINK_LIMIT", `no more peers can be ${what} by name: ${peer}`, { hint });
}
