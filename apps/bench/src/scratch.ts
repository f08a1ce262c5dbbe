/** Temporary folders that are removed with what is in them. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Scratch extends AsyncDisposable {
  readonly path: string;
  /** A path inside the folder. */
  inside(name: string): string;
}

/** Makes a folder of our own; `keep` leaves it behind for a look at it. */
export async function makeScratch(purpose: string, keep = false): Promise<Scratch> {
  const path = await mkdtemp(join(tmpdir(), `yarrow-${purpose}-`));
  return {
    path,
    inside: (name) => join(path, name),
    [Symbol.asyncDispose]: async () => {
      if (!keep) await rm(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
