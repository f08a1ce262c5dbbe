/**
 * Whoever looks is shown. What a peer holds of a document reaches every tab that stays connected within a minute, which is more
 * than a slow reader is given; a tab that is not shown something is at least cut off, so that it comes again.
 */
import type { Incarnation } from "@yarrow/protocol";
import type { Browser } from "../browser.ts";
import type { Connection } from "../network.ts";
import { violated } from "../witness.ts";

/** How long a tab may lag behind. */
export const LAG_MAX_MS = 60_000;

interface Expectation {
  readonly browser: Browser;
  readonly connection: Connection;
  readonly incarnation: Incarnation;
  readonly clocks: ReadonlyMap<number, number>;
}

export class Timeliness {
  #expected: Expectation[] = [];
  /** Expectations that were held against a tab. */
  checked = 0;

  /** Remembers what the tabs are due to see. */
  expect(browsers: readonly Browser[]): void {
    this.#expected = browsers.flatMap((browser) => {
      const { connection, peer, name } = browser;
      const document = peer.disk.inspector.document(name);
      if (!browser.attached || connection === undefined || document === undefined) return [];
      return [{ browser, connection, incarnation: document.row.incarnation, clocks: document.clocks }];
    });
  }

  /** Call when the time is up. Whoever has come anew, or cannot be reached, is left out. */
  check(): void {
    for (const { browser, connection, incarnation, clocks } of this.#expected) {
      const current = browser.peer.incarnationOf(browser.name);
      if (!browser.attached || browser.connection !== connection || current !== incarnation || connection.stalled)
        continue;
      this.checked++;
      for (const [client, clock] of clocks) {
        const shown = browser.editor.clockOf(client);
        if (shown >= clock) continue;
        violated(
          "timeliness",
          `${browser.place} in ${browser.name} has clock ${shown} of client ${client}, due is ${clock}`,
        );
      }
    }
    this.#expected = [];
  }
}
