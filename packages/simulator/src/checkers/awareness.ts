/**
 * Who is there is seen, and nobody else is: a minute after everybody came to rest, each tab sees exactly the tabs that are attached to its
 * document, on whatever peer. Tabs that came in that minute may be seen, and need not see.
 */
import type { Browser } from "../browser.ts";
import type { Cluster } from "../cluster.ts";
import { violated } from "../witness.ts";

/** Longer than two renewals are apart, and than what nobody renews is kept. */
const SETTLED_MS = 50_000;
/** A link may be too busy for awareness at times; it is renewed. */
const PATIENCE_MS = 120_000;

export function checkAwareness(cluster: Cluster): void {
  cluster.runUntil(() => findWrong(cluster) === undefined, PATIENCE_MS);
  const wrong = findWrong(cluster);
  if (wrong !== undefined) violated("awareness", wrong);
}

function findWrong({ browsers, timeline }: Cluster): string | undefined {
  const isSettled = (browser: Browser): boolean => browser.attached && timeline.now - browser.attachedAt >= SETTLED_MS;
  for (const viewer of browsers.filter(isSettled)) {
    const attached = browsers.filter(({ name, attached }) => attached && name === viewer.name);
    const seen = new Set(viewer.seen());
    for (const browser of attached) {
      const { client } = browser.editor;
      if (browser !== viewer && !seen.delete(client) && isSettled(browser)) {
        return `${viewer.place} in ${viewer.name} does not see ${browser.place}`;
      }
    }
    for (const ghost of seen) return `${viewer.place} in ${viewer.name} sees client ${ghost}, who is not there`;
  }
  return undefined;
}
