import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { findBrowser, launchBrowser } from "../browser.ts";

test("a browser starts, shows a page from loopback and runs its script", async () => {
  const server = createServer((_request, response) => {
    response.setHeader("content-type", "text/html; charset=utf-8");
    response.end("<p id=greeting>…</p><script>document.querySelector('#greeting').textContent = 'ready ✓'</script>");
  });
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());

  const page = await browser.newPage();
  await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);

  expect(await page.textContent("#greeting")).toBe("ready ✓");
  expect((await page.screenshot()).subarray(1, 4).toString()).toBe("PNG");
});

test("a browser that is named but missing is refused, never replaced by another", async () => {
  await expect(findBrowser({ CHROMIUM_PATH: "/nowhere/chromium" })).rejects.toThrow("/nowhere/chromium");
});

test("a named browser is taken as it is", async () => {
  expect(await findBrowser({ CHROMIUM_PATH: process.execPath })).toEqual({ executablePath: process.execPath, env: {} });
});
