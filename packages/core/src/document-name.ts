/** Names of documents as they come in from outside, in the path of a URL. */
import { YarrowError } from "@yarrow/protocol";
import { checkName } from "@yarrow/replica";

/**
 * The name in a request's path: what stands between the first slash and the query, percent-decoded, or taken literally
 * where that fails. Not yet checked.
 */
export function nameFromPath(requestPath: string): string {
  const query = requestPath.indexOf("?");
  const path = query === -1 ? requestPath : requestPath.slice(0, query);
  // Node hands over the path's bytes as Latin-1; clients that do not encode send UTF-8.
  const literal = Buffer.from(path.startsWith("/") ? path.slice(1) : path, "latin1").toString("utf8");
  try {
    return decodeURIComponent(literal);
  } catch {
    return literal;
  }
}

/** Why a name cannot be one; undefined when it can. */
export function nameProblem(name: string): string | undefined {
  try {
    checkName(name);
    return undefined;
  } catch (error) {
    if (error instanceof YarrowError) return error.message;
    throw error;
  }
}
