/**
 * Delete, re-create and a browser that still holds the deleted document, in every order that matters, on one peer and on two,
 * together and apart. What was deleted never comes back; nothing of the new document is lost.
 */
import { describe, expect, test } from "vitest";
import type { Browser } from "../src/browser.ts";
import { Scene } from "./scene.ts";

/** Both peers hold the word "old"; a tab has seen it, has gone offline, and has typed "offline" there. */
function withStaleTab(): { scene: Scene; stale: Browser } {
  const scene = new Scene();
  const writer = scene.tab(scene.a);
  scene.type(writer, "old");
  scene.cluster.closeTab(writer);
  const stale = scene.tab(scene.b);
  scene.goOffline(stale).type(stale, "offline");
  expect(scene.words(scene.a)).toEqual(["old"]);
  expect(scene.words(scene.b)).toEqual(["old"]);
  return { scene, stale };
}

/** Both peers hold the word "old", which a tab at each of them shows. */
function withTwoTabs(): { scene: Scene; atA: Browser; atB: Browser } {
  const scene = new Scene();
  const atA = scene.tab(scene.a);
  scene.type(atA, "old");
  return { scene, atA, atB: scene.tab(scene.b) };
}

describe("together", () => {
  test("[SIM8] 1. delete; the stale tab comes to the same peer: turned away, and its page is then empty", () => {
    const { scene, stale } = withStaleTab();
    scene.delete(scene.b).comeBack(stale, scene.b);
    expect(stale.turnedAway).toBe(1);
    expect(scene.agreed()).toBeUndefined();
    expect(stale.editor.text.toString()).toBe("");
  });

  test("[SIM8] 2. delete on A; the stale tab comes to B: turned away", () => {
    const { scene, stale } = withStaleTab();
    scene.delete(scene.a).comeBack(stale, scene.b);
    expect(stale.turnedAway).toBe(1);
    expect(scene.agreed()).toBeUndefined();
  });

  test("[SIM8] 3. delete and re-create on A; the stale tab comes to A: it sees the new document only", () => {
    const { scene, stale } = withStaleTab();
    scene.delete(scene.a);
    scene.type(scene.tab(scene.a), "new").comeBack(stale, scene.a);
    expect(stale.turnedAway).toBe(1);
    expect(scene.agreed()).toEqual(["new"]);
    expect(stale.editor.text.toString()).toBe("new ");
  });

  test("[SIM8] 4. delete on A, re-create on B; the stale tab comes to A: it sees the new document only", () => {
    const { scene, stale } = withStaleTab();
    scene.delete(scene.a);
    scene.type(scene.tab(scene.b), "new").comeBack(stale, scene.a);
    expect(stale.turnedAway).toBe(1);
    expect(scene.agreed()).toEqual(["new"]);
  });

  test("[SIM8] 5. delete; the stale tab is turned away and, its page loaded anew, re-creates", () => {
    const { scene, stale } = withStaleTab();
    scene.delete(scene.a).comeBack(stale, scene.b).type(stale, "new").while();
    expect(stale.turnedAway).toBe(1);
    expect(scene.agreed()).toEqual(["new"]);
  });

  test("[SIM8] 6. delete on A under the eyes of a tab on B: that tab is turned away at once", () => {
    const { scene, atB } = withTwoTabs();
    scene.delete(scene.a);
    expect(atB.turnedAway).toBe(1);
    expect(scene.while().agreed()).toBeUndefined();
  });

  test("[SIM8] 7. a tab with nothing of its own opens the deleted name, and its first word re-creates it", () => {
    const { scene, stale } = withStaleTab();
    scene.delete(scene.a);
    const fresh = scene.tab(scene.b);
    expect(fresh.turnedAway).toBe(0);
    expect(scene.words(scene.b)).toBeUndefined();
    scene.type(fresh, "new").comeBack(stale, scene.b);
    expect(scene.agreed()).toEqual(["new"]);
  });

  test("[SIM8] 8. delete, re-create, delete: the tabs of both lives are turned away", () => {
    const { scene, stale } = withStaleTab();
    scene.delete(scene.a);
    const second = scene.tab(scene.b);
    scene.type(second, "second").goOffline(second).delete(scene.b);
    scene.comeBack(stale, scene.a).comeBack(second, scene.a);
    expect(stale.turnedAway).toBe(1);
    expect(second.turnedAway).toBe(1);
    expect(scene.agreed()).toBeUndefined();
  });

  test("[SIM8] 9. delete, and the peer restarts; the stale tab comes: turned away, for the fence is on disk", () => {
    const { scene, stale } = withStaleTab();
    scene.delete(scene.a).restart(scene.a).restart(scene.b).comeBack(stale, scene.a);
    expect(stale.turnedAway).toBe(1);
    expect(scene.agreed()).toBeUndefined();
  });
});

describe("apart", () => {
  test("[SIM8] 10. delete on A while a tab writes on B: after healing the deletion stands", () => {
    const { scene, atB } = withTwoTabs();
    scene.part().delete(scene.a).type(atB, "meanwhile");
    expect(scene.words(scene.b)).toEqual(["meanwhile", "old"]);
    scene.heal();
    expect(atB.turnedAway).toBe(1);
    expect(scene.agreed()).toBeUndefined();
  });

  test("[SIM8] 11. delete and re-create on A while a tab writes on B: after healing only the new document is there", () => {
    const { scene, atB } = withTwoTabs();
    scene.part().delete(scene.a);
    scene.type(scene.tab(scene.a), "new").type(atB, "meanwhile").heal();
    expect(atB.turnedAway).toBe(1);
    expect(scene.agreed()).toEqual(["new"]);
    expect(atB.editor.text.toString()).toBe("new ");
  });

  test("[SIM8] 12. delete on both: it is one deletion, and tabs of either side are turned away by the other", () => {
    const { scene, atA, atB } = withTwoTabs();
    scene.part().type(atA, "only A").type(atB, "only B").goOffline(atA).goOffline(atB);
    scene.delete(scene.a).delete(scene.b).heal();
    scene.comeBack(atA, scene.b).comeBack(atB, scene.a);
    expect([atA.turnedAway, atB.turnedAway]).toEqual([1, 1]);
    expect(scene.agreed()).toBeUndefined();
  });

  test("[SIM8] 13. delete and re-create on both: the two new documents merge", () => {
    const { scene } = withTwoTabs();
    scene.part().delete(scene.a).delete(scene.b);
    scene.type(scene.tab(scene.a), "new-A").type(scene.tab(scene.b), "new-B").heal();
    expect(scene.agreed()).toEqual(["new-A", "new-B"]);
  });

  test("[SIM8] 14. delete on both, re-create on A only: the new document reaches B", () => {
    const { scene } = withTwoTabs();
    scene.part().delete(scene.a).delete(scene.b);
    scene.type(scene.tab(scene.a), "new").heal();
    expect(scene.agreed()).toEqual(["new"]);
  });

  test("[SIM8] 15. delete on A; the stale tab comes to B, which has not heard: its words die when B does", () => {
    const { scene, stale } = withStaleTab();
    scene.part().delete(scene.a).comeBack(stale, scene.b);
    expect(stale.turnedAway).toBe(0);
    expect(scene.words(scene.b)).toEqual(["offline", "old"]);
    scene.heal();
    expect(stale.turnedAway).toBe(1);
    expect(scene.agreed()).toBeUndefined();
  });

  test("[SIM8] 16. delete and re-create on A; the stale tab comes to B, and after healing to A: nothing old comes along", () => {
    const { scene, stale } = withStaleTab();
    scene.part().delete(scene.a);
    scene.type(scene.tab(scene.a), "new").comeBack(stale, scene.b).goOffline(stale).heal().comeBack(stale, scene.a);
    expect(stale.turnedAway).toBe(1);
    expect(scene.agreed()).toEqual(["new"]);
  });

  test("[SIM8] 17. delete and re-create on A; B is deleted from and re-created twice: the longer history wins, its content whole", () => {
    const { scene } = withTwoTabs();
    scene.part().delete(scene.a).type(scene.tab(scene.a), "new-A");
    scene.delete(scene.b).type(scene.tab(scene.b), "second").delete(scene.b).type(scene.tab(scene.b), "third").heal();
    expect(scene.agreed()).toEqual(["third"]);
  });

  test("[SIM8] 18. delete on A, then B is put back to a copy from before: the deletion reaches it again", () => {
    const { scene, stale } = withStaleTab();
    const copy = scene.b.disk.copy();
    scene.delete(scene.a).part().restore(scene.b, copy).comeBack(stale, scene.b);
    expect(scene.words(scene.b)).toEqual(["offline", "old"]);
    scene.heal();
    expect(stale.turnedAway).toBe(1);
    expect(scene.agreed()).toBeUndefined();
  });
});
