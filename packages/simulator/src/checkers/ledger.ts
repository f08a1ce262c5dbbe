/**
 * No acknowledged update is lost. Whatever a peer shows to anyone is owed from then on, until its document is deleted: at the
 * end every peer has it. Only a disk that is allowed to forget (an old copy put back, a peer that runs without syncing) lowers
 * what is owed, and then only to what the disks of all peers together still hold.
 */
import type { Incarnation } from "@yarrow/protocol";
import { Contribution, Ranges } from "@yarrow/replica";
import type { InspectedDocument } from "@yarrow/replica";
import type { Disk } from "../disk.ts";
import type { SimulatedPeer } from "../peer.ts";
import type { Browser } from "../browser.ts";
import type { Deliver, Witness } from "../witness.ts";
import { violated } from "../witness.ts";
import { contributionOf, reachedBy } from "./contributions.ts";

interface Debt {
  incarnation: Incarnation;
  owed: Contribution;
}

export class Ledger implements Witness {
  readonly #disks: () => readonly Disk[];
  readonly #debts = new Map<string, Debt>();
  /** Documents of which something was rightly forgotten, so that an echo may come after what it tells of is gone. */
  readonly #forgiven = new Set<string>();

  constructor(disks: () => readonly Disk[]) {
    this.#disks = disks;
  }

  shown(_peer: SimulatedPeer, { name, incarnation, update }: Deliver): void {
    const debt = this.#debts.get(name);
    if (debt === undefined || incarnation > debt.incarnation) {
      this.#debts.set(name, { incarnation, owed: contributionOf(update) });
    } else if (incarnation === debt.incarnation) debt.owed.join(contributionOf(update));
  }

  acknowledged(browser: Browser, peer: SimulatedPeer, clock: number, incarnation: Incarnation): void {
    const debt = this.#debts.get(browser.name);
    if (this.#forgiven.has(browser.name) || debt === undefined || debt.incarnation !== incarnation) return;
    const { client } = browser.editor;
    if (clock <= (debt.owed.clocks.get(client) ?? 0)) return;
    // Nobody was shown what was committed just before a crash; a client that sends it again learns that it is there.
    const onDisk = peer.disk.inspector.document(browser.name)?.clocks.get(client) ?? 0;
    if (clock <= onDisk) return void debt.owed.clocks.set(client, clock);
    violated(
      "ledger",
      `${peer.place} acknowledged clock ${clock} of ${browser.place} in ${browser.name} before it was committed`,
    );
  }

  lost(): void {
    for (const [name, debt] of this.#debts) {
      const held = this.#heldOf(name);
      if (held.incarnation < debt.incarnation) {
        this.#forgiven.add(name);
        if (held.incarnation === 0) this.#debts.delete(name);
        else this.#debts.set(name, { incarnation: held.incarnation, owed: held.all });
      } else if (held.incarnation === debt.incarnation) {
        const kept = lesser(debt.owed, held.all);
        if (kept.shrunk) this.#forgiven.add(name);
        debt.owed = kept.result;
      }
    }
  }

  /** Every disk must hold all that is owed. */
  check(): void {
    for (const [name, { incarnation, owed }] of this.#debts) {
      for (const [index, disk] of this.#disks().entries()) {
        const document = disk.inspector.document(name);
        const reached = document?.row.incarnation ?? 0;
        if (reached > incarnation) continue;
        if (reached < incarnation) violated("ledger", `peer ${index} lacks incarnation ${incarnation} of ${name}`);
        if (document?.covers(owed) === true) continue;
        violated(
          "ledger",
          `peer ${index} has lost acknowledged updates of ${name}, incarnation ${incarnation}: ${missing(owed, document)}`,
        );
      }
    }
  }

  #heldOf(name: string): { incarnation: Incarnation; all: Contribution } {
    const documents = this.#disks().map(({ inspector }) => inspector.document(name));
    const incarnation = Math.max(0, ...documents.map((document) => document?.row.incarnation ?? 0));
    const all = new Contribution();
    for (const document of documents) {
      if (document?.row.incarnation === incarnation) all.join(reachedBy(document));
    }
    return { incarnation, all };
  }
}

function lesser(owed: Contribution, held: Contribution): { result: Contribution; shrunk: boolean } {
  const result = new Contribution();
  let shrunk = false;
  for (const [client, clock] of owed.clocks) {
    const kept = Math.min(clock, held.clocks.get(client) ?? 0);
    shrunk ||= kept < clock;
    if (kept > 0) result.clocks.set(client, kept);
  }
  for (const [client, ranges] of owed.deletes) {
    const gone = Ranges.from(ranges.minus(held.deletes.get(client) ?? Ranges.empty()));
    shrunk ||= gone.size > 0;
    const kept = Ranges.from(ranges.minus(gone));
    if (kept.size > 0) result.deletes.set(client, kept);
  }
  return { result, shrunk };
}

function missing(owed: Contribution, document: InspectedDocument | undefined): string {
  const clocks = [...owed.clocks].filter(([client, clock]) => clock > (document?.clocks.get(client) ?? 0));
  if (clocks.length === 0) return "deletions";
  return clocks
    .map(([client, clock]) => `client ${client} ${document?.clocks.get(client) ?? 0} of ${clock}`)
    .join(", ");
}
