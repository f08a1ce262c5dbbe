/**
 * Proves that replicas are equal, or names the documents that differ. The local check goes a page of documents per step; a
 * comparison with a linked peer goes page by page over the wire, each page against our own rows of the same keys. What differs
 * while either set is moving is compared again until the time is up.
 */
import type { DocumentKey, PeerId, VerifyAsk, VerifyEntry, VerifyPage } from "@yarrow/protocol";
import { toHex } from "@yarrow/protocol";
import type { Catalog } from "../catalog/catalog.ts";
import type { Effect, VerifyDocument, VerifyReport } from "../effect.ts";
import type { LinkId, RequestId } from "../event.ts";
import type { Link } from "../links/link.ts";
import type { Links } from "../links/links.ts";
import type { SetTree } from "../set-tree/set-tree.ts";
import type { Store } from "../store.ts";
import type { VerifyPages } from "./verify-pages.ts";
import { checkPage } from "./local-check.ts";
import type { PastCheck, PastWalk } from "./past-check.ts";

interface Comparison {
  readonly link: LinkId;
  readonly peerId: PeerId;
  /** Names the question that is out; answers to earlier ones are ignored. */
  question: number;
  after: DocumentKey | "";
  rootsAtStart: string;
  /** Both roots when a whole pass first found these differences, and when that was. */
  rootsOfDifference: string;
  differsSince: number;
  /** Another pass found the same, with neither set having moved. */
  confirmed: boolean;
  differing: VerifyDocument[];
  result: "equal" | "different" | "moving" | "unreachable" | undefined;
  retryAt: number;
}

interface Run {
  readonly request: RequestId;
  readonly deep: boolean;
  readonly deadline: number;
  after: DocumentKey | "";
  checked: number;
  readonly bad: string[];
  localDone: boolean;
  /** Begins when every document is checked. */
  past: PastWalk | undefined;
  /** The time was up before every document was checked. */
  cutShort: boolean;
  readonly comparisons: Comparison[];
}

export interface VerifierParts {
  readonly store: Store;
  readonly catalog: Catalog;
  readonly tree: SetTree;
  readonly links: Links;
  readonly pages: VerifyPages;
  readonly past: PastCheck;
  readonly emit: (effect: Effect) => void;
}

const LOCAL_PAGE = 64;
const RETRY_MS = 250;
/** What differs for this long with neither set moving is not on its way: a lost push is repaired sooner. */
const STEADY_MS = 2_500;
/** Differing documents named in a report. */
const NAMED_MAX = 1_000;
const MISSING = "missing";

export class Verifier {
  readonly #parts: VerifierParts;
  readonly #runs = new Map<RequestId, Run>();
  #nextQuestion = 1;

  constructor(parts: VerifierParts) {
    this.#parts = parts;
  }

  start(
    request: { readonly request: RequestId; readonly deep: boolean; readonly timeoutMs: number },
    now: number,
  ): void {
    const comparisons = this.#parts.links.open().map((link) => this.#comparison(link));
    const { deep } = request;
    const deadline = now + request.timeoutMs;
    this.#runs.set(request.request, {
      request: request.request,
      deep,
      deadline,
      after: "",
      checked: 0,
      bad: [],
      localDone: false,
      past: undefined,
      cutShort: false,
      comparisons,
    });
    for (const comparison of comparisons) this.#ask(comparison, deep);
  }

  cancel(request: RequestId): void {
    this.#runs.delete(request);
  }

  /** Answers another peer's question. Call when nothing is staged. */
  answer(link: Link, ask: VerifyAsk, now: number): void {
    const { pages, tree } = this.#parts;
    const root = tree.root();
    pages.after(ask.after, ask.deep, now, (entries, next) => {
      link.answer({ type: "verify-page", request: ask.request, root, entries, next });
    });
  }

  /** Call when nothing is staged. */
  takePage(link: Link, page: VerifyPage, now: number): void {
    for (const run of this.#runs.values()) {
      const comparison = run.comparisons.find((one) => one.link === link.id && one.question === page.request);
      if (comparison !== undefined && comparison.result === undefined) this.#compare(run, comparison, page, now);
    }
  }

  linkEnded(link: Link): void {
    for (const run of this.#runs.values()) {
      for (const comparison of run.comparisons) {
        if (comparison.link === link.id) comparison.result ??= "unreachable";
      }
    }
  }

  /** Call when nothing is staged. */
  wake(now: number): void {
    for (const run of this.#runs.values()) {
      if (!run.localDone) this.#checkOwn(run, now);
      for (const comparison of run.comparisons) this.#retryIfDue(run, comparison, now);
      if (now >= run.deadline) this.#timeOut(run);
      if (run.localDone && run.comparisons.every(({ result }) => result !== undefined)) this.#report(run);
    }
  }

  nextDeadline(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const run of this.#runs.values()) {
      const undecided = run.comparisons.filter(({ result }) => result === undefined);
      if (!run.localDone || undecided.length === 0) return 0;
      next = Math.min(next, run.deadline, ...undecided.map(({ retryAt }) => retryAt));
    }
    return next;
  }

  #comparison(link: Link): Comparison {
    return {
      link: link.id,
      peerId: link.peerId!,
      question: 0,
      after: "",
      rootsAtStart: "",
      rootsOfDifference: "",
      differsSince: 0,
      confirmed: false,
      differing: [],
      result: undefined,
      retryAt: Number.POSITIVE_INFINITY,
    };
  }

  #ask(comparison: Comparison, deep: boolean): void {
    const link = this.#parts.links.get(comparison.link);
    comparison.retryAt = Number.POSITIVE_INFINITY;
    if (link?.state.kind !== "open") {
      comparison.result = "unreachable";
      return;
    }
    comparison.question = this.#nextQuestion++;
    link.send({ type: "verify-ask", request: comparison.question, deep, after: comparison.after });
  }

  #checkOwn(run: Run, now: number): void {
    if (run.past !== undefined) {
      run.past.step();
      run.localDone = run.past.done;
      return;
    }
    const page = checkPage(this.#parts, run.after, LOCAL_PAGE, now);
    run.checked += page.checked;
    run.bad.push(...page.bad.slice(0, NAMED_MAX - run.bad.length));
    run.after = page.next;
    if (page.next === "") run.past = this.#parts.past.walk();
  }

  #compare(run: Run, comparison: Comparison, page: VerifyPage, now: number): void {
    const roots = `${toHex(this.#parts.tree.root())} ${toHex(page.root)}`;
    if (comparison.after === "") comparison.rootsAtStart = roots;
    const equalRoots = toHex(this.#parts.tree.root()) === toHex(page.root);
    if (!run.deep && equalRoots) {
      comparison.result = "equal";
      return;
    }
    const { question } = comparison;
    this.#parts.pages.range(comparison.after, page.next, run.deep, now, (mine) => {
      if (comparison.question !== question || comparison.result !== undefined) return;
      comparison.differing.push(...differences(mine, page.entries));
      comparison.after = page.next;
      if (page.next !== "") return this.#ask(comparison, run.deep);
      this.#finish(comparison, roots, now);
    });
  }

  #finish(comparison: Comparison, roots: string, now: number): void {
    if (comparison.differing.length === 0) {
      comparison.result = "equal";
      return;
    }
    comparison.confirmed = roots === comparison.rootsAtStart && roots === comparison.rootsOfDifference;
    if (!comparison.confirmed) {
      comparison.rootsOfDifference = roots === comparison.rootsAtStart ? roots : "";
      comparison.differsSince = now;
    }
    if (comparison.confirmed && now - comparison.differsSince >= STEADY_MS) comparison.result = "different";
    else comparison.retryAt = now + RETRY_MS;
  }

  #retryIfDue(run: Run, comparison: Comparison, now: number): void {
    if (comparison.result !== undefined || now < comparison.retryAt) return;
    comparison.after = "";
    comparison.differing = [];
    this.#ask(comparison, run.deep);
  }

  #timeOut(run: Run): void {
    run.cutShort ||= run.past === undefined;
    run.localDone = true;
    for (const comparison of run.comparisons) {
      comparison.result ??= resultInTime(comparison);
    }
  }

  #report(run: Run): void {
    this.#runs.delete(run.request);
    const report: VerifyReport = {
      equal: !run.cutShort && run.bad.length === 0 && run.comparisons.every(({ result }) => result === "equal"),
      root: toHex(this.#parts.tree.root()),
      local: { checked: run.checked, bad: run.bad, past: pastOf(run) },
      peers: run.comparisons.map(({ peerId, result, differing }) => ({
        peerId,
        result: result ?? "unreachable",
        documents: differing.slice(0, NAMED_MAX),
      })),
    };
    this.#parts.emit({ type: "verified", request: run.request, report });
  }
}

function pastOf({ past }: Run): VerifyReport["local"]["past"] {
  const found = past?.found.slice(0, NAMED_MAX) ?? [];
  return { damaged: found.map(({ name, what }) => `${name}: ${what}`), complete: past?.done === true };
}

/** What can be said of a comparison that the time was too short for. */
function resultInTime({ rootsAtStart, confirmed }: Comparison): "different" | "moving" | "unreachable" {
  if (rootsAtStart === "") return "unreachable";
  return confirmed ? "different" : "moving";
}

function differences(mine: readonly VerifyEntry[], theirs: readonly VerifyEntry[]): VerifyDocument[] {
  const byName = new Map(theirs.map((entry) => [entry.name, describe(entry)]));
  const differing: VerifyDocument[] = [];
  for (const entry of mine) {
    const here = describe(entry);
    const there = byName.get(entry.name) ?? MISSING;
    byName.delete(entry.name);
    if (here !== there) differing.push({ name: entry.name, mine: here, theirs: there });
  }
  for (const [name, there] of byName) differing.push({ name, mine: MISSING, theirs: there });
  return differing;
}

function describe({ incarnation, fingerprint, contentDigest }: VerifyEntry): string {
  const content = contentDigest === "" ? "" : `, content ${contentDigest}`;
  return `incarnation ${incarnation}, fingerprint ${fingerprint}${content}`;
}
