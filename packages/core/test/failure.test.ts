import { StoreFailedError } from "@yarrow/replica";
import { describe, expect, it } from "vitest";
import type { DocumentHandle } from "../src/peer-api.ts";
import { startOnStore } from "./peer-on-store.ts";
import { startPeer, temporaryFolder, until } from "./peers.ts";
import { connectSynced } from "./stock-client.ts";

function append(handle: DocumentHandle, text: string): void {
  const body = handle.doc.getText("body");
  body.insert(body.length, text);
}

describe("a store that fails", () => {
  it("[API24] ends the peer, closes everything, and leaves the process and the data alive", async () => {
    const data = temporaryFolder();
    const { peer, store } = await startOnStore(data);
    const handle = await peer.open("n");
    append(handle, "safe");
    await handle.saved();
    const client = await connectSynced(peer.url ?? "", "n");
    const failed = new Promise<Error>((resolve) => peer.on("failed", resolve));
    store.transaction = () => {
      throw new StoreFailedError("the disk said no");
    };
    append(handle, " lost");
    await expect(handle.saved()).rejects.toMatchObject({ code: "YARROW_PEER_CLOSED" });
    expect((await failed).message).toBe("the disk said no");
    await until(() => client.closes.length > 0);
    await expect(handle.saved()).rejects.toMatchObject({ code: "YARROW_PEER_CLOSED" });
    await expect(peer.open("n")).rejects.toMatchObject({ code: "YARROW_PEER_CLOSED" });
    await peer.close();
    const again = await startPeer({ data });
    expect((await again.show("n"))?.roots["body"]?.value).toBe("safe");
  });

  it("[API11] refuses writes while it is full, keeps reading, and takes writes again when there is room", async () => {
    const { peer, store } = await startOnStore(temporaryFolder());
    const handle = await peer.open("n");
    append(handle, "before");
    await handle.saved();
    const client = await connectSynced(peer.url ?? "", "n");
    store.limitPages(1);
    const replaced = new Promise<Error>((resolve) => handle.on("replaced", resolve));
    append(handle, "x".repeat(100_000));
    await expect(handle.saved()).rejects.toMatchObject({ code: "YARROW_STORE_FULL" });
    expect(await replaced).toMatchObject({ code: "YARROW_STORE_FULL" });
    expect(peer.status().state).toBe("read-only");
    expect(handle.doc.getText("body").toString()).toBe("before");
    client.text.insert(0, "y".repeat(100_000));
    await until(() => client.closes.length > 0);
    expect(client.closes[0]).toBe(1013);

    store.limitPages(0);
    // The browser kept its edit and brings it back by itself.
    await until(() => handle.doc.getText("body").length === 100_006, 20_000);
    await until(() => peer.status().state === "ready");
    append(handle, " after");
    await handle.saved();
  });
});
