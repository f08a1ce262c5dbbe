import { expect, it } from "vitest";
import { startNotesService } from "../examples/notes-service.ts";
import { temporaryFolder, until } from "./peers.ts";
import { connectSynced } from "./stock-client.ts";

it("[API14] the notes service serves notes over HTTP and to browsers, and keeps them", async () => {
  const data = temporaryFolder();
  {
    await using service = await startNotesService({ data, listen: "127.0.0.1:0" });
    const post = await fetch(`${service.url}/notes/groceries/week%201`, { method: "POST", body: "milk" });
    expect([post.status, await post.json()]).toEqual([201, { name: "groceries/week 1", text: "milk\n" }]);
    const browser = await connectSynced(service.peer.url ?? "", "groceries/week%201");
    expect(browser.text.toString()).toBe("milk\n");
    browser.text.insert(5, "bread\n");
    await until(async () => {
      const note = (await (await fetch(`${service.url}/notes/groceries/week%201`)).json()) as { text: string };
      return note.text === "milk\nbread\n";
    });
  }
  await using again = await startNotesService({ data });
  expect(await (await fetch(`${again.url}/notes`)).json()).toEqual(["groceries/week 1"]);
  expect((await fetch(`${again.url}/notes/groceries/week%201`, { method: "DELETE" })).status).toBe(200);
  expect((await fetch(`${again.url}/notes/groceries/week%201`)).status).toBe(404);
  expect((await fetch(`${again.url}/notes/${"x".repeat(300)}`, { method: "POST", body: "y" })).status).toBe(400);
});
