/** Which facts are worth a line in the log, and how loud. */
import type { Fact } from "@yarrow/replica";
import type { LogLine } from "./peer-api.ts";

interface Voice {
  readonly level: LogLine["level"];
  readonly message: string;
}

/** Undefined for facts that are only counted. */
const VOICES: { readonly [K in Fact["kind"]]: Voice | undefined } = {
  committed: undefined,
  "refused-update": { level: "warn", message: "an update was refused" },
  pending: { level: "debug", message: "an update waits for what it refers to" },
  "commit-failed": { level: "error", message: "a change of a document could not be committed" },
  "store-full": { level: "error", message: "the disk is full; reading goes on" },
  "store-recovered": { level: "info", message: "the disk has room again" },
  "link-up": { level: "info", message: "linked" },
  "link-down": { level: "info", message: "a link ended" },
  "link-refused": { level: "warn", message: "a link was refused" },
  "duplicate-identity": {
    level: "error",
    message: "another live process has the same peer id: the data folder was copied",
  },
  "rolled-back": {
    level: "error",
    message: "a peer came back older than it was; it takes back what it had sent",
  },
  "rolled-back-here": {
    level: "error",
    message: "this peer came back older than another had seen it; it takes back what it had sent",
  },
  "rollback-over": { level: "info", message: "a peer that had come back older is equal again" },
  joined: { level: "info", message: "joined a cluster" },
  role: { level: "info", message: "the role changed" },
  "copies-confirmed": undefined,
  "copies-skipped": undefined,
  "copies-degraded": {
    level: "warn",
    message: "too few other peers acknowledge; edits are acknowledged without copies from now on",
  },
  "copies-recovered": { level: "info", message: "other peers acknowledge again; edits wait for their copies" },
  "broadcast-sent": undefined,
  "broadcast-received": undefined,
  "push-dropped": { level: "debug", message: "a congested link left out live pushes" },
  announced: undefined,
  grafted: undefined,
  pruned: undefined,
  "round-started": undefined,
  "round-ended": { level: "debug", message: "an anti-entropy round ended" },
  "reconciliation-stuck": { level: "error", message: "anti-entropy makes no progress" },
  "follower-ahead": {
    level: "error",
    message: "a follower holds more than this writer; promote it for a while, and it gives it back",
  },
  quarantined: { level: "error", message: "a damaged row was taken out of use" },
  repaired: { level: "info", message: "a damaged document is whole again" },
  "document-failed": {
    level: "error",
    message: "something failed over a document; it is closed for a minute, and nothing else is",
  },
  "past-damaged": {
    level: "warn",
    message: "a row that only history reads is damaged; that past has a gap, the document is whole",
  },
  compacted: { level: "debug", message: "compacted" },
};

export function logLineFor(fact: Fact): LogLine | undefined {
  const voice = VOICES[fact.kind];
  if (voice === undefined) return undefined;
  const { kind, ...fields } = fact;
  return { ...voice, level: isRoutine(fact) ? "debug" : voice.level, fields: { fact: kind, ...fields } };
}

/** What passes by itself and comes again every second while it lasts, or what another line has told already. */
function isRoutine(fact: Fact): boolean {
  if (fact.kind === "link-refused") return fact.code === "YARROW_LINK_PAUSED" || fact.code === "YARROW_LINK_DUPLICATE";
  return fact.kind === "link-down" && fact.peerId === undefined;
}

/** The last words of a peer that cannot go on. */
export function describeStop(error: Error): LogLine {
  return { level: "error", message: "the peer had to stop", fields: { error: error.stack ?? error.message } };
}
