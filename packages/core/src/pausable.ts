/** Whether links can be paused by a name. */
import { ADDRESS_BYTES_MAX, YarrowError } from "@yarrow/protocol";
import type { Replica } from "@yarrow/replica";

/** Errors: YARROW_LINK_NOT_FOUND where no peer or address can have that name, YARROW_LINK_LIMIT. */
export function assertPausable(replica: Replica, peer: string): void {
  const bytes = Buffer.byteLength(peer);
  if (bytes > ADDRESS_BYTES_MAX) {
    throw new YarrowError("YARROW_LINK_NOT_FOUND", `no peer or address has a name of ${bytes} bytes`);
  }
  if (replica.mayPause(peer)) return;
  throw new YarrowError("YARROW_LINK_LIMIT", `no more peers can be paused by name: ${peer}`, {
    hint: "Pause all links at once, or resume some that are paused.",
  });
}
