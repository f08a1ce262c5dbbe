/**
 * A peer's status as people read it.
 */
import type { StatusReport } from "../control.ts";
import { formatLag } from "./lag-view.ts";
import { bar } from "../terminal/bar.ts";
import { ink, printable } from "../terminal/paint.ts";
import { count, formatBytes, formatDuration } from "../terminal/quantity.ts";
import { formatFacts, formatTable } from "../terminal/table.ts";
import type { Column } from "../terminal/table.ts";

const LINK_COLUMNS: readonly Column[] = [
  { title: "PEER" },
  { title: "ADDRESS" },
  { title: "ROLE" },
  { title: "LINK" },
  { title: "SETS" },
  { title: "ROUND TRIP", align: "right" },
  { title: "LAG", align: "right" },
];

/** Shown where there is a limit. */
const LIMIT_COLUMN: Column = { title: "LIMIT", align: "right" };

/** The last of what came back from peers that had been away. */
const MERGES_SHOWN = 5;

/** The whole status. No line feed at the end. */
export function formatStatus(status: StatusReport): string {
  const { documents, store } = status;
  const facts = formatFacts([
    ["peer", `${ink(status.peerId, "bold")}  ${stateInColour(status.state)}  ${roleOf(status)}`],
    ["address", status.url ?? "listens nowhere"],
    ...(status.role === "follower" ? ([["writers", formatWriters(status)]] as const) : []),
    ...formatLag(status),
    ["cluster", status.clusterId ?? "not decided yet: waits for the first peer it reaches"],
    ["fingerprint", `${status.root}  ${ink("of the whole set", "dim")}`],
    ...formatMembership(status.membership),
    ["documents", formatDocuments(documents)],
    ["sessions", String(status.sessions)],
    [
      "store",
      `${formatBytes(store.bytes)}, ${store.logRows.toLocaleString("en")} log rows, durability ${store.synchronous}`,
    ],
    ...(status.copies.state === "off" ? [] : [["copies", formatCopies(status.copies)] as const]),
    ...formatBackup(status.backup),
  ]);
  const alarms = alarmsOf(status).map((alarm) => `\n${ink("alarm", "red")}  ${alarm}`);
  const ahead = status.links.filter(({ theyHoldMore }) => theyHoldMore > 0).map(formatAhead);
  return `${facts}${alarms.join("")}${ahead.join("")}\n\n${formatLinks(status)}${formatMerged(status)}`;
}

function roleOf({ role, rememberedRole }: StatusReport): string {
  return rememberedRole === null ? role : `${role}, by command`;
}

function formatWriters({ writers }: StatusReport): string {
  if (writers.length === 0) return ink("none linked", "yellow");
  return writers.map(({ peerId, url }) => printable(url ?? peerId)).join(", ");
}

function formatAhead({ peerId, theyHoldMore }: StatusReport["links"][number]): string {
  const who = printable(peerId ?? "").slice(0, 12);
  const what = `follower ${who} holds more of ${count(theyHoldMore, "document")} than this writer, which has lost it`;
  return `\n${ink("alarm", "red")}  ${what}; \`yarrow promote\` there gives it back`;
}

/** What came back from peers that had been away; nothing where nothing did. */
function formatMerged({ merged }: StatusReport): string {
  if (merged.length === 0) return "";
  const lines = merged.slice(-MERGES_SHOWN).map(({ peerId, documents, bytes, sinceMs, atMs }) => {
    const what = `${count(documents, "document")}, ${formatBytes(bytes)} from ${printable(peerId).slice(0, 12)}`;
    const since = sinceMs === null ? "" : `, changed there since ${formatTime(sinceMs)}`;
    return `merged ${formatTime(atMs)}  ${what}${since}`;
  });
  return `\n\n${lines.join("\n")}`;
}

function formatTime(ms: number): string {
  return new Date(ms).toLocaleString("sv");
}

function alarmsOf({ duplicateIdentity, rolledBack }: StatusReport): string[] {
  const shared = "another live process has this peer id: a copied data folder is in use; give one of them a new folder";
  const older = rolledBack.map(({ peerId, behind, here }) => {
    const id = printable(peerId).slice(0, 12);
    const who = here ? "this peer" : `peer ${id}`;
    const than = here ? `than peer ${id} had seen it` : "than it was";
    return `${who} came back ${count(behind, "change")} older ${than}; it takes back what it had sent`;
  });
  return duplicateIdentity ? [shared, ...older] : older;
}

/** The links as a table, or a sentence when there are none. No line feed at the end. */
export function formatLinks({ links, paused }: Pick<StatusReport, "links" | "paused">): string {
  const notice = paused ? `${ink("links are paused", "yellow")}; \`yarrow link resume\` heals the cut\n` : "";
  if (links.length === 0) return `${notice}no links; \`yarrow serve --peer ws://HOST:PORT\` makes the first`;
  const rows = links.map((link) => [
    link.peerId === null ? ink("unknown", "dim") : printable(link.peerId).slice(0, 12),
    link.url === null ? ink("dialled us", "dim") : printable(link.url),
    link.role ?? "",
    link.state === "open" ? ink("open", "green") : ink(link.state, "yellow"),
    link.state !== "open" ? "" : link.equal ? ink("equal", "green") : ink("differ", "yellow"),
    link.rttMs === null ? "" : formatDuration(link.rttMs),
    link.lagMs === null ? "" : link.lagMs === 0 ? "none" : formatDuration(link.lagMs),
    link.limit === null ? "" : `${formatBytes(link.limit)}/s`,
  ]);
  const limited = links.some(({ limit }) => limit !== null);
  const table = limited ? formatTable([...LINK_COLUMNS, LIMIT_COLUMN], rows) : formatTable(LINK_COLUMNS, rows);
  return notice + table + formatCatchUps(links);
}

/** A bar for each link over which most of the set is being fetched. */
function formatCatchUps(links: StatusReport["links"]): string {
  const lines = links.flatMap(({ peerId, catchUp }) => {
    if (catchUp === null) return [];
    const { documents, total, perSecond } = catchUp;
    const share = total > 0 ? Math.min(1, documents / total) : 0;
    const rest = perSecond > 0 ? `, ${formatDuration(((total - documents) / perSecond) * 1_000)} left` : "";
    const what = `${documents.toLocaleString("en")} of ${count(total, "document")}, ${perSecond.toLocaleString("en")} a second${rest}`;
    return [`catching up  ${bar(share)}  ${what}, from ${printable(peerId ?? "").slice(0, 12)}`];
  });
  return lines.length === 0 ? "" : `\n\n${lines.join("\n")}`;
}

/** Nothing where everybody links to everybody: then the links tell it all. */
function formatMembership({ mode, peers, active, passive }: StatusReport["membership"]): (readonly [string, string])[] {
  if (mode !== "views") return [];
  const known = `${count(passive, "further peer")} to dial`;
  return [
    ["view", `${count(active, "link")} of a cluster too large for all to link with all; ${known}, ${peers} known`],
  ];
}

/** What is wanted, how it goes, and who acknowledges. */
function formatCopies({ wanted, whenMissing, state, waiting, peers }: StatusReport["copies"]): string {
  const how = state === "degraded" ? ink("degraded: acknowledged without", "red") : `or ${whenMissing}`;
  const oldest = formatDuration(waiting.oldestMs);
  const waits = waiting.edits === 0 ? "" : `, ${count(waiting.edits, "edit")} waiting, the oldest for ${oldest}`;
  const last = peers.map(({ peerId, agoMs }) => `${printable(peerId).slice(0, 12)} ${formatDuration(agoMs)} ago`);
  const who = last.length === 0 ? "nobody has acknowledged anything yet" : `acknowledged by ${last.join(", ")}`;
  return `${wanted} wanted, ${how}${waits}; ${who}`;
}

/** Nothing for a peer that is not backed up from here. */
function formatBackup({ running, last, lastFailure }: StatusReport["backup"]): (readonly [string, string])[] {
  const words: string[] = [];
  if (running !== null) words.push(`one is being taken: ${running.stage} ${running.done} of ${running.total}`);
  if (last !== null) {
    const age = formatDuration(Math.max(0, Date.now() - last.takenMs));
    words.push(`${printable(last.file)}, ${formatBytes(last.bytes)}, ${age} old`);
  }
  if (lastFailure !== null) words.push(ink(`the last one failed: ${printable(lastFailure)}`, "red"));
  return words.length === 0 ? [] : [["backup", words.join("; ")]];
}

function formatDocuments(documents: StatusReport["documents"]): string {
  const troubled = (value: number, word: string): string[] =>
    value > 0 ? [ink(`${value.toLocaleString("en")} ${word}`, "yellow")] : [];
  return [
    `${documents.alive.toLocaleString("en")} alive`,
    `${documents.deleted.toLocaleString("en")} deleted`,
    ...troubled(documents.pending, "waiting for missing changes"),
    ...troubled(documents.quarantined, "quarantined"),
  ].join(", ");
}

function stateInColour(state: StatusReport["state"]): string {
  if (state === "ready") return ink(state, "green");
  return ink(state, state === "read-only" ? "red" : "yellow");
}
