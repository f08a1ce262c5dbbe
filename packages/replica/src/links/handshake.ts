/** Decides, from the two hellos, whether a link may be. Pure: the table in `test/links/handshake.test.ts` is its specification. */
import type { ClusterId, Hello, ProcessId, YarrowErrorCode } from "@yarrow/protocol";
import { FINGERPRINT_VERSION, PROTOCOL_VERSION, PROTOCOL_VERSION_MIN } from "@yarrow/protocol";

export type Verdict =
  | { readonly kind: "open"; readonly protocol: number }
  /** We are blank and take over the cluster id of the other side. */
  | { readonly kind: "adopt"; readonly protocol: number; readonly clusterId: ClusterId }
  | { readonly kind: "refuse"; readonly code: YarrowErrorCode; readonly detail: string };

export interface Identity {
  readonly processId: ProcessId;
  readonly clusterId: ClusterId | undefined;
}

export function judgeHello(mine: Identity, theirs: Hello): Verdict {
  if (theirs.protocolMin > theirs.protocolMax)
    return refuse("YARROW_FRAME_INVALID", "hello with an empty version range");
  if (theirs.processId === mine.processId) return refuse("YARROW_LINK_SELF", "this address leads back to this peer");
  const protocol = Math.min(PROTOCOL_VERSION, theirs.protocolMax);
  if (protocol < Math.max(PROTOCOL_VERSION_MIN, theirs.protocolMin)) {
    return refuse(
      "YARROW_PROTOCOL_UNSUPPORTED",
      `peer ${theirs.peerId} speaks protocol versions ${theirs.protocolMin} to ${theirs.protocolMax}, ` +
        `the peer that refuses it ${PROTOCOL_VERSION_MIN} to ${PROTOCOL_VERSION}: upgrade the ` +
        (theirs.protocolMax < PROTOCOL_VERSION_MIN ? "former" : "latter"),
    );
  }
  if (theirs.fingerprintVersion !== FINGERPRINT_VERSION) {
    return refuse(
      "YARROW_FINGERPRINT_UNSUPPORTED",
      `this peer computes fingerprints of version ${FINGERPRINT_VERSION}, the other of ${theirs.fingerprintVersion}`,
    );
  }
  return judgeCluster(mine.clusterId, theirs.clusterId, protocol);
}

function judgeCluster(mine: ClusterId | undefined, theirs: ClusterId | undefined, protocol: number): Verdict {
  if (mine === undefined && theirs === undefined) {
    return refuse("YARROW_CLUSTER_UNDECIDED", "neither peer knows its cluster yet; give one of them --cluster");
  }
  if (mine === undefined && theirs !== undefined) return { kind: "adopt", protocol, clusterId: theirs };
  if (theirs !== undefined && mine !== theirs) {
    return refuse("YARROW_CLUSTER_MISMATCH", `this peer belongs to cluster ${mine}, the other to ${theirs}`);
  }
  return { kind: "open", protocol };
}

function refuse(code: YarrowErrorCode, detail: string): Verdict {
  return { kind: "refuse", code, detail };
}

/**
 * Which of two links to one process stays. Both sides must come to the same answer without talking: the one that the side
 * with the lower process id dialled; of two dialled by the same side, the newer.
 */
export function newerLinkStays(
  older: { readonly weDialled: boolean },
  newer: { readonly weDialled: boolean },
  mine: ProcessId,
  theirs: ProcessId,
): boolean {
  if (older.weDialled === newer.weDialled) return true;
  return newer.weDialled === mine < theirs;
}
