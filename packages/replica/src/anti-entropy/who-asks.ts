/** Which of two sides asks, so that both directions are repaired by one round. */
import type { ProcessId } from "@yarrow/protocol";
import type { ReplicaConfig } from "../config.ts";
import type { Link } from "../links/link.ts";

/**
 * A side that holds fewer documents than the other by so many of the least that are streamed asks: only to who asks something can be
 * streamed.
 */
const FILLING_SLICES = 4;
const FILLING_SINCE_VERSION = 3;

/**
 * True when this side asks. Where changes go one way, who takes them asks; who lacks many documents asks for itself, and the other
 * waits for it to ask; else it is the lower process id.
 */
export function isAsker(
  link: Link,
  self: { readonly processId: ProcessId; readonly config: ReplicaConfig },
  mine: number,
  theirs: number,
): boolean {
  if (!link.feedsUs || !link.takesOurs) return link.feedsUs;
  if (mine === 0 || theirs === 0) return mine === 0;
  const knowsIt = (link.hello?.protocolMax ?? 0) >= FILLING_SINCE_VERSION;
  const fills = Math.abs(mine - theirs) >= FILLING_SLICES * self.config.sliceDocumentsMin;
  if (knowsIt && fills) return mine < theirs;
  return self.processId < (link.processId ?? "");
}
