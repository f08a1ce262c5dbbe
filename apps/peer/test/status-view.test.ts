import { stripVTControlCharacters } from "node:util";
import { expect, it } from "vitest";
import { formatLinks } from "../src/commands/status-view.ts";
import type { StatusReport } from "../src/control.ts";

const LINK: StatusReport["links"][number] = {
  peerId: "ab".repeat(16),
  url: "ws://a:1",
  state: "open",
  equal: false,
  rttMs: 1,
  lagMs: null,
  role: "writer",
  feedsUs: true,
  takesOurs: true,
  theyHoldMore: 0,
  weHoldMore: 0,
  updatesBehind: null,
  bytesBehind: null,
  verifiedMs: null,
  follower: null,
  catchUp: null,
  limit: null,
  congested: false,
};

it("[AE20] a bar shows how far a peer is that is being filled", () => {
  const show = (catchUp: StatusReport["links"][number]["catchUp"]) =>
    stripVTControlCharacters(formatLinks({ links: [{ ...LINK, catchUp }], paused: false }));
  expect(show(null)).not.toContain("catching up");
  expect(show({ documents: 750_000, total: 1_000_000, perSecond: 10_000 })).toContain(
    `catching up  ${"█".repeat(18)}${"░".repeat(6)}  75 %  750,000 of 1,000,000 documents, 10,000 a second, 25 s left, from abababababab`,
  );
  expect(show({ documents: 0, total: 0, perSecond: 0 })).toContain("0 % ");
});
