/** Addresses to listen on. */
import type { AddressInfo } from "node:net";
import { isIPv4, isIPv6 } from "node:net";
import { YarrowError } from "@yarrow/protocol";

export interface HostPort {
  /** Without brackets. */
  readonly host: string;
  readonly port: number;
}

/** Reads `host:port` or `[v6]:port`. Throws YARROW_CONFIG_INVALID, naming the option. */
export function parseHostPort(text: string, option: string): HostPort {
  const match = /^(?:\[([^\]]+)\]|([^:\s]+)):([0-9]{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port > 65_535) {
    throw new YarrowError(
      "YARROW_CONFIG_INVALID",
      `${option} must be host:port, for example 127.0.0.1:4321, not "${text}"`,
    );
  }
  return { host, port };
}

/** True for addresses that only this machine can reach. A name other than localhost may point anywhere. */
export function isLoopback(host: string): boolean {
  if (host === "localhost" || host === "::1") return true;
  if (isIPv4(host)) return host.startsWith("127.");
  return isIPv6(host) && /^::ffff:127\./i.test(host);
}

/** True for addresses that mean "every interface", under which nobody can be reached. */
export function isWildcard(host: string): boolean {
  return host === "0.0.0.0" || host === "::";
}

/** `host:port` as it stands in a URL. */
export function formatHostPort({ host, port }: HostPort): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** Where a listening server can be reached: the host as it was asked for, and the port it got. */
export function boundAddress(asked: HostPort, address: AddressInfo | string | null): HostPort {
  return { host: asked.host, port: typeof address === "object" && address !== null ? address.port : asked.port };
}
