/** Adds a line to a document for somebody who has no editor at hand: `yarrow append`. An edit like any other. */
import { YarrowError } from "@yarrow/protocol";
import type { Peer } from "./peer-api.ts";

export interface AppendRequest {
  readonly name: string;
  /** Which root of the document; it must be text, or not be there yet. */
  readonly root: string;
  readonly line: string;
  /** As of `saved()`. */
  readonly copies: number | undefined;
  readonly timeoutMs: number | undefined;
  readonly signal: AbortSignal;
}

/**
 * Resolves when the line is kept, as `saved()` says, to its token. Errors: those of `open` and `saved`, and YARROW_CONFIG_INVALID where the root is
 * no text.
 */
export async function appendText(peer: Peer, request: AppendRequest): Promise<string> {
  const { name, root, line, copies, timeoutMs, signal } = request;
  const { roots = {} } = (await peer.show(name)) ?? {};
  const kind = (Object.hasOwn(roots, root) ? roots[root]?.kind : undefined) ?? "text";
  if (kind !== "text") {
    const message = `the root "${root}" of "${name}" is ${kind === "array" ? "an" : "a"} ${kind}, and takes no line of text`;
    throw new YarrowError("YARROW_CONFIG_INVALID", message, { hint: "Name another root with --root." });
  }
  await using handle = await peer.open(name, { signal });
  const text = handle.doc.getText(root);
  text.insert(text.length, `${line}\n`);
  return await handle.saved({
    signal,
    ...(copies === undefined ? {} : { copies }),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
  });
}
