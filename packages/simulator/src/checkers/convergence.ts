/**
 * At rest all peers hold the same: equal roots, equal records and equal content of every document, and every tab and every
 * embedded handle shows what the peers hold.
 */
import { toHex } from "@yarrow/protocol";
import { contentDigest } from "@yarrow/replica";
import type { InspectedDocument } from "@yarrow/replica";
import * as Y from "yjs";
import type { Editor } from "../editor.ts";
import type { SimulatedPeer } from "../peer.ts";
import { violated } from "../witness.ts";

export interface Agreed {
  readonly document: InspectedDocument;
  readonly digest: string;
}

/** True when all roots are equal and nothing is under way inside of any peer. */
export function haveEqualRoots(peers: readonly SimulatedPeer[]): boolean {
  const roots = new Set(peers.map((peer) => peer.replica?.status(peer.now()).root));
  return roots.size === 1 && !roots.has(undefined);
}

/** Returns what all peers agree on, by name. */
export function checkConvergence(peers: readonly SimulatedPeer[]): Map<string, Agreed> {
  if (!haveEqualRoots(peers)) violated("convergence", describeRoots(peers));
  const agreed = new Map<string, Agreed>();
  for (const [index, peer] of peers.entries()) {
    const { store, inspector } = peer.disk;
    const rows = store
      .listDocuments({ limit: Number.MAX_SAFE_INTEGER, include: "all" })
      .filter((row) => row.incarnation > 0);
    if (index > 0 && rows.length !== agreed.size)
      violated("convergence", `${peer.place} has ${rows.length} of ${agreed.size} documents`);
    for (const { name } of rows) {
      const document = inspector.document(name);
      if (document === undefined) continue;
      const digest = contentDigest(document.parts(), document.deleteSet());
      const first = agreed.get(name);
      if (first === undefined) {
        if (index > 0) violated("convergence", `only ${peer.place} has ${name}`);
        agreed.set(name, { document, digest });
      } else checkSame(peer, name, first, { document, digest });
    }
  }
  return agreed;
}

/** `what` names the editor for people. */
export function checkEditor(editor: Editor, what: string, agreed: ReadonlyMap<string, Agreed>): void {
  const update = Y.encodeStateAsUpdate(editor.doc);
  const shown = contentDigest([update], new Uint8Array(0));
  const known = agreed.get(editor.name);
  const alive = known !== undefined && known.document.row.incarnation % 2 === 1;
  const expected = alive ? known.digest : contentDigest([], new Uint8Array(0));
  if (shown === expected) return;
  violated(
    "convergence",
    `${what} shows ${editor.name} otherwise than the peers hold it: ${difference(editor, known?.document)}`,
  );
}

/** For people: which clients the two do not agree on. */
function difference({ doc, client }: Editor, document: InspectedDocument | undefined): string {
  const shown = new Map([...doc.store.clients.keys()].map((writer) => [writer, Y.getState(doc.store, writer)]));
  const held = document?.clocks ?? new Map<number, number>();
  const lines = [...new Set([...shown.keys(), ...held.keys()])]
    .filter((writer) => shown.get(writer) !== held.get(writer))
    .map(
      (writer) =>
        `${writer === client ? "its own client" : `client ${writer}`} ${shown.get(writer) ?? 0}, held ${held.get(writer) ?? 0}`,
    );
  return lines.length === 0 ? "deletions" : lines.join("; ");
}

function checkSame(peer: SimulatedPeer, name: string, first: Agreed, other: Agreed): void {
  const [one, two] = [first.document.row, other.document.row];
  if (one.incarnation !== two.incarnation) violated("convergence", `incarnations of ${name} differ at ${peer.place}`);
  if (toHex(one.fingerprint) !== toHex(two.fingerprint))
    violated("convergence", `fingerprints of ${name} differ at ${peer.place}`);
  if (toHex(one.fence ?? one.fingerprint) !== toHex(two.fence ?? two.fingerprint)) {
    violated("convergence", `fences of ${name} differ at ${peer.place}`);
  }
  if (first.digest !== other.digest)
    violated("convergence", `${peer.place} reads ${name} otherwise, with an equal fingerprint`);
  if (first.digest === "") violated("convergence", `${name} cannot be read at ${peer.place}`);
}

function describeRoots(peers: readonly SimulatedPeer[]): string {
  const roots = peers.map((peer) => `${peer.place} ${peer.replica?.status(peer.now()).root ?? "down"}`);
  return `roots differ: ${roots.join(", ")}`;
}
