/** Who takes changes from whom, and what becomes of those who send what they may not. */
import type { Message, ProcessId, Role } from "@yarrow/protocol";
import { encodeFrame, encodeMessage } from "@yarrow/protocol";
import { describe, expect, it } from "vitest";
import type { Peer } from "./cluster.ts";
import { Cluster, Editor, textOf } from "./cluster.ts";

const CHANGES = new Set<Message["type"]>(["broadcast", "documents", "stream"]);

/** Messages that moved changes, as "from > to". */
function flows(cluster: Cluster): string[] {
  const seen = cluster.sent.filter(({ message }) => CHANGES.has(message.type));
  return [...new Set(seen.map(({ from, to }) => `${from.url} > ${to.url}`))].sort();
}

function recorded(): Cluster {
  const cluster = new Cluster();
  cluster.records = true;
  return cluster;
}

describe("who takes changes from whom", () => {
  it("[ROL1, ROL3] a follower takes from a writer, live and by repair, and gives nothing back", () => {
    const cluster = recorded();
    const writer = cluster.add();
    new Editor(cluster, writer, "before").type("x");
    cluster.run(100);
    const follower = cluster.add({ role: "follower", peers: [writer.url] });
    cluster.run(3_000);
    new Editor(cluster, writer, "after").type("y");
    cluster.until(() => textOf(follower, "after", cluster.now) === "y", 100);
    expect(textOf(follower, "before", cluster.now)).toBe("x");
    expect(cluster.equal).toBe(true);
    expect(flows(cluster)).toEqual([`${writer.url} > ${follower.url}`]);
  });

  it("[ROL1] it does so when the writer dialled", () => {
    const cluster = recorded();
    const follower = cluster.add({ role: "follower" });
    const writer = cluster.add({ peers: [follower.url] });
    new Editor(cluster, writer, "n").type("x");
    cluster.until(() => textOf(follower, "n", cluster.now) === "x", 3_000);
    expect(flows(cluster)).toEqual([`${writer.url} > ${follower.url}`]);
  });

  it("[ROL1, ROL3] a follower takes from a follower it was told to follow, and to any depth", () => {
    const cluster = recorded();
    const chain = [cluster.add()];
    for (let i = 0; i < 3; i++) chain.push(cluster.add({ role: "follower", peers: [chain[i]!.url], discovery: false }));
    new Editor(cluster, chain[0]!, "n").type("x");
    const end = chain[3]!;
    cluster.until(() => textOf(end, "n", cluster.now) === "x", 5_000);
    new Editor(cluster, chain[0]!, "n").type("more");
    cluster.until(() => cluster.equal, 5_000);
    expect(flows(cluster)).toEqual(chain.slice(1).map((peer, i) => `${chain[i]!.url} > ${peer.url}`));
  });
});

describe("a side that may not send changes", () => {
  const STRANGER = "99".repeat(8) as ProcessId;
  const update = Uint8Array.of(0, 0);
  const difference = { name: "m", incarnation: 1, fence: [], update, summary: undefined };
  const changes: Message[] = [
    {
      type: "broadcast",
      origin: STRANGER,
      sequence: 1,
      name: "m",
      incarnation: 1,
      fence: [],
      segments: [],
      ageMs: 0,
      ordinal: 0,
    },
    { type: "documents", round: 1, reply: true, documents: [difference], omitted: [] },
    { type: "documents", round: 1, reply: false, documents: [difference], omitted: [] },
    { type: "stream", round: 1, documents: [difference], next: "" },
  ];

  function linked(receiver: Role, sender: Role): { cluster: Cluster; a: Peer; say: (message: Message) => void } {
    const cluster = new Cluster();
    const a = cluster.add({ role: receiver });
    const b = cluster.add({ role: sender, peers: [a.url] });
    cluster.run(3_000);
    const [link] = cluster.linksOf(a, b);
    a.mark();
    const say = (message: Message): void => {
      cluster.step(a, { type: "link-frame", link: link!, bytes: encodeFrame([encodeMessage(message)]) });
    };
    return { cluster, a, say };
  }

  const pairs = [
    ["writer", "follower"],
    ["follower", "follower"],
  ] as const;
  for (const [receiver, sender] of pairs) {
    it.each(changes)(
      `[ROL2] a ${receiver} refuses $type of a ${sender}, keeps nothing and closes the link`,
      (message) => {
        const { cluster, a, say } = linked(receiver, sender);
        const { root } = a.replica.status(cluster.now);
        say(message);
        expect(a.of("close-link")).toMatchObject([{ code: "YARROW_NOT_A_WRITER" }]);
        expect(a.facts("link-refused")).toMatchObject([{ code: "YARROW_NOT_A_WRITER" }]);
        expect(a.replica.status(cluster.now).root).toBe(root);
        expect(a.replica.read("m", cluster.now)).toBeUndefined();
      },
    );
  }

  it("[ROL2] everything else it says is listened to", () => {
    const { a, say } = linked("writer", "follower");
    say({
      type: "presence",
      origin: STRANGER,
      sequence: 1,
      name: "m",
      states: [{ clientId: 1, clock: 1, state: "{}" }],
    });
    say({ type: "documents-ask", round: 1, summaries: [], keys: [] });
    say({ type: "digest", root: new Uint8Array(16), documents: 3, answer: false, lastSequence: 0 });
    expect(a.of("close-link")).toEqual([]);
    expect(a.of("presence")).toHaveLength(1);
  });

  it("[ROL3] two followers that only met tell each other that they differ, and exchange nothing", () => {
    const cluster = recorded();
    const writer = cluster.add();
    const a = cluster.add({ role: "follower", peers: [writer.url] });
    const b = cluster.add({ role: "follower", peers: [writer.url] });
    cluster.run(5_000);
    cluster.cut(b, writer);
    cluster.loses = ({ from, to }) => [from, to].includes(b) && [from, to].includes(writer);
    new Editor(cluster, writer, "n").type("x");
    cluster.run(60_000);
    expect(textOf(a, "n", cluster.now)).toBe("x");
    expect(textOf(b, "n", cluster.now)).toBeUndefined();
    const between = cluster.sent.filter(({ from, to }) => from !== writer && to !== writer);
    const types = new Set(between.map(({ message }) => message.type));
    expect([...CHANGES].filter((type) => types.has(type))).toEqual([]);
    expect(types).toContain("digest");
    expect(between.filter(({ message }) => message.type === "digest").length).toBeLessThan(30);
    expect(b.facts("reconciliation-stuck")).toEqual([]);
  });
});
