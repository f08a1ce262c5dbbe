/** Does what the engine wants done, one effect at a time, in order. Effects tell of what is committed already. */
import type { Event, Fact } from "@yarrow/replica";
import type { Handles } from "./handles.ts";
import type { LinkSockets } from "./link-sockets.ts";
import type { Output } from "./loop.ts";
import type { Requests } from "./requests.ts";
import type { SessionSockets } from "./session-sockets.ts";
import type { WorkerPool } from "./worker-pool.ts";

/** Everything outside the engine that an effect can reach. */
export interface Targets {
  readonly sessions: SessionSockets;
  readonly links: LinkSockets;
  readonly handles: Handles;
  readonly requests: Requests;
  readonly pool: WorkerPool;
  readonly submit: (event: Event) => void;
  readonly observe: (fact: Fact) => void;
}

export function perform(effect: Output, targets: Targets): void {
  switch (effect.type) {
    case "session-send":
      return targets.sessions.send(effect.sessions, effect.frame);
    case "session-close":
      return targets.sessions.close(effect.session, effect.code, effect.reason);
    case "answer":
    case "deliver":
    case "saved":
    case "confirmed":
    case "echo":
    case "gap":
    case "evict":
    case "rebound":
      return targets.handles.perform(effect);
    case "presence":
    case "presence-lost":
    case "presence-wanted":
      // For browsers, who have it from the relay; handles carry no awareness.
      return;
    case "deleted":
    case "copies":
    case "compacted":
    case "verified":
    case "waited":
    case "role-set":
    case "released":
      return targets.requests.settle(effect);
    case "send":
      return targets.links.send(effect.link, effect.frames);
    case "close-link":
      return targets.links.close(effect.link, `${effect.code} ${effect.detail}`);
    case "dial":
      return targets.links.dial(effect.url);
    case "work":
      void targets.pool.run(effect.job).then((result) => {
        if (result.kind !== "describe" && result.kind !== "past")
          targets.submit({ type: "work-done", work: effect.work, result });
      });
      return;
    case "observe":
      return targets.observe(effect.fact);
  }
}
