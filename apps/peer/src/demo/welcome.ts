/**
 * What the demo prints when everything is up: where things are, and what is worth trying.
 */
import { ink } from "../terminal/paint.ts";
import { formatTable } from "../terminal/table.ts";
import { commandName } from "./command-name.ts";
import type { DemoCluster } from "./demo-cluster.ts";
import type { PlaygroundServer } from "./playground-server.ts";

/** `kept`: the data folder outlives the demo. No line feed at the end. */
export function formatWelcome(cluster: DemoCluster, playground: PlaygroundServer, kept: boolean): string {
  const peers = formatTable(
    [
      { title: "PEER" },
      { title: "EDITORS AND PEERS" },
      { title: "METRICS AND STATUS" },
      { title: "PID", align: "right" },
    ],
    cluster.peers.map((peer) => [ink(peer.name, "bold"), peer.url, peer.adminUrl, String(peer.pid ?? "")]),
  );
  const [first, second] = cluster.peers;
  const other = second ?? first;
  const page = playground.hasPage
    ? ink(playground.url, ["bold", "cyan"])
    : `${playground.url} (page not built: npm run build)`;
  return `
${ink("Yarrow", "bold")}: ${cluster.peers.length} peers, one set of documents, no one in charge

  Playground  ${page}

${indent(peers)}

  ${ink("Try", "bold")}
  1. Type into one editor and watch the others follow.
  2. Cut a peer off, type on both sides, heal it: both texts are there.
  3. End a peer the hard way; the others do not mind:
     kill -9 ${other?.pid ?? "PID"}
  4. Look at a peer while you type:
     ${commandName()} status --watch --data ${first?.data ?? cluster.data}

  Data folder ${cluster.data} (${kept ? "kept" : "removed at the end"}). ${ink("Ctrl-C ends everything.", "bold")}
`;
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
