/** Within one incarnation, clocks and deletions on a disk only grow, unless the disk was allowed to forget. */
import type { Contribution, InspectedDocument } from "@yarrow/replica";
import type { SimulatedPeer } from "../peer.ts";
import type { Witness } from "../witness.ts";
import { violated } from "../witness.ts";
import { reachedBy } from "./contributions.ts";

interface Stand {
  readonly document: InspectedDocument;
  readonly incarnation: number;
  readonly reached: Contribution;
}

export class Monotony implements Witness {
  readonly #stands = new Map<SimulatedPeer, Map<string, Stand>>();

  lost(peer: SimulatedPeer): void {
    this.#stands.delete(peer);
  }

  /** Compares with the last time, and remembers this one. */
  check(peer: SimulatedPeer): void {
    const { store, inspector } = peer.disk;
    const before = this.#stands.get(peer);
    const now = new Map<string, Stand>();
    for (const { name } of store.listDocuments({ limit: Number.MAX_SAFE_INTEGER, include: "all" })) {
      const document = inspector.document(name);
      if (document === undefined) continue;
      const { incarnation } = document.row;
      const last = before?.get(name);
      if (last?.document === document) {
        now.set(name, last);
        continue;
      }
      if (last !== undefined && last.incarnation > incarnation) {
        violated(
          "monotony",
          `${peer.place} went back from incarnation ${last.incarnation} to ${incarnation} of ${name}`,
        );
      }
      if (last?.incarnation === incarnation && !document.covers(last.reached)) {
        violated("monotony", `${peer.place} has less of ${name} than it had`);
      }
      now.set(name, { document, incarnation, reached: reachedBy(document) });
    }
    for (const name of before?.keys() ?? []) {
      if (!now.has(name)) violated("monotony", `${peer.place} no longer knows ${name}`);
    }
    this.#stands.set(peer, now);
  }
}
