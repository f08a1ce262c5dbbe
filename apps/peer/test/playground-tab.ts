/**
 * One tab of the playground in a real browser, in words of the page: editors, switches, what each peer reports. It finds
 * things by the marks that the playground's README promises to tests. Every wait ends with its condition or its deadline.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from "playwright-core";
import { expect } from "vitest";

const DEADLINE_MS = 10_000;

/** Kept after the test, for people to look at. */
const PICTURES = fileURLToPath(new URL("../../../test-results/playground/", import.meta.url));

const WINDOW = { width: 1440, height: 1000 };

export class Tab {
  readonly #context: BrowserContext;
  readonly #page: Page;
  /** What the page threw or reported as an error. */
  readonly errors: string[] = [];

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.#page = page;
    page.on("pageerror", (error) => this.errors.push(error.message));
  }

  /** A tab with cookies, storage and connections of its own, as if on another computer. Reduced motion: pictures are still. */
  static async open(browser: Browser, url: string, options: BrowserContextOptions = {}): Promise<Tab> {
    const context = await browser.newContext({ viewport: WINDOW, reducedMotion: "reduce", ...options });
    context.setDefaultTimeout(DEADLINE_MS);
    const tab = new Tab(context, await context.newPage());
    await tab.#page.goto(url);
    return tab;
  }

  async close(): Promise<void> {
    await this.#context.close();
  }

  /** Peers whose editors the tab shows, from left to right. */
  async editors(): Promise<string[]> {
    await this.#page
      .getByTestId(/^editor-/)
      .first()
      .waitFor();
    const marks = await this.#page
      .getByTestId(/^editor-/)
      .evaluateAll((found) => found.map((one) => one.dataset["testid"]));
    return marks.map((mark) => (mark ?? "").replace("editor-", ""));
  }

  /** Types at the end of the editor of a peer, key by key, as a person does. */
  async type(peer: string, text: string): Promise<void> {
    const content = this.#content(peer);
    await content.focus();
    await content.press("Control+End");
    await content.pressSequentially(text);
  }

  /** The text in the editor of a peer, without the marks of other people's carets. */
  text(peer: string): Promise<string> {
    return this.#content(peer).evaluate((content) => {
      const copy = content.cloneNode(true) as HTMLElement;
      for (const mark of copy.querySelectorAll(".cm-ySelectionCaret, .cm-placeholder")) mark.remove();
      return [...copy.querySelectorAll(".cm-line")].map((line) => line.textContent ?? "").join("\n");
    });
  }

  /** Names at the carets of others that can be seen in the editor of a peer, sorted. */
  async caretNames(peer: string): Promise<string[]> {
    const names = this.#content(peer).locator(".cm-ySelectionCaret .cm-ySelectionInfo:visible");
    return (await names.allTextContents()).toSorted();
  }

  /** Names at carets in the editor of a peer that lie on one another, or reach out of the editor. */
  overlappingNames(peer: string): Promise<string[]> {
    return this.editor(peer).evaluate((editor) => {
      const box = editor.getBoundingClientRect();
      const names = [...editor.querySelectorAll(".cm-ySelectionInfo")];
      const boxes = names.map((name) => ({ name: name.textContent ?? "", at: name.getBoundingClientRect() }));
      const collides = (a: DOMRect, b: DOMRect) =>
        a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
      return boxes
        .filter(
          ({ at }, index) => at.right > box.right || boxes.slice(0, index).some((other) => collides(at, other.at)),
        )
        .map(({ name }) => name);
    });
  }

  /** Who the editor of a peer says it is: the name that others see at its caret. */
  async ownName(peer: string): Promise<string> {
    return (await this.editor(peer).getAttribute("data-person")) ?? "";
  }

  editor(peer: string): Locator {
    return this.#page.getByTestId(`editor-${peer}`);
  }

  /** Uses the switch that cuts a peer off, or heals it, and waits until the peer says that it is so. */
  async setCut(peer: string, cut: boolean): Promise<void> {
    const control = this.#page.getByTestId(`cut-${peer}`);
    await control.click();
    await expect.poll(() => control.getAttribute("aria-checked"), { timeout: DEADLINE_MS }).toBe(String(cut));
  }

  state(peer: string): Promise<string | null> {
    return this.#page.getByTestId(`status-${peer}`).getAttribute("data-state");
  }

  /** Fingerprints of the document and of the set, in hex, as the page shows them of a peer. */
  async prints(peer: string): Promise<{ document: string; set: string }> {
    const shown = this.#page.getByTestId(`fingerprint-${peer}`);
    const [document, set] = await Promise.all([shown.getAttribute("data-document"), shown.getAttribute("data-set")]);
    return { document: document ?? "", set: set ?? "" };
  }

  /** What the page says about all peers together. */
  async agreement(): Promise<{ equal: boolean; mood: string | null; words: string }> {
    const bar = this.#page.getByTestId("all-equal");
    const equal = (await bar.getAttribute("data-equal")) === "true";
    return { equal, mood: await bar.getAttribute("data-mood"), words: (await bar.locator("p").textContent()) ?? "" };
  }

  async choose(theme: "Auto" | "Light" | "Dark"): Promise<void> {
    await this.#page.getByRole("radio", { name: theme }).check({ force: true });
  }

  async reload(): Promise<void> {
    await this.#page.reload();
  }

  async resize(width: number, height: number): Promise<void> {
    await this.#page.setViewportSize({ width, height });
  }

  /** By how many pixels the page is wider than its window. */
  overflow(): Promise<number> {
    return this.#page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  }

  /** Runs a function in the page. */
  evaluate<T>(ask: () => T): Promise<T> {
    return this.#page.evaluate(ask);
  }

  /** Keeps a picture of the tab as `NAME.png`, `whole` from top to bottom. */
  async picture(name: string, whole = false): Promise<void> {
    mkdirSync(PICTURES, { recursive: true });
    await this.#page.evaluate(() => document.fonts.ready.then(() => undefined));
    await this.#page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: whole });
  }

  #content(peer: string): Locator {
    return this.editor(peer).locator(".cm-content");
  }
}
