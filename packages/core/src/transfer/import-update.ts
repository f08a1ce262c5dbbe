/**
 * Content from elsewhere as a local write: it merges with what is there, and what is there already changes nothing. To the replica whoever
 * brings it is a subscriber like a browser, one that holds the content before it has read the document.
 */
import { YarrowError } from "@yarrow/protocol";
import { checkName } from "@yarrow/replica";
import * as Y from "yjs";
import type { HandleHost } from "../document-handle.ts";
import { SingleEdit, checkWrite } from "../single-edit.ts";
import type { WriteOptions } from "../single-edit.ts";

export type ImportOptions = WriteOptions;

/**
 * Resolves once it is committed here, and on as many other peers as the peer's policy wants. Errors: YARROW_NAME_INVALID, YARROW_UPDATE_INVALID,
 * YARROW_UPDATE_TOO_LARGE, YARROW_DOCUMENT_TOO_LARGE, YARROW_FOLLOWER, YARROW_STORE_FULL, YARROW_COPIES_MISSING, YARROW_TIMEOUT;
 * YARROW_DOCUMENT_DELETED for content of a life of the document that has ended.
 */
export async function importUpdate(
  host: HandleHost,
  name: string,
  update: Uint8Array,
  options: ImportOptions = {},
): Promise<void> {
  checkName(name);
  checkWrite(host, name, options);
  let stateVector: Uint8Array;
  try {
    stateVector = Y.encodeStateVectorFromUpdate(update);
  } catch (cause) {
    throw new YarrowError("YARROW_UPDATE_INVALID", `${name}: these bytes are no Yjs update of encoding V1`, { cause });
  }
  // The replica keeps what it is given.
  const edit = { name, update: update.slice(), incarnation: undefined, stateVector };
  const outcome = await SingleEdit.write(host, edit, options);
  if (outcome.state === "kept") return;
  throw new YarrowError("YARROW_DOCUMENT_DELETED", `${name}: ${outcome.detail}`, {
    hint: "It holds content of a life of this document that was deleted; import it under another name.",
  });
}
