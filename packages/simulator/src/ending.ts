/** How a simulated run ends: everything is healed and read, everybody comes to rest, and every promise is checked. */
import { checkAlongRules, findLag, findUntold } from "./checkers/along-rules.ts";
import { checkAwareness } from "./checkers/awareness.ts";
import { checkStoredBounds } from "./checkers/bounds.ts";
import { checkConvergence, checkEditor, haveEqualRoots } from "./checkers/convergence.ts";
import { checkFingerprints } from "./checkers/fingerprints.ts";
import { checkViews } from "./checkers/views.ts";
import { checkWaiting } from "./checkers/waiting.ts";
import type { Cluster } from "./cluster.ts";
import type { SimulatedPeer } from "./peer.ts";
import { violated } from "./witness.ts";

/** Healed peers must agree within this time, which holds the longest waits before a redial and before a round, twice. */
const SETTLE_MS = 120_000;
/** Then everybody who waits before another dial or another round has had the time for it. */
const CALM_MS = 60_000;

/** Has every peer read all it stores, so that what was spoiled is found and taken back from the others. */
export function scrub({ peers }: Cluster): void {
  for (const peer of peers) peer.submit({ type: "verify", request: peer.nextId(), deep: false, timeoutMs: 60_000 });
}

/** With the roles as they are: everybody has what it may take, and people are told of what nobody may. */
export function settleAlongRules(cluster: Cluster): void {
  const { peers } = cluster;
  cluster.runUntil(() => findLag(peers) === undefined, SETTLE_MS);
  cluster.run(CALM_MS);
  cluster.runUntil(() => findLag(peers) === undefined && findUntold(peers) === undefined, SETTLE_MS);
  checkAlongRules(peers);
}

export function settle(cluster: Cluster): void {
  const agreed = cluster.runUntil(() => isSettled(cluster), SETTLE_MS);
  if (agreed) cluster.run(CALM_MS);
  if (agreed && isSettled(cluster)) return;
  checkConvergence(cluster.peers);
  const waiting = cluster.browsers.filter((browser) => !browser.attached && !browser.stale);
  violated("convergence", `${waiting.map(({ place, name }) => `${place} in ${name}`).join(", ")} did not get through`);
}

function isSettled({ peers, browsers, handles }: Cluster): boolean {
  return (
    haveEqualRoots(peers) &&
    browsers.every((browser) => browser.attached || browser.stale) &&
    handles.every((handle) => handle.attached)
  );
}

export function checkEnd(cluster: Cluster): void {
  const { peers } = cluster;
  const agreed = checkConvergence(peers);
  for (const [name, { document, digest }] of agreed) {
    if (document.row.incarnation % 2 === 1) cluster.authorship.checkContent(name, document, digest);
  }
  cluster.ledger.check();
  // Everything has been read by now, so there is nothing to excuse any more.
  for (const peer of peers) checkDisk(cluster, peer);
  for (const browser of cluster.browsers) {
    if (browser.attached) checkEditor(browser.editor, browser.place, agreed);
  }
  checkAwareness(cluster);
  checkViews(cluster);
  for (const { editor, peer } of cluster.handles) checkEditor(editor, `a handle of ${peer.place}`, agreed);
}

export function checkDisk({ monotony, refusals }: Cluster, peer: SimulatedPeer): void {
  // First: of two that a lost row breaks, this one says what was lost.
  monotony.check(peer);
  checkFingerprints(peer);
  checkStoredBounds(peer);
  checkWaiting(peer);
  refusals.check(peer);
}
