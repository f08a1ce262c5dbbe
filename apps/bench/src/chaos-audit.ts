/** After a run of faults: what anyone was shown must be on every peer, and nothing that nobody wrote. */
import * as Y from "yjs";
import type { ChaosRecorder, Edit } from "./chaos-recorder.ts";
import { tokensOf } from "./chaos-writer.ts";
import type { PeerProcess } from "./processes.ts";
import { readThroughClient } from "./stock-client.ts";

/** Compares what every peer gives a fresh client with what anyone was shown. */
export async function audit(
  peers: readonly PeerProcess[],
  documents: readonly string[],
  recorder: ChaosRecorder,
): Promise<{ missing: Edit[]; invented: string[] }> {
  const shown = recorder.edits.filter((edit) => recorder.wasEchoed(edit) || recorder.wasSeen(edit));
  const written = new Set(recorder.edits.map((edit) => edit.token));
  const missing = new Set<Edit>();
  const invented = new Set<string>();
  for (const peer of peers) {
    for (const document of documents) {
      const doc = await readThroughClient(peer.url, document);
      const tokens = tokensOf(doc);
      for (const edit of shown) {
        if (edit.document !== document) continue;
        if (!tokens.has(edit.token) || Y.getState(doc.store, edit.clientId) < edit.to) missing.add(edit);
      }
      for (const token of tokens) if (!written.has(token)) invented.add(token);
      doc.destroy();
    }
  }
  return { missing: [...missing], invented: [...invented] };
}
