/** What whoever still asks a closed peer is told. */
import { YarrowError } from "@yarrow/protocol";

export function closedError(cause?: unknown): YarrowError {
  return new YarrowError("YARROW_PEER_CLOSED", "the peer is closed", { cause });
}
