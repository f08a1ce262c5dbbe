/** Stock client code against the relay over the real replica, one site and two. */
import { afterEach, describe, expect, it } from "vitest";
import * as Y from "yjs";
import { Site, run } from "./site.ts";
import { StockClient } from "./stock-client.ts";

const clients: StockClient[] = [];

function client(name: string): StockClient {
  const made = new StockClient();
  made.awareness.setLocalState({ name });
  clients.push(made);
  return made;
}

afterEach(() => {
  for (const made of clients.splice(0)) made.destroy();
});

let now = 1_000_000;

function settle(...sites: readonly Site[]): void {
  now = run(sites, now, 50);
}

describe("stock clients at one site", () => {
  it("[REL2] three that were apart have the same text, and see each other", () => {
    const site = new Site(1, now);
    const [ada, bob, eve] = [client("Ada"), client("Bob"), client("Eve")];
    ada.type("one ");
    bob.type("two ");
    for (const one of [ada, bob, eve]) site.connect(one);
    settle(site);
    eve.type("three ");
    ada.type("four ");
    settle(site);

    expect(ada.text).toHaveLength("one two three four ".length);
    expect([bob.text, eve.text]).toEqual([ada.text, ada.text]);
    for (const one of [ada, bob, eve]) {
      expect(one.synced).toBe(true);
      expect(one.names).toEqual(["Ada", "Bob", "Eve"]);
      expect(one.document.store.pendingStructs).toBeNull();
    }
  });

  it("[REL7] every update comes back to its writer", () => {
    const site = new Site(1, now);
    const ada = client("Ada");
    site.connect(ada);
    settle(site);
    ada.type("x");
    settle(site);
    expect(ada.echoes).toHaveLength(1);
    const copy = new Y.Doc();
    for (const echo of ada.echoes) Y.applyUpdate(copy, echo);
    expect(copy.getText("body").toString()).toBe("x");
  });

  it("[REL38] a tab that reconnects at once is never missed by the others, and gets what it missed", () => {
    const site = new Site(1, now);
    const [ada, bob] = [client("Ada"), client("Bob")];
    const first = site.connect(ada);
    site.connect(bob);
    settle(site);
    site.disconnect(first);
    ada.type("offline");
    bob.type("online");
    now = run([site], now, 1_000);
    site.connect(ada);
    now = run([site], now, 8_000);
    expect(ada.text).toBe(bob.text);
    expect(ada.text).toHaveLength("offlineonline".length);
    expect(bob.names).toEqual(["Ada", "Bob"]);
    // Its provider forgot Bob but not his clock, so it sees him again when he moves or renews, which is within 15 s.
    expect(ada.names).toEqual(["Ada"]);
    bob.awareness.setLocalState({ name: "Bob" });
    settle(site);
    expect(ada.names).toEqual(["Ada", "Bob"]);
  });

  it("[REL37] a tab that does not come back is gone for the others after 5 s", () => {
    const site = new Site(1, now);
    const [ada, bob] = [client("Ada"), client("Bob")];
    const first = site.connect(ada);
    site.connect(bob);
    settle(site);
    site.disconnect(first);
    now = run([site], now, 4_900);
    expect(bob.names).toEqual(["Ada", "Bob"]);
    now = run([site], now, 200);
    expect(bob.names).toEqual(["Bob"]);
  });

  it("[REL27] a slow reader is repaired, and so is what it wrote meanwhile", () => {
    const site = new Site(1, now);
    const [ada, bob] = [client("Ada"), client("Bob")];
    site.connect(ada);
    const slow = site.connect(bob);
    settle(site);
    ada.type("before ");
    settle(site);
    site.stick(slow);
    ada.type("during ");
    ada.document.getText("body").delete(0, 3);
    bob.type("mine ");
    settle(site);
    expect(bob.text).toBe("before mine ");
    site.unstick(slow);
    ada.type("after");
    settle(site);
    expect(bob.text).toBe(ada.text);
    expect(bob.document.store.pendingStructs).toBeNull();
    expect(site.closes).toEqual([]);
  });

  it("[REL20] a deleted document closes its sessions with 4404, a stale tab too, and a fresh one may write it anew", () => {
    const site = new Site(1, now);
    const [ada, eve] = [client("Ada"), client("Eve")];
    const first = site.connect(ada);
    settle(site);
    ada.type("old");
    settle(site);
    site.inbox.push({ type: "delete", request: 1, name: "note" });
    settle(site);
    expect(site.closes).toEqual([{ session: first, code: 4404 }]);
    expect(site.relay.presenceOf("note")).toEqual([]);

    const fresh = site.connect(eve);
    settle(site);
    eve.type("new");
    settle(site);
    const second = site.connect(ada);
    settle(site);
    // The second denial of the same client: it is left waiting, and sees nothing of the new document.
    expect(site.relay.counts().parked).toBe(1);
    now = run([site], now, 25_000);
    expect(site.closes.at(-1)).toEqual({ session: second, code: 4404 });
    expect(ada.text).toBe("old");
    expect(eve.text).toBe("new");
    expect(site.clients.has(fresh)).toBe(true);
  });
});

describe("stock clients at two sites", () => {
  it("[REL43] converge, see each other while they stay, and not when they leave", () => {
    const [west, east] = [new Site(1, now), new Site(2, now)];
    west.linkTo(east);
    const [ada, bob] = [client("Ada"), client("Bob")];
    const first = west.connect(ada);
    east.connect(bob);
    settle(west, east);
    ada.type("west ");
    settle(west, east);
    bob.type("east");
    settle(west, east);
    expect([ada.text, bob.text]).toEqual(["west east", "west east"]);
    expect([ada.names, bob.names]).toEqual([
      ["Ada", "Bob"],
      ["Ada", "Bob"],
    ]);
    west.disconnect(first);
    now = run([west, east], now, 6_000);
    expect(bob.names).toEqual(["Bob"]);
  });

  it("[REL42] see those who were there before the link came up", () => {
    const [west, east] = [new Site(1, now), new Site(2, now)];
    const [ada, bob] = [client("Ada"), client("Bob")];
    west.connect(ada);
    east.connect(bob);
    settle(west, east);
    west.linkTo(east);
    now = run([west, east], now, 12_000);
    expect(bob.names).toEqual(["Ada", "Bob"]);
    expect(ada.names).toEqual(["Ada", "Bob"]);
  });
});
