import { expect, it } from "vitest";
import { agreementOf, type PeerView } from "../src/peer-state.ts";
import { FRESH_TOUR, advance, typedAt, type TourProgress } from "../src/tour.ts";

function peers(cut: boolean, fingerprints: readonly string[]): readonly PeerView[] {
  return ["A", "B", "C"].map((name, place) => {
    const status = { peerId: name, state: "ready", root: "", documents: { alive: 1 }, links: [], sessions: 1 };
    const document = { state: "alive", incarnation: 1, fingerprint: fingerprints[place] ?? "" } as const;
    return { name, url: name, pid: 1, running: true, document, status: { ...status, paused: cut && name === "B" } };
  });
}

function look(progress: TourProgress, seen: readonly PeerView[]): TourProgress {
  return advance(progress, seen, agreementOf(seen));
}

const together = peers(false, ["1", "1", "1"]);
const apart = peers(true, ["1", "2", "1"]);

it("the tour ticks each step when it has happened, and not before", () => {
  let tour = look(typedAt(FRESH_TOUR, "A"), together);
  expect([...tour.done]).toEqual([]);
  tour = look(typedAt(tour, "B"), together);
  expect([...tour.done]).toEqual(["type"]);
  tour = look(tour, apart);
  expect([...tour.done]).toEqual(["type", "cut"]);
  tour = look(typedAt(tour, "B"), apart);
  expect([...tour.done]).toEqual(["type", "cut"]);
  tour = look(typedAt(tour, "C"), apart);
  expect([...tour.done]).toEqual(["type", "cut", "diverge"]);
  tour = look(tour, peers(false, ["1", "2", "1"]));
  expect(tour.done.has("heal")).toBe(false);
  tour = look(tour, together);
  expect([...tour.done]).toEqual(["type", "cut", "diverge", "heal"]);
  tour = look(
    tour,
    together.map((peer) => (peer.name === "C" ? { ...peer, running: false } : peer)),
  );
  expect(tour.done.has("kill")).toBe(true);
});

it("what was typed before the cut does not count as typed on both sides of it", () => {
  const typed = typedAt(typedAt(FRESH_TOUR, "A"), "B");
  expect(look(typed, apart).done.has("diverge")).toBe(false);
});
