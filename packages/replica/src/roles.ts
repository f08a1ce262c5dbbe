/**
 * Whether this replica writes, and how it comes to change its mind.
 *
 * Invariants
 * 1. A follower's own writes are refused from the moment the change of role is durable; what was committed before stays.
 * 2. A link speaks for one role from its hello to its end, so a change of role ends all links, and they are dialled again at once.
 * 3. Who becomes a follower first lets the others fetch what it wrote: afterwards nobody but its own followers would take it. It
 *    waits for that at most `roleDrainMs`; what is left then is not lost, and the writers are told of it (see `surplus.ts`).
 * 4. A role that was set is remembered with the data, and wins over what a later start is told.
 */
import type { PeerId, Role, YarrowErrorCode } from "@yarrow/protocol";
import type { ReplicaConfig } from "./config.ts";
import type { Effect } from "./effect.ts";
import type { SetRole } from "./event.ts";
import type { Link } from "./links/link.ts";
import type { Links } from "./links/links.ts";
import type { Store } from "./store.ts";
import { StoreFullError } from "./store.ts";

export interface RolesParts {
  readonly config: ReplicaConfig;
  readonly store: Store;
  readonly links: () => Links;
  readonly askDigest: (link: Link) => void;
  readonly emit: (effect: Effect) => void;
}

export interface RoleRefusal {
  readonly code: YarrowErrorCode;
  readonly detail: string;
}

/** Peers named in a refusal; a close frame has room for about as many. */
const NAMED_MAX = 3;

export class Roles {
  readonly #parts: RolesParts;
  #role: Role;
  #remembered: Role | undefined;
  /** The links still speak for the role before; until then at the latest. */
  #drainUntil = Number.POSITIVE_INFINITY;

  /** `initial` holds where no role was ever set. */
  constructor(parts: RolesParts, initial: Role) {
    this.#parts = parts;
    this.#remembered = parts.store.readRole();
    this.#role = this.#remembered ?? initial;
  }

  get role(): Role {
    return this.#role;
  }

  /** Undefined until a role was set. */
  get remembered(): Role | undefined {
    return this.#remembered;
  }

  /** Why this replica takes no writes of its own; undefined when it does. */
  refusal(): RoleRefusal | undefined {
    if (this.#role === "writer") return undefined;
    const writers = namesOf(this.writers());
    const upstream = namesOf(this.upstream());
    // Who has no writer in sight can ask there.
    const where = writers === "" && upstream !== "" ? `fed by: ${upstream}` : `writers: ${writers || "none linked"}`;
    return { code: "YARROW_FOLLOWER", detail: `this peer is a follower and takes no writes; ${where}` };
  }

  /** Linked writers, and where they can be dialled. */
  writers(): { readonly peerId: PeerId; readonly url: string | undefined }[] {
    return this.#linked((link) => link.hello?.role === "writer");
  }

  /** Linked followers that feed this one: who has no writer here may ask there. */
  upstream(): { readonly peerId: PeerId; readonly url: string | undefined }[] {
    return this.#linked((link) => link.hello?.role === "follower" && link.feedsUs);
  }

  /** Call when nothing is staged. */
  set({ request, role }: SetRole, now: number): void {
    const { store, emit, links, config, askDigest } = this.#parts;
    try {
      store.transaction(() => store.writeRole(role));
    } catch (error) {
      if (!(error instanceof StoreFullError)) throw error;
      const failure = { code: error.code, detail: "there is no room to remember the role" };
      return emit({ type: "role-set", request, role: this.#role, failure });
    }
    const changed = role !== this.#role;
    this.#remembered = role;
    this.#role = role;
    if (changed) {
      emit({ type: "observe", fact: { kind: "role", role } });
      this.#drainUntil = role === "follower" ? now + config.roleDrainMs : now;
      for (const link of links().open()) {
        link.equal = false;
        askDigest(link);
      }
    }
    emit({ type: "role-set", request, role, failure: undefined });
  }

  /** Call when nothing is staged. */
  wake(now: number): void {
    if (this.#drainUntil === Number.POSITIVE_INFINITY) return;
    const links = this.#parts.links();
    if (now < this.#drainUntil && links.open().some((link) => link.takesOurs && !link.equal)) return;
    this.#drainUntil = Number.POSITIVE_INFINITY;
    links.renew(this.#role, now);
  }

  nextDeadline(): number {
    return this.#drainUntil;
  }

  #linked(choose: (link: Link) => boolean): { readonly peerId: PeerId; readonly url: string | undefined }[] {
    const linked = this.#parts.links().open().filter(choose);
    return linked.flatMap(({ hello, dialled }) =>
      hello === undefined ? [] : [{ peerId: hello.peerId, url: hello.addresses[0] ?? dialled }],
    );
  }
}

function namesOf(places: readonly { readonly url: string | undefined }[]): string {
  return places
    .flatMap(({ url }) => url ?? [])
    .slice(0, NAMED_MAX)
    .join(", ");
}
