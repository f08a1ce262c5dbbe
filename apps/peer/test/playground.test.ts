/**
 * The playground as a newcomer meets it: the built page in a real browser, peers as real processes. A picture of each
 * step is kept in test-results/playground.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import type { Browser } from "playwright-core";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { launchBrowser } from "../../../scripts/browser.ts";
import { run, Workbench } from "./command.ts";
import type { Running } from "./command.ts";
import { lowContrast, pageBrightness } from "./contrast.ts";
import { Tab } from "./playground-tab.ts";

const PEERS = ["A", "B", "C"];
const SOON = { timeout: 30_000 };
/** Three processes and a browser, which is unpacked on a machine's first run. */
const STARTS_WITHIN_MS = 60_000;
// A browser and three processes on a busy machine: no test waits this long for anything that works.
vi.setConfig({ testTimeout: 180_000 });

interface DemoReady {
  readonly playground: string;
  readonly peers: readonly { name: string; url: string; admin: string; pid: number; data: string }[];
}

const bench = new Workbench();
const demos: { process: Running; ready: DemoReady }[] = [];
const tabs: Tab[] = [];
let browser: Browser;
let demo: DemoReady;

beforeAll(async () => {
  [browser, demo] = await Promise.all([launchBrowser(), startDemo("shared")]);
}, STARTS_WITHIN_MS);
afterEach(async () => {
  const errors = tabs.flatMap((tab) => tab.errors);
  await Promise.all(tabs.splice(0).map((tab) => tab.close()));
  // A test that failed while a peer was cut off must not fail the next one.
  for (const peer of PEERS) await fetch(`${demo.playground}/api/peers/${peer}/resume`, { method: "POST" });
  expect(errors).toEqual([]);
});
afterAll(async () => {
  await browser?.close();
  await Promise.all(demos.map(({ process }) => process.end("SIGINT")));
  await bench.clean();
  expect(demos.flatMap(({ ready }) => ready.peers).filter(({ pid }) => isAlive(pid))).toEqual([]);
});

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

async function startDemo(name: string): Promise<DemoReady> {
  const process = await bench.start(["demo", "--port", "0", "--json", "--data", join(bench.folder, name)]);
  const ready = process.announced as unknown as DemoReady;
  demos.push({ process, ready });
  return ready;
}

async function openTab(url: string, options = {}): Promise<Tab> {
  const tab = await Tab.open(browser, url, options);
  tabs.push(tab);
  return tab;
}

function peerNamed(ready: DemoReady, name: string): DemoReady["peers"][number] {
  const peer = ready.peers.find((peer) => peer.name === name);
  assert(peer !== undefined, `the demo has no peer ${name}`);
  return peer;
}

/** Waits until the editors of these peers hold one text, with these parts in it; that text. */
async function oneText(tab: Tab, peers: readonly string[], parts: readonly string[]): Promise<string> {
  await expect
    .poll(async () => {
      const texts = await Promise.all(peers.map((peer) => tab.text(peer)));
      const missing = parts.filter((part) => !texts[0]?.includes(part));
      return { texts: [...new Set(texts)], missing };
    }, SOON)
    .toEqual({ texts: [expect.any(String)], missing: [] });
  return tab.text(peers[0] ?? "");
}

/**
 * Waits until the page calls all peers equal and shows, for each of these, the same set and the very fingerprint that the
 * peers themselves tell of the document now; that fingerprint.
 */
async function allEqual(tab: Tab, peers: readonly string[], ready: DemoReady, document: string): Promise<string> {
  await expect
    .poll(async () => {
      const { equal, mood } = await tab.agreement();
      const shown = await Promise.all(peers.map((peer) => tab.prints(peer)));
      const told = await Promise.all(ready.peers.map(({ name }) => fingerprintTold(ready, name, document)));
      const documents = new Set([...shown.map((prints) => prints.document), ...told]);
      return { equal, mood, documents: documents.size, sets: new Set(shown.map(({ set }) => set)).size };
    }, SOON)
    .toEqual({ equal: true, mood: "equal", documents: 1, sets: 1 });
  const [first] = peers;
  const fingerprint = (await tab.prints(first ?? "")).document;
  expect(fingerprint).toMatch(/^[0-9a-f]{32}$/);
  return fingerprint;
}

async function fingerprintTold(ready: DemoReady, peer: string, document: string): Promise<string> {
  const answer = await fetch(`${ready.playground}/api/peers/${peer}/documents/${document}`);
  const report = (await answer.json()) as { fingerprint?: string };
  return report.fingerprint ?? `none told by ${peer}`;
}

/** What a peer itself says that it holds on its disk, asked without the page. */
async function textOnDisk(ready: DemoReady, peer: string, document: string): Promise<string> {
  const words = ["show", document, "--format", "text", "--data", peerNamed(ready, peer).data];
  const { code, stdout, stderr } = await run(words);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return stdout.trimEnd();
}

describe("two tabs on two peers", () => {
  test("[PLAY1, PLAY2, PLAY3] both type at once, both texts converge, and each sees the other's name", async () => {
    const address = `${demo.playground}/?document=two-tabs`;
    const [left, right] = await Promise.all([openTab(`${address}&peer=A`), openTab(`${address}&peer=C`)]);
    expect(await left.editors()).toEqual(["A"]);
    expect(await right.editors()).toEqual(["C"]);

    await left.type("A", "Written in the left tab. ");
    await expect.poll(() => right.text("C"), SOON).toBe("Written in the left tab. ");
    await Promise.all([left.type("A", "More of the left. "), right.type("C", "And from the right. ")]);

    await expect.poll(async () => (await left.text("A")) === (await right.text("C")), SOON).toBe(true);
    const text = await left.text("A");
    expect(text.length).toBe("Written in the left tab. More of the left. And from the right. ".length);
    await expect.poll(() => left.caretNames("A"), SOON).toEqual([await right.ownName("C")]);
    await expect.poll(() => right.caretNames("C"), SOON).toEqual([await left.ownName("A")]);

    const fingerprint = await allEqual(left, ["A"], demo, "two-tabs");
    expect(await allEqual(right, ["C"], demo, "two-tabs")).toBe(fingerprint);
    expect(await textOnDisk(demo, "B", "two-tabs")).toBe(text.trimEnd());
    await Promise.all([left.picture("two-tabs-left"), right.picture("two-tabs-right")]);
  });
});

describe("one tab with three editors", () => {
  test("[PLAY1, PLAY3, PLAY4, PLAY5] a cut peer and the others take edits, are told apart, and merge when it is healed", async () => {
    const tab = await openTab(`${demo.playground}/?document=cut-and-heal`);
    expect(await tab.editors()).toEqual(PEERS);
    await tab.picture("1-empty");
    await tab.type("A", "Apples from A. ");
    await oneText(tab, PEERS, ["Apples from A."]);
    await tab.type("B", "Bread from B. ");
    const before = await oneText(tab, PEERS, ["Apples from A.", "Bread from B."]);
    const [ada, bea] = [await tab.ownName("A"), await tab.ownName("B")];
    await expect.poll(() => tab.caretNames("C"), SOON).toEqual([ada, bea]);
    await expect.poll(() => tab.caretNames("A"), SOON).toEqual([bea]);
    expect(await tab.overlappingNames("C")).toEqual([]);
    await allEqual(tab, PEERS, demo, "cut-and-heal");
    expect((await tab.agreement()).words).toContain("All equal.");
    await tab.picture("2-typed-in-two");

    await tab.setCut("B", true);
    await expect.poll(() => tab.state("B"), SOON).toBe("alone");
    await tab.type("B", "Only B has butter. ");
    await tab.type("A", "A and C have cheese. ");
    await oneText(tab, ["A", "C"], ["cheese"]);
    await expect
      .poll(() => tab.agreement(), SOON)
      .toEqual({
        equal: false,
        mood: "different",
        words: "The peers differ. A and C hold one version, B another.",
      });
    expect(await tab.text("A")).toBe(`${before}A and C have cheese. `);
    expect(await tab.text("C")).toBe(await tab.text("A"));
    expect(await tab.text("B")).toBe(`${before}Only B has butter. `);
    // Each peer is asked on its own, so what the page shows of two of them is of two moments.
    await expect.poll(async () => (await tab.prints("A")).set === (await tab.prints("C")).set, SOON).toBe(true);
    const [printA, printB, printC] = await Promise.all(PEERS.map((peer) => tab.prints(peer)));
    expect(printA).toEqual(printC);
    expect(printB?.document).not.toBe(printA?.document);
    expect(printB?.set).not.toBe(printA?.set);
    await tab.picture("3-cut-and-different");

    await tab.setCut("B", false);
    const healed = await oneText(tab, PEERS, ["butter", "cheese"]);
    await allEqual(tab, PEERS, demo, "cut-and-heal");
    await expect.poll(() => tab.state("B"), SOON).toBe("connected");
    expect(healed.length).toBe(`${before}Only B has butter. A and C have cheese. `.length);
    for (const peer of PEERS) expect(await textOnDisk(demo, peer, "cut-and-heal")).toBe(healed.trimEnd());
    await tab.picture("4-healed");
  });

  test("[PLAY6, PLAY7] a killed process is shown offline, the others go on, and what was typed there arrives later", async () => {
    const own = await startDemo("killed");
    const tab = await openTab(`${own.playground}/?document=killed`);
    await tab.type("B", "Before. ");
    await oneText(tab, PEERS, ["Before."]);
    await allEqual(tab, PEERS, own, "killed");
    const victim = peerNamed(own, "B");

    process.kill(victim.pid, "SIGKILL");

    await expect.poll(() => tab.state("B"), SOON).toBe("offline");
    await tab.type("A", "After. ");
    await oneText(tab, ["A", "C"], ["Before. After. "]);
    await tab.type("C", "Later. ");
    await oneText(tab, ["A", "C"], ["Before. After. Later. "]);
    await tab.type("B", "Waiting. ");
    expect(await tab.text("B")).toBe("Before. Waiting. ");
    await expect
      .poll(() => tab.agreement(), SOON)
      .toEqual({
        equal: false,
        mood: "incomplete",
        words: "A and C are equal. B is offline, with what was last saved there.",
      });
    expect((await tab.prints("A")).document).toBe((await tab.prints("C")).document);
    await tab.picture("5-killed");

    const address = (url: string) => url.replace(/^\w+:\/\//, "");
    const listen = ["--listen", address(victim.url), "--admin", address(victim.admin)];
    await bench.start(["serve", "--data", victim.data, ...listen, "--peer", peerNamed(own, "A").url]);
    await oneText(tab, PEERS, ["Before.", "After.", "Later.", "Waiting."]);
    await allEqual(tab, PEERS, own, "killed");
    await expect.poll(() => tab.state("B"), SOON).toBe("connected");
    await tab.picture("6-started-again");
  });
});

describe("how the page looks", () => {
  test("[PLAY8] light and dark follow the system or a choice that lasts, and every text is legible in both", async () => {
    const address = `${demo.playground}/?document=themes`;
    const dark = await openTab(address, { colorScheme: "dark" });
    const light = await openTab(address, { colorScheme: "light" });
    await dark.type("A", "Night and ");
    await oneText(light, PEERS, ["Night and "]);
    await light.type("C", "day");
    await Promise.all([oneText(dark, PEERS, ["Night and day"]), oneText(light, PEERS, ["Night and day"])]);
    await Promise.all([allEqual(dark, PEERS, demo, "themes"), allEqual(light, PEERS, demo, "themes")]);

    expect(await dark.evaluate(pageBrightness)).toBeLessThan(0.3);
    expect(await light.evaluate(pageBrightness)).toBeGreaterThan(0.9);
    expect(await dark.evaluate(lowContrast)).toEqual([]);
    expect(await light.evaluate(lowContrast)).toEqual([]);
    await Promise.all([dark.picture("7-dark", true), light.picture("8-light", true)]);

    await dark.setCut("B", true);
    await dark.type("B", ", apart");
    await expect.poll(() => dark.agreement(), SOON).toMatchObject({ mood: "different" });
    await expect.poll(() => light.agreement(), SOON).toMatchObject({ mood: "different" });
    expect(await dark.evaluate(lowContrast)).toEqual([]);
    expect(await light.evaluate(lowContrast)).toEqual([]);
    await dark.picture("9-dark-different", true);
    await dark.setCut("B", false);
    await allEqual(dark, PEERS, demo, "themes");

    await dark.choose("Light");
    expect(await dark.evaluate(pageBrightness)).toBeGreaterThan(0.9);
    await dark.reload();
    expect(await dark.editors()).toEqual(PEERS);
    expect(await dark.evaluate(pageBrightness)).toBeGreaterThan(0.9);
  });

  test("[PLAY9] it fits a phone, a tablet and a desk without scrolling sideways", async () => {
    const tab = await openTab(`${demo.playground}/?document=widths`);
    await tab.type(
      "A",
      "A word for every width, and a/path/that/is/much/too/long/to/fit/into/any/line/of/a/phone/and/has/no/space",
    );
    await oneText(tab, PEERS, ["A word"]);
    for (const [width, height] of [
      [360, 740],
      [820, 1180],
      [1280, 800],
      [2200, 1200],
    ] as const) {
      await tab.resize(width, height);
      expect(await tab.overflow()).toBe(0);
      await tab.picture(`width-${width}`, true);
    }
  });
});
