/**
 * An application that embeds a follower, as a process of its own. It imports what an application imports, from where the
 * workspace builds it, and at run time: the workloads themselves know no Yarrow package.
 */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { text } from "node:stream/consumers";
import type * as Y from "yjs";
import { launch } from "./processes.ts";
import { waitUntil } from "./waiting.ts";

const CORE = new URL("../../../packages/core/dist/index.js", import.meta.url).href;

/** What each attempt to write said. */
export type Said = Readonly<Record<string, string>>;

/** Starts it on a folder, fed by `url`; resolves with what it was told when it tried to write to `name`. */
export async function launchEmbedded(folder: string, url: string, name: string): Promise<Said> {
  const child = launch(process.execPath, [fileURLToPath(import.meta.url), folder, url, name], {});
  const [said, errors] = await Promise.all([text(child.stdout!), text(child.stderr!), once(child, "close")]);
  if (said === "") throw new Error(`The embedded follower said nothing. Its last words:\n${errors}`);
  return JSON.parse(said) as Said;
}

interface Embedded extends AsyncDisposable {
  open(name: string): Promise<{ readonly doc: Y.Doc; saved(): Promise<void> }>;
  delete(name: string): Promise<boolean>;
  status(): { readonly documents: { readonly alive: number } };
  on(event: "fact", listener: (fact: { readonly kind: string }) => void): void;
}

interface Core {
  createPeer(options: object): Promise<Embedded>;
}

async function tryToWrite(folder: string, url: string, name: string): Promise<Said> {
  const core = (await import(CORE)) as Core;
  await using peer = await core.createPeer({ data: folder, peers: [url], role: "follower", discovery: false });
  await new Promise<void>((resolve) => {
    peer.on("fact", () => {
      if (peer.status().documents.alive > 0) resolve();
    });
  });
  const note = await peer.open(name);
  note.doc.getText("body").insert(0, "mine");
  const edit = await refusal(note.saved());
  // The refused edit has put a fresh Y.Doc in place, which is filled in a moment.
  await waitUntil(() => note.doc.getText("body").length > 0);
  note.doc.getText("body").delete(0, 1);
  const deletion = await refusal(note.saved());
  return { edit, "delete text": deletion, "delete document": await refusal(peer.delete(name)) };
}

async function refusal(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return "taken";
  } catch (error) {
    const { code, message } = error as { readonly code?: string; readonly message: string };
    return `${code ?? ""} ${message}`;
  }
}

const [, script, folder, url, name] = process.argv;
if (script === fileURLToPath(import.meta.url) && folder !== undefined && url !== undefined && name !== undefined) {
  process.stdout.write(JSON.stringify(await tryToWrite(folder, url, name)));
}
