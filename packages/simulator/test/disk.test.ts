/** What the simulated disk knows of its own damage: checkers excuse a peer for exactly that, and for no longer. */
import { expect, test } from "vitest";
import type { SimulatedPeer } from "../src/peer.ts";
import { Scene } from "./scene.ts";

const NAME = "page";
/** Of a repair: what is damaged is set aside, what is missing is taken in, and the document is well again. */
const REPAIR_TRANSACTIONS = 3;

/** One peer of two has found a damaged row, and has taken back from the other what it held. */
function repaired(): Scene {
  const scene = new Scene();
  scene.type(scene.tab(scene.a), "one").while();
  const { store, spoiled } = scene.b.disk;
  const { id, incarnation } = store.readDocument(NAME)!;
  store.damage.log(store.readLog(id, incarnation, 0, 1)[0]!.sequence);
  spoiled.add(NAME);
  readAll(scene, scene.b);
  expect(spoiled).toEqual(new Set());
  expect(scene.cluster.counters.documentsRepaired).toBe(1);
  return scene;
}

function readAll(scene: Scene, peer: SimulatedPeer): void {
  peer.submit({ type: "verify", request: peer.nextId(), deep: false, timeoutMs: 1_000 });
  scene.while();
}

test("[SIM2] a power loss that takes a repair brings the damage back, and it is repaired again", () => {
  const scene = repaired();
  const { b } = scene;
  b.crash(REPAIR_TRANSACTIONS);
  expect(b.disk.spoiled).toEqual(new Set([NAME]));
  b.start();
  readAll(scene, b);
  expect(b.disk.spoiled).toEqual(new Set());
  expect(scene.cluster.counters.documentsRepaired).toBe(2);
  expect(scene.agreed()).toEqual(["one"]);
});

test("[SIM2] a power loss that takes the damaged row leaves nothing to excuse", () => {
  const scene = repaired();
  const { b } = scene;
  b.crash(0);
  const { store, spoiled } = b.disk;
  const { id, incarnation } = store.readDocument(NAME)!;
  store.damage.log(store.transaction(() => store.appendLog({ document: id, incarnation, arrivedMs: 0, segments: [] })));
  spoiled.add(NAME);
  expect(b.disk.loseTail(1, { forgetSequence: false })).toBe(1);
  expect(spoiled).toEqual(new Set());
});
