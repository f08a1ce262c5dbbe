/** Keys on disk, lists of trusted keys, and peers that prove themselves over real sockets. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { formatKey, parseTrust, readPublicKey, TrustedKeys } from "../src/credentials.ts";
import type { LogLine, Peer } from "../src/peer-api.ts";
import { rootsEqual, startPeer, temporaryFolder, until } from "./peers.ts";

const KEY = `ed25519:${Buffer.alloc(32, 7).toString("base64url")}`;

function linked(peer: Peer): boolean {
  return peer.status().links.some(({ state }) => state === "open");
}

describe("the key of a folder", () => {
  it("[CLI28] is made once, kept, and readable by its owner only", () => {
    const folder = join(temporaryFolder(), "new");
    const key = formatKey(readPublicKey(folder));
    expect(key).toMatch(/^ed25519:[\w-]{43}$/);
    expect(formatKey(readPublicKey(folder))).toBe(key);
    expect(statSync(join(folder, "identity.key")).mode & 0o777).toBe(0o600);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  });

  it("that is spoiled is told, not replaced", () => {
    const folder = temporaryFolder();
    readPublicKey(folder);
    writeFileSync(join(folder, "identity.key"), "nonsense");
    expect(() => readPublicKey(folder)).toThrow(expect.objectContaining({ code: "YARROW_STORE_FAILED" }));
    expect(readFileSync(join(folder, "identity.key"), "utf8")).toBe("nonsense");
  });
});

describe("a list of trusted keys", () => {
  it("has a role and a key in each line, comments and empty lines", () => {
    const roles = parseTrust(`# ours\n\nwriter ${KEY}  site A\r\n`, "f");
    expect([...roles]).toEqual([[KEY, "writer"]]);
  });

  it.each([
    ["an unknown role", `reader ${KEY}`, /f:1: a line begins with writer or follower/],
    ["a short key", "\nwriter ed25519:abc", /f:2: "ed25519:abc" is no key/],
    ["another kind of key", "writer rsa:abc", /is no key/],
    ["no key", "writer", /is no key/],
    ["one key in two roles", `writer ${KEY}\nfollower ${KEY}`, /f:2: .*twice/],
  ])("[HND23] with %s is refused with its line", (_, text, message) => {
    expect(() => parseTrust(text, "f")).toThrow(
      expect.objectContaining({ code: "YARROW_CONFIG_INVALID", message: expect.stringMatching(message) }),
    );
  });

  it("[HND23] that was good and is wrong now holds as it was", () => {
    const file = join(temporaryFolder(), "trusted");
    writeFileSync(file, `follower ${KEY}`);
    const trust = new TrustedKeys(file);
    writeFileSync(file, "oops");
    expect(() => trust.reload()).toThrow(/oops/);
    expect(trust.roleOf(new Uint8Array(32).fill(7))).toBe("follower");
    expect(() => new TrustedKeys(join(temporaryFolder(), "none"))).toThrow(/cannot read the list/);
  });
});

describe("peers with a list", () => {
  it("[HND21, HND22, HND23] let in whom it names, refuse others, and follow its changes", async () => {
    const [folderA, folderB, folderC] = [temporaryFolder(), temporaryFolder(), temporaryFolder()];
    const [keyA, keyB] = [formatKey(readPublicKey(folderA)), formatKey(readPublicKey(folderB))];
    const trust = join(folderA, "trusted");
    writeFileSync(trust, `writer ${keyA}\nwriter ${keyB}\n`);
    const log: LogLine[] = [];
    const a = await startPeer({ data: folderA, cluster: "test", trust, log: (line) => log.push(line) });
    const b = await startPeer({ data: folderB, cluster: "test", trust, peers: [a.url!] });
    await until(() => linked(a) && linked(b));
    const stranger = await startPeer({ data: folderC, cluster: "test", peers: [a.url!] });
    await using note = await stranger.open("n");
    note.doc.getText("t").insert(0, "from a stranger");
    await until(() => log.some(({ fields }) => fields["code"] === "YARROW_CREDENTIAL_REFUSED"));
    // The stranger believes itself linked until it has heard the refusal; the other side never does.
    expect(a.status().links.filter(({ peerId }) => peerId === stranger.peerId)).not.toContainEqual(
      expect.objectContaining({ state: "open" }),
    );
    expect(a.documents()).toEqual([]);
    writeFileSync(trust, `writer ${keyA}\nwriter ${keyB}\nwriter ${stranger.status().publicKey}\n`);
    await until(() => linked(stranger) && rootsEqual([a, b, stranger]), 20_000);
    writeFileSync(trust, `writer ${keyA}\nwriter ${keyB}\n`);
    await until(() => !linked(stranger), 20_000);
    expect(linked(b)).toBe(true);
  }, 60_000);
});
