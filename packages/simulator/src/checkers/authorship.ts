/**
 * Nothing appears that nobody wrote, and nothing looks other than it was written. All local updates of all clients are kept;
 * those that the peers hold at the end, applied by plain Yjs to an empty document, must give exactly the peers' content. And no client
 * writes a clock twice: two structs under one name are the one difference that no merge can see.
 */
import { contentDigest, scanUpdate } from "@yarrow/replica";
import type { Contribution, InspectedDocument } from "@yarrow/replica";
import type { Witness } from "../witness.ts";
import { violated } from "../witness.ts";
import { contributionOf } from "./contributions.ts";

interface Written {
  readonly update: Uint8Array;
  readonly contribution: Contribution;
}

interface Client {
  readonly name: string;
  clock: number;
}

export class Authorship implements Witness {
  readonly #clients = new Map<number, Client>();
  readonly #written = new Map<string, Written[]>();

  wrote(client: number, name: string, update: Uint8Array): void {
    const contribution = contributionOf(update);
    const known = this.#clients.get(client) ?? { name, clock: 0 };
    if (known.name !== name) violated("authorship", `client ${client} was drawn twice; choose another seed`);
    this.#clients.set(client, known);
    const before = known.clock;
    for (const { client: writer, start } of scanUpdate(update).sections) {
      if (writer === client && start < before)
        violated("equivocation", `client ${client} in ${name} wrote clock ${start} twice; it was at ${before}`);
    }
    for (const [writer, clock] of contribution.clocks) {
      if (writer === client) known.clock = Math.max(known.clock, clock);
      else violated("authorship", `a local update of client ${client} holds structs of client ${writer}`);
    }
    const list = this.#written.get(name);
    if (list === undefined) this.#written.set(name, [{ update, contribution }]);
    else list.push({ update, contribution });
  }

  /** Every client of the document is known, and wrote at least as much as is there. */
  checkClocks(name: string, document: InspectedDocument): void {
    for (const [client, clock] of document.clocks) {
      const known = this.#clients.get(client);
      if (known?.name !== name) violated("authorship", `${name} holds client ${client}, who never wrote there`);
      if (clock > known.clock)
        violated("authorship", `${name} holds clock ${clock} of client ${client}, who wrote ${known.clock}`);
    }
  }

  /** `digest`: of the content that the peers agree on. */
  checkContent(name: string, document: InspectedDocument, digest: string): void {
    this.checkClocks(name, document);
    const parts = (this.#written.get(name) ?? []).filter(({ contribution }) => document.covers(contribution));
    const reference = contentDigest(
      parts.map(({ update }) => update),
      document.deleteSet(),
    );
    if (reference !== digest) violated("authorship", `${name} reads otherwise than its clients have written it`);
  }
}
