/** The role of a peer as its owner sees and changes it. */
import { YarrowError } from "@yarrow/protocol";
import type { Role } from "@yarrow/protocol";
import type { Replica, RoleSet } from "@yarrow/replica";
import type { CheckedOptions } from "./options.ts";
import type { PeerStatus } from "./peer-api.ts";
import type { Requests } from "./requests.ts";

/** Errors: YARROW_CONFIG_INVALID, YARROW_STORE_FULL. */
export async function changeRole(requests: Requests, role: Role): Promise<void> {
  if (role !== "writer" && role !== "follower") {
    throw new YarrowError("YARROW_CONFIG_INVALID", `role must be writer or follower, not "${String(role)}"`);
  }
  const { failure } = await requests.ask<RoleSet>((request) => ({ type: "set-role", request, role }));
  if (failure !== undefined) throw new YarrowError(failure.code, failure.detail);
}

/** Tells the log when the folder remembers another role than the one that the start was told. */
export function tellRememberedRole(replica: Replica, { role, log }: CheckedOptions, now: number): void {
  const { rememberedRole } = replica.status(now);
  if (role === undefined || rememberedRole === undefined || role === rememberedRole) return;
  log({
    level: "warn",
    message: "the role that was set by command wins over the one that this start was told",
    fields: { remembered: rememberedRole, told: role },
  });
}

/** What `GET /writers` answers: where a browser that was refused here may write. */
export function describeWriters({ role, writers, upstream }: PeerStatus): object {
  const present = writers.map(({ peerId, url }) => ({ peerId, url: url ?? null }));
  return { role, writers: present, upstream: upstream.map(({ peerId, url }) => ({ peerId, url: url ?? null })) };
}
