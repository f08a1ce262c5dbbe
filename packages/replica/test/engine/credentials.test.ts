/** Peers with a list of trusted keys: who is let in, in which role, and what a thief of names achieves. */
import { createPublicKey, generateKeyPairSync, randomBytes, sign, verify } from "node:crypto";
import type { KeyObject } from "node:crypto";
import type { Role } from "@yarrow/protocol";
import { toHex } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import type { Credentials } from "../../src/links/credentials.ts";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor, textOf } from "./cluster.ts";

interface Pair {
  readonly key: KeyObject;
  readonly publicKey: Uint8Array;
}

const HEAD = Buffer.from("302a300506032b6570032100", "hex");

function pair(): Pair {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  return { key: privateKey, publicKey: new Uint8Array(publicKey.export({ type: "spki", format: "der" }).subarray(12)) };
}

function credentials({ key, publicKey }: Pair, list?: Map<string, Role>): Credentials {
  return {
    publicKey,
    nonce: () => new Uint8Array(randomBytes(16)),
    sign: (statement) => new Uint8Array(sign(null, statement, key)),
    verify: (theirs, statement, signature) => {
      const der = Buffer.concat([HEAD, theirs]);
      return verify(null, statement, createPublicKey({ key: der, format: "der", type: "spki" }), signature);
    },
    roleOf: list === undefined ? undefined : (theirs) => list.get(toHex(theirs)),
  };
}

function listOf(...entries: readonly (readonly [Pair, Role])[]): Map<string, Role> {
  return new Map(entries.map(([{ publicKey }, role]) => [toHex(publicKey), role]));
}

function openLinks(peer: Peer): number {
  return peer.replica.status(0).links.filter(({ state }) => state === "open").length;
}

function refusals(peer: Peer): string[] {
  return peer.facts("link-refused").map(({ code }) => code);
}

describe("credentials", () => {
  it("[HND21] peers that hold listed keys are linked and share what is written", () => {
    const cluster = new Cluster();
    const [one, two] = [pair(), pair()];
    const list = listOf([one, "writer"], [two, "writer"]);
    const a = cluster.add({ credentials: credentials(one, list) });
    const b = cluster.add({ peers: [a.url], credentials: credentials(two, list) });
    cluster.run(100);
    new Editor(cluster, b, "n").type("hello");
    cluster.run(100);
    expect([openLinks(a), openLinks(b)]).toEqual([1, 1]);
    expect(textOf(a, "n", cluster.now)).toBe("hello");
  });

  it("[HND21] a list on one side alone is enough; the other proves itself to it", () => {
    const cluster = new Cluster();
    const [one, two] = [pair(), pair()];
    const a = cluster.add({ credentials: credentials(one, listOf([two, "writer"])) });
    const b = cluster.add({ peers: [a.url], credentials: credentials(two) });
    cluster.run(100);
    expect([openLinks(a), openLinks(b)]).toEqual([1, 1]);
  });

  it.each<[string, (two: Pair, thief: Pair) => Credentials | undefined]>([
    ["a peer with another key", (_, thief) => credentials(thief)],
    ["a peer with no key at all", () => undefined],
    ["a thief of a public key", (two, thief) => ({ ...credentials(thief), publicKey: two.publicKey })],
    ["one who signs something else", (two) => ({ ...credentials(two), sign: () => new Uint8Array(64) })],
    [
      "one who repeats a proof of another link",
      (two) => {
        const old = credentials(two).sign(new Uint8Array(100));
        return { ...credentials(two), sign: () => old };
      },
    ],
  ])("[HND22] %s is refused, and nothing of its changes is taken", (_, make) => {
    const cluster = new Cluster();
    const [one, two, thief] = [pair(), pair(), pair()];
    const a = cluster.add({ credentials: credentials(one, listOf([one, "writer"], [two, "writer"])) });
    const theirs = make(two, thief);
    const b = cluster.add({ peers: [a.url], ...(theirs === undefined ? {} : { credentials: theirs }) });
    new Editor(cluster, b, "n").type("let me in");
    cluster.run(20_000);
    expect(openLinks(a)).toBe(0);
    expect(new Set(refusals(a))).toEqual(new Set(["YARROW_CREDENTIAL_REFUSED"]));
    expect(textOf(a, "n", cluster.now)).toBeUndefined();
  });

  it("[HND22] a key that is listed as follower is refused as writer, and welcome as follower", () => {
    const cluster = new Cluster();
    const [one, two] = [pair(), pair()];
    const a = cluster.add({ credentials: credentials(one, listOf([two, "follower"])) });
    const b = cluster.add({ peers: [a.url], credentials: credentials(two) });
    new Editor(cluster, b, "n").type("as a writer");
    cluster.run(5_000);
    expect(openLinks(a)).toBe(0);
    cluster.remove(b);
    cluster.add({ peers: [a.url], credentials: credentials(two), role: "follower" });
    cluster.until(() => openLinks(a) === 1, 20_000);
    expect(textOf(a, "n", cluster.now)).toBeUndefined();
  });

  it("[HND23] a key that is taken from the list loses its links", () => {
    const cluster = new Cluster();
    const [one, two] = [pair(), pair()];
    const list = listOf([two, "writer"]);
    const a = cluster.add({ credentials: credentials(one, list) });
    cluster.add({ peers: [a.url], credentials: credentials(two) });
    cluster.run(100);
    expect(openLinks(a)).toBe(1);
    list.clear();
    cluster.step(a, { type: "credentials-changed" });
    cluster.run(5_000);
    expect(openLinks(a)).toBe(0);
    expect(refusals(a)).toContain("YARROW_CREDENTIAL_REFUSED");
  });

  it("[HND22] nothing is understood between a hello and its proof", () => {
    const cluster = new Cluster();
    const [one, two] = [pair(), pair()];
    const a = cluster.add({ credentials: credentials(one, listOf([two, "writer"])) });
    cluster.loses = ({ messages }) => messages().some(({ type }) => type === "proof");
    const b = cluster.add({ peers: [a.url], credentials: credentials(two) });
    new Editor(cluster, b, "n").type("early");
    cluster.run(60_000);
    expect(openLinks(a)).toBe(0);
    expect(textOf(a, "n", cluster.now)).toBeUndefined();
  });
});
