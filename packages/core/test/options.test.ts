import { describe, expect, it } from "vitest";
import { isLoopback } from "../src/host-port.ts";
import { checkOptions, hashClusterName } from "../src/options.ts";

describe("checkOptions", () => {
  it.each<[string, object]>([
    ["data", { data: "" }],
    ["listen", { listen: "4321" }],
    ["listen", { listen: "127.0.0.1:99999" }],
    ["admin", { admin: "0.0.0.0:1" }],
    ["peers", { peers: ["http://site-b"] }],
    ["peers", { peers: ["nonsense"] }],
    ["peers", { peers: Array.from({ length: 65 }, (_, index) => `ws://site-${index}:1`) }],
    ["advertise", { advertise: ["ws://a#b"] }],
    ["cluster", { cluster: "" }],
    ["cluster", { cluster: "x".repeat(65) }],
    ["durability", { durability: "none" }],
    ["durability", { durability: { synchronous: "none" as "full" } }],
    ["historyMs", { historyMs: -1 }],
    ["historyMs", { historyMs: Number.NaN }],
    ["limits", { limits: { linkSilentMs: 1 } }],
  ])("[API1] refuses a bad %s: %j", (option, bad) => {
    const check = (): unknown => checkOptions({ data: "/tmp/x", ...bad });
    expect(check).toThrow(
      expect.objectContaining({ code: "YARROW_CONFIG_INVALID", message: expect.stringContaining(option) }),
    );
  });

  it.each([{ copies: -1 }, { copies: 65 }, { copies: 1, whenMissing: "never" as "wait" }, { timeoutMs: 0 }])(
    "[COP8] refuses %j as durability",
    (durability) => {
      expect(() => checkOptions({ data: "x", durability })).toThrow(
        expect.objectContaining({ code: "YARROW_CONFIG_INVALID", message: expect.stringContaining("durability") }),
      );
    },
  );

  it("[COP8] takes a word or an object as durability", () => {
    expect(checkOptions({ data: "x", durability: "normal" })).toMatchObject({
      durability: "normal",
      copies: { copies: 0, whenMissing: "wait", timeoutMs: 10_000 },
    });
    expect(checkOptions({ data: "x", durability: { copies: 2, whenMissing: "degrade" } })).toMatchObject({
      durability: "full",
      copies: { copies: 2, whenMissing: "degrade", timeoutMs: 10_000 },
    });
  });

  it.each(["0.0.0.0:1", "192.168.0.1:1", "[::]:1", "example.org:1"])("[API2] refuses to listen on %s", (listen) => {
    expect(() => checkOptions({ data: "x", listen })).toThrow(
      expect.objectContaining({ code: "YARROW_LISTEN_INSECURE" }),
    );
    expect(checkOptions({ data: "x", listen, insecure: true }).listen?.port).toBe(1);
  });

  it("takes an address with and without the trailing slash as one", () => {
    expect(checkOptions({ data: "x", peers: ["ws://a:1/", "wss://b"] }).peers).toEqual(["ws://a:1", "wss://b"]);
  });

  it("[API5] hashes the cluster's name to 128 bits", () => {
    expect(hashClusterName("demo")).toMatch(/^[0-9a-f]{32}$/);
    expect(hashClusterName("demo")).not.toBe(hashClusterName("Demo"));
    expect(hashClusterName("😀".repeat(64))).toHaveLength(32);
  });

  it.each([
    ["127.0.0.1", true],
    ["127.9.9.9", true],
    ["::1", true],
    ["localhost", true],
    ["::ffff:127.0.0.1", true],
    ["127.evil.example", false],
    ["10.0.0.1", false],
    ["::", false],
  ])("[API2] knows whether %s is loopback", (host, loopback) => {
    expect(isLoopback(host)).toBe(loopback);
  });
});
