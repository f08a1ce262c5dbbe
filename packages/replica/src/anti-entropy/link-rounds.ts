/** What is remembered of the rounds of one link, for as long as the link lives. */
import type { Link } from "../links/link.ts";
import type { Round } from "./round.ts";

/** Large messages that are on their way when a round is due: it would find, and send once more, what they are about to bring. */
interface Patience {
  readonly outgoing: number;
  readonly incoming: number | undefined;
}

export interface LinkRounds {
  readonly link: Link;
  round: Round | undefined;
  /** The next round may start then; infinite while there is no reason for one. */
  dueAt: number;
  backoffMs: number;
  fruitless: number;
  /** What a round that is due waits for. */
  patience: Patience | undefined;
  busySkips: number;
  /** Both sets as they were when the last round ended, to tell a stuck round from a busy set. */
  rootsBefore: string;
  /** Documents that the other side held when it last told. */
  theirDocuments: number;
  /** Streaming brought nothing: what differs is found by comparing. */
  comparesOnly: boolean;
  /** Since when parts of the set are streamed, and how many documents we held then; undefined once both were equal. */
  filling: { readonly since: number; readonly documents: number } | undefined;
}

/** How far a replica is that lacks most of what another holds. */
export interface CatchUp {
  readonly documents: number;
  /** Documents that the other side held when it last told. */
  readonly total: number;
  /** Since it began, on average. */
  readonly perSecond: number;
}

export function createLinkRounds(link: Link, busySkips: number): LinkRounds {
  return {
    link,
    round: undefined,
    dueAt: Number.POSITIVE_INFINITY,
    backoffMs: 0,
    fruitless: 0,
    patience: undefined,
    busySkips,
    rootsBefore: "",
    theirDocuments: 0,
    comparesOnly: false,
    filling: undefined,
  };
}

/** Undefined where nothing was streamed since both were last equal. */
export function describeCatchUp(state: LinkRounds, documents: number, now: number): CatchUp | undefined {
  if (state.filling === undefined) return undefined;
  const { since, documents: before } = state.filling;
  const perSecond = Math.round(((documents - before) * 1_000) / Math.max(1, now - since));
  return { documents: Math.min(documents, state.theirDocuments), total: state.theirDocuments, perSecond };
}

/** True while a large message that was on its way when the round became due has not come, and some of it did within `silentMs`. */
export function isPatient(state: LinkRounds, silentMs: number, now: number): boolean {
  const { outgoing, incoming, pieceAt } = state.link;
  state.patience ??= { outgoing: outgoing.transfers.next, incoming: incoming.unfinished };
  const { patience } = state;
  const comes = patience.incoming !== undefined && patience.incoming === incoming.unfinished;
  if (now - pieceAt < silentMs && (comes || outgoing.transfers.left < patience.outgoing)) return true;
  state.patience = undefined;
  return false;
}

/** When its round is given up. A large message may take longer than a round may be silent; each of its pieces is a sign of life. */
export function deadlineOf({ link, round }: LinkRounds, silentMs: number): number {
  return Math.max(round?.deadline ?? Number.POSITIVE_INFINITY, link.pieceAt + silentMs);
}
