/** What an update brings, read from its bytes. */
import { Contribution, Ranges, scanUpdate } from "@yarrow/replica";
import type { InspectedDocument } from "@yarrow/replica";

export function contributionOf(update: Uint8Array): Contribution {
  const contribution = new Contribution();
  const { sections, deletes, implied } = scanUpdate(update);
  for (const { client, end } of sections) contribution.clocks.set(client, end);
  for (const { client, ranges } of [...deletes, ...implied]) {
    const known = contribution.deletes.get(client);
    if (known === undefined) contribution.deletes.set(client, Ranges.from(ranges));
    else known.addAll(Ranges.from(ranges));
  }
  return contribution;
}

/** All that a document holds, as a value of its own. */
export function reachedBy({ clocks, deletes }: InspectedDocument): Contribution {
  const reached = new Contribution();
  for (const [client, clock] of clocks) reached.clocks.set(client, clock);
  for (const [client, ranges] of deletes) reached.deletes.set(client, ranges.clone());
  return reached;
}
