/**
 * Addresses as people write them: where to listen (`HOST:PORT`) and whom to dial (`ws://HOST:PORT`).
 */
import { isIPv4, isIPv6 } from "node:net";
import type { Parsed } from "./parsed.ts";

export interface HostPort {
  /** Without brackets. */
  readonly host: string;
  /** 0 to 65535; 0 takes a free one. */
  readonly port: number;
}

/** `127.0.0.1:4321`, `localhost:0`, `[::1]:4321`. */
export function parseHostPort(text: string): Parsed<HostPort> {
  if (text.includes("://")) return { problem: `"${text}" is a URL; write HOST:PORT, for example 127.0.0.1:4321` };
  const match = /^(?:\[([^\]]*)\]|([^:[\]/\s]*)):(\d+)$/.exec(text);
  if (match === null) return { problem: `"${text}" is not HOST:PORT; ${adviceFor(text)}` };
  const [, bracketed, plain, digits] = match;
  const host = bracketed ?? plain ?? "";
  const port = Number(digits);
  if (host === "")
    return { problem: `"${text}" has no host; write 127.0.0.1:${digits}, or 0.0.0.0:${digits} for every interface` };
  if (bracketed !== undefined && !isIPv6(bracketed))
    return { problem: `"${text}": [${bracketed}] is not an IPv6 address` };
  if (port > 65_535) return { problem: `"${text}": ports end at 65535` };
  return { value: { host, port } };
}

/** The text that {@link parseHostPort} reads back. */
export function formatHostPort({ host, port }: HostPort): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** True for addresses that only this machine can reach. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || (isIPv4(host) && host.startsWith("127."));
}

/** `ws://HOST:PORT` or `wss://HOST[:PORT]`, with a path where a proxy wants one, without query or credentials. */
export function parsePeerUrl(text: string): Parsed<string> {
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) {
    return {
      problem: `"${text}" is not the address of a peer; write ws://HOST:PORT, for example ws://${text === "" ? "site-b:4321" : text}`,
    };
  }
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.hostname === "") return { problem: `"${text}" is not a valid URL` };
  if (url.protocol !== "ws:" && url.protocol !== "wss:") {
    return { problem: `"${text}" has scheme ${url.protocol.slice(0, -1)}; peers speak ws or wss` };
  }
  if (url.username !== "" || url.password !== "")
    return { problem: "a peer's address must not hold a user name or password" };
  if (url.search !== "" || url.hash !== "")
    return { problem: `"${text}" has a query or fragment; a peer's address has none` };
  return { value: text.replace(/\/$/, "") };
}

function adviceFor(text: string): string {
  if (/^\d+$/.test(text)) return `write 127.0.0.1:${text}`;
  if (isIPv6(text)) return `write [${text}]:4321`;
  if (/^[^:\s]+$/.test(text)) return `write ${text}:4321`;
  return "for example 127.0.0.1:4321";
}
