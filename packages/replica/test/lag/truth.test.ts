import { describe, expect, it } from "vitest";
import type { Peer } from "../engine/cluster.ts";
import { Chain } from "./truth.ts";

/** What a follower says may differ from what is true by this much: one interval of beats, and what four hops take. */
const ERROR_MS_MAX = 50;

/** A chain of four, 2 ms from hop to hop, that has been at work for a while. */
function chainOfFour() {
  const chain = new Chain(4, 2);
  chain.run(400, 10, false);
  const [first, , third, fourth] = chain.followers as [Peer, Peer, Peer, Peer];
  return { chain, cluster: chain.cluster, writer: chain.writer, first, third, fourth };
}

describe("the lag of a chain of four, against the truth on one clock", () => {
  it("[LAG1] is within 50 ms of it while writes come steadily, seldom, and not at all", () => {
    const { chain } = chainOfFour();
    chain.run(400, 10);
    chain.run(400, 0);
    chain.run(600, 170);
    expect(chain.samples).toBe(5_600);
    expect(chain.worst.errorMs).toBeLessThanOrEqual(ERROR_MS_MAX);
    expect(chain.trueMsMax).toBeGreaterThan(0);
    expect(chain.trueMsMax).toBeLessThan(20);
  });

  it("[LAG1] is within 50 ms of it while a link stalls, at either end of the chain, and when it flows again", () => {
    const { chain, cluster, writer, first, third, fourth } = chainOfFour();
    cluster.stalls = (from, to) => from === writer && to === first;
    chain.run(900, 10);
    expect(chain.trueMsMax).toBeGreaterThan(800);
    cluster.flow();
    chain.run(200, 10);
    cluster.stalls = (from, to) => from === third && to === fourth;
    chain.run(400, 10);
    cluster.flow();
    chain.run(200, 10);
    expect(chain.worst.errorMs).toBeLessThanOrEqual(ERROR_MS_MAX);
  });

  it("[LAG1] is within 50 ms of it while the chain is cut, heals and catches up, and writing goes on", () => {
    const { chain, cluster, writer, first } = chainOfFour();
    const pause = (paused: boolean): void => {
      for (const peer of [first, writer]) cluster.step(peer, { type: "pause-links", peer: undefined, paused });
    };
    pause(true);
    chain.run(1_000, 10);
    expect(chain.trueMsMax).toBeGreaterThan(900);
    pause(false);
    chain.run(600, 10);
    expect(cluster.linksOf(first, writer)).toHaveLength(1);
    expect(chain.followers.map((follower) => chain.trueMs(follower))).toEqual([0, 0, 0, 0]);
    expect(chain.worst.errorMs).toBeLessThanOrEqual(ERROR_MS_MAX);
  });
});
